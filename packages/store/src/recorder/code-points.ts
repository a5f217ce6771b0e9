/** By code points, as databases compare texts in binary order. */
export function compareCodePoints(a: string, b: string): number {
  const [left, right] = [codePoints(a), codePoints(b)]
  const different = left.findIndex((codePoint, index) => codePoint !== right[index])
  return different === -1 ? left.length - right.length : left[different]! - (right[different] ?? -1)
}

function codePoints(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0)!)
}
