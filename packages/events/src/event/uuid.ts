// RFC 9562, section 5.7 with the dedicated counter of section 6.2 (method 1): 48 bits of milliseconds, a 12-bit counter
// that starts anywhere in its lower half each millisecond, then 62 random bits, 48 of them new for every id.

let digits: readonly string[] | undefined // every group of three hexadecimal digits
const pool = new Uint16Array(1024)
let used = pool.length
let tick = -1
let counter = 0
let start = ''
let middle = ''

/**
 * A UUID of version 7 (RFC 9562), as every event gets for its `id`. Within a process each is greater than all before it,
 * also when the clock is set back and when thousands are asked for in one millisecond: then its time runs ahead.
 */
export function uuidv7(): string {
  return nextId(Date.now())
}

/** The next UUID of version 7, for a caller who has already read the clock: whole milliseconds since 1970. */
export function nextId(now: number): string {
  const hex = (digits ??= Array.from({ length: 4096 }, (_, value) => value.toString(16).padStart(3, '0')))
  if (now > tick) startTick(now, hex)
  else if (counter === 4096) startTick(tick + 1, hex)
  if (used + 4 > pool.length) refill()
  const at = used
  used += 4
  return (
    start + hex[counter++]! + middle + triple(hex, at) + triple(hex, at + 1) + triple(hex, at + 2) + triple(hex, at + 3)
  )
}

function triple(hex: readonly string[], at: number): string {
  return hex[pool[at]! & 4095]!
}

function startTick(now: number, hex: readonly string[]): void {
  if (used + 2 > pool.length) refill()
  const time = now.toString(16).padStart(12, '0')
  tick = now
  start = `${time.slice(0, 8)}-${time.slice(8)}-7`
  counter = pool[used++]! & 2047
  const random = pool[used++]!
  middle = `-${'89ab'[random >> 14]!}${hex[random & 4095]!}-`
}

function refill(): void {
  crypto.getRandomValues(pool)
  used = 0
}
