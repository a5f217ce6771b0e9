import { type Disclosure, open, redacted } from '../schema/sensitive.ts'

const longest = 80
const widest = 5
const deepest = 3

/**
 * A short text of any value for an error message: at most about a hundred characters, no sensitive part, and never an
 * exception, whatever the value's getters and proxies do.
 */
export function render(value: unknown, disclosure: Disclosure = open): string {
  try {
    return shorten(text(value, disclosure, []), longest + 40)
  } catch {
    return '[unreadable]'
  }
}

/** A path of an event as it is written in code: `data.lines[0].sku`. */
export function renderPath(path: readonly (string | number)[]): string {
  let result = ''
  for (const segment of path) {
    if (typeof segment === 'number') result += `[${segment}]`
    else if (/^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(segment) || segment === redacted) result += `${result && '.'}${segment}`
    else result += `[${quote(segment)}]`
  }
  return result || 'event'
}

/** The candidate that `word` is most likely a misspelling of, if any is close. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  const limit = Math.floor(word.length / 3)
  let best: string | undefined
  let least = limit + 1
  for (const candidate of candidates.slice(0, 1000)) {
    if (Math.abs(candidate.length - word.length) > limit) continue
    const distance = editDistance(word.toLowerCase().slice(0, longest), candidate.toLowerCase().slice(0, longest))
    if (distance < least) [best, least] = [candidate, distance]
  }
  return best
}

function text(value: unknown, disclosure: Disclosure, parents: readonly object[]): string {
  if (disclosure.hidden) return redacted
  if (typeof value === 'object' && value !== null) return objectText(value, disclosure, parents)
  if (value === undefined || value === null) return String(value)
  if (disclosure.guarded) return redacted
  if (typeof value === 'string') return quote(value)
  if (typeof value === 'bigint') return `${shorten(String(value), longest)}n`
  if (typeof value === 'function') return `function ${shorten(value.name || '(anonymous)', longest)}`
  if (typeof value === 'symbol') return String(value)
  return Object.is(value, -0) ? '-0' : `${value as number | boolean}`
}

function objectText(value: object, disclosure: Disclosure, parents: readonly object[]): string {
  if (parents.includes(value)) return '[circular]'
  const inside = [...parents, value]
  const child = (each: unknown, key: PropertyKey) => text(each, disclosure.at(key), inside)
  const deep = inside.length > deepest
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]'
    if (deep) return `[…${value.length} items]`
    return list('[', value.slice(0, widest).map(child), value.length, ']')
  }
  if (value instanceof Date) {
    if (disclosure.guarded) return redacted
    return Number.isNaN(value.getTime()) ? 'Invalid Date' : `Date ${value.toISOString()}`
  }
  if (value instanceof Map || value instanceof Set) {
    const kind = value instanceof Map ? 'Map' : 'Set'
    if (deep || disclosure.guarded || disclosure.hidesKeys) return `${kind}(${value.size})`
    return `${kind}(${value.size}) ${render([...value])}`
  }
  if (value instanceof Error) return disclosure.guarded ? redacted : `${value.name}: ${quote(value.message)}`
  return recordText(value, disclosure, deep, child)
}

function recordText(
  value: object,
  disclosure: Disclosure,
  deep: boolean,
  child: (value: unknown, key: string) => string,
): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  const plain = prototype === Object.prototype || prototype === null
  const name = plain ? '' : `${value.constructor?.name ?? 'Object'} `
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `${name}(${value.byteLength} bytes)`
  const keys = Object.keys(value)
  if (keys.length === 0) return `${name}{}`
  if (deep) return `${name}{…${keys.length} keys}`
  const shown = keys.slice(0, widest).map((key) => {
    const label = disclosure.hidesKeys ? redacted : keyText(key)
    return `${label}: ${child(Reflect.get(value, key), key)}`
  })
  return list(`${name}{ `, shown, keys.length, ' }')
}

function list(start: string, shown: readonly string[], length: number, end: string): string {
  const rest = length > shown.length ? [`… ${length - shown.length} more`] : []
  return start + [...shown, ...rest].join(', ') + end
}

function keyText(key: string): string {
  return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(key) ? shorten(key, 40) : quote(key)
}

function quote(value: string): string {
  return value.length > longest
    ? `${JSON.stringify(value.slice(0, longest))}… (${value.length} characters)`
    : JSON.stringify(value)
}

function shorten(value: string, length: number): string {
  return value.length > length ? `${value.slice(0, length)}…` : value
}

// Letters added, left out, changed or swapped with their neighbour.
function editDistance(a: string, b: string): number {
  let beforePrevious: readonly number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const change = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      const isSwap = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      const swap = isSwap ? (beforePrevious[column - 2] ?? Infinity) + 1 : Infinity
      current.push(Math.min((current[column - 1] ?? 0) + 1, (previous[column] ?? 0) + 1, change, swap))
    }
    beforePrevious = previous
    previous = current
  }
  return previous[b.length] ?? 0
}
