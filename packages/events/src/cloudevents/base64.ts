// One class of characters, not groups of four: of groups, millions would exhaust the engine's stack.
const base64 = /^[A-Za-z0-9+/]*={0,2}$/

/** The bytes of base64 text (RFC 4648, with padding, nothing else in between), `undefined` when it is not that. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || !base64.test(text)) return undefined
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index)
  return bytes
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
