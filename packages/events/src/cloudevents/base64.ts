const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** The bytes of base64 text (RFC 4648, with padding, nothing else in between), `undefined` when it is not that. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (!base64.test(text)) return undefined
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}

/** Bytes as base64 text. */
export function toBase64(bytes: Uint8Array): string {
  let binary = ''
  // In pieces, because a call takes a limited number of arguments.
  for (let start = 0; start < bytes.length; start += 8192) {
    binary += String.fromCharCode(...bytes.subarray(start, start + 8192))
  }
  return btoa(binary)
}
