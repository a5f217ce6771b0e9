import type { TidingsEvent } from '@tidings/events'

/**
 * Ids for the effects of one event in one group, the same at every attempt: what a handler publishes again, since it is
 * tried again, idempotent handlers know again. An effect is told apart by its event type and data, and two that are
 * alike by their number, so it does not matter in which order they are published.
 *
 * An id is a UUID of version 8: the time of the root event, the depth in the chain of causes (so the events of a chain
 * sort by cause and effect), and 62 bits of a hash.
 */
export class EffectIds {
  readonly #cause: TidingsEvent
  readonly #group: string
  readonly #alike = new Map<string, number>()

  constructor(cause: TidingsEvent, group: string) {
    this.#cause = cause
    this.#group = group
  }

  /** Undefined for data that JSON cannot show: its effect gets an id of chance. */
  next(type: string, input: unknown): string | undefined {
    const data = jsonOf(input)
    if (data === undefined) return undefined
    const { source, id, causationDepth } = this.#cause
    const name = [this.#group, source, id, type, data].join('\0')
    const number = (this.#alike.get(name) ?? 0) + 1
    this.#alike.set(name, number)
    const [high, low] = [hash(`${name}\0${number}`, 1), hash(`${name}\0${number}`, 2)]
    const depth = Math.min(causationDepth + 1, 0xfff)
    const random = high.toString(16).padStart(14, '0').slice(-13) + (low & 0xfff).toString(16).padStart(3, '0')
    const variant = (8 + (low % 4)).toString(16)
    return `${timeOf(this.#cause)}-8${depth.toString(16).padStart(3, '0')}-${variant}${random.slice(0, 3)}-${random.slice(3, 15)}`
  }
}

/** The first 48 bits of the id, where it begins with a time as ours do; else the event's own time. */
function timeOf({ id, time }: TidingsEvent): string {
  if (/^[\da-f]{8}-[\da-f]{4}-[78]/.test(id)) return id.slice(0, 13)
  const hex = Math.max(0, Date.parse(time)).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}`
}

function jsonOf(input: unknown): string | undefined {
  try {
    return JSON.stringify(input) ?? ''
  } catch {
    return undefined
  }
}

/** 53 bits of a text, by two rounds of multiplication and exclusive or, as in MurmurHash: quick, and not for secrets. */
function hash(text: string, seed: number): number {
  let one = 0xdeadbeef ^ seed
  let two = 0x41c6ce57 ^ seed
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    one = Math.imul(one ^ code, 2654435761)
    two = Math.imul(two ^ code, 1597334677)
  }
  one = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(two ^ (two >>> 13), 3266489909)
  two = Math.imul(two ^ (two >>> 16), 2246822507) ^ Math.imul(one ^ (one >>> 13), 3266489909)
  return 4294967296 * (2097151 & two) + (one >>> 0)
}
