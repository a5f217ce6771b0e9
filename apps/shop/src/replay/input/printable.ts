const LIMIT = 60

/**
 * A value for a message: in double quotes, control and direction-changing characters escaped so that a file cannot
 * steer the terminal, and cut at `limit` characters.
 */
export function quoted(value: string, limit = LIMIT): string {
  const cut = value.length > limit ? `${value.slice(0, limit)}…` : value
  return JSON.stringify(cut).replace(invisible, escaped)
}

/** As {@link quoted}, of bytes: what is not ASCII is shown as `\xNN`. */
export function quotedBytes(bytes: Buffer): string {
  const cut = bytes.subarray(0, LIMIT)
  let text = ''
  for (const byte of cut) {
    text += byte >= 0x20 && byte < 0x7f && byte !== 0x22 ? String.fromCharCode(byte) : (named[byte] ?? hex(byte))
  }
  return `"${text}${cut.length < bytes.length ? '…' : ''}"`
}

/** A text for a table: as it is, but for characters that could steer the terminal. */
export function printable(text: string): string {
  return text.replace(invisible, escaped)
}

/** Controls (C0 and C1), zero-width and bidirectional format characters, line separators, the byte order mark. */
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu
const named: Readonly<Record<number, string>> = { 9: '\\t', 10: '\\n', 13: '\\r', 34: '\\"' }

function escaped(character: string): string {
  return `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`
}

function hex(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`
}
