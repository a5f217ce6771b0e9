import { patternMatcher } from '@tidings/core'
import { decode, type KafkaRecord, typeOf } from '../wire/decode.ts'

/** Types whose answer is kept: an application has few, and whatever else comes must not pile up here. */
const most = 1000

/** Which records of the topics of events a group wants. */
export class Filter {
  readonly #known = new Map<string, boolean>()
  #types = new Set<string>()
  #patterns: ((type: string) => boolean)[] = []

  /** From now on it wants these types and patterns. */
  set(types: readonly string[]): void {
    this.#known.clear()
    this.#types = new Set(types.filter((type) => !type.includes('*')))
    this.#patterns = types.filter((type) => type.includes('*')).map((pattern) => patternMatcher(pattern))
  }

  /** What tells no type, nobody has asked for. */
  wants(record: KafkaRecord): boolean {
    const type = typeOf(record) ?? structuredType(record)
    if (type === undefined) return false
    const known = this.#known.get(type)
    if (known !== undefined) return known
    const wanted = this.#types.has(type) || this.#patterns.some((matches) => matches(type))
    if (this.#known.size >= most) this.#known.clear()
    this.#known.set(type, wanted)
    return wanted
  }
}

function structuredType(record: KafkaRecord): string | undefined {
  const { type } = decode(record).attributes
  return typeof type === 'string' ? type : undefined
}
