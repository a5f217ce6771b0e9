import type { KafkaRecord } from '../wire/decode.ts'
import type { Reader } from './reader.ts'

/** What each group has asked for, as a compacted topic keeps it: a record for each group and type, without a value when it is taken back. */
export class Bindings {
  readonly #reader: Reader
  readonly #topic: string
  readonly #types = new Map<string, Set<string>>()
  #position = 0n
  #last: Promise<void> = Promise.resolve()

  constructor(reader: Reader, topic: string) {
    this.#reader = reader
    this.#topic = topic
  }

  /** Types and patterns of a group, by what is known since the last `read`. */
  typesOf(group: string): readonly string[] {
    return [...(this.#types.get(group) ?? [])]
  }

  /** Reads what has come since. Resolves when it knows all that was confirmed before. */
  read(): Promise<void> {
    const done = this.#last.then(() => this.#read())
    this.#last = done.catch(() => {})
    return done
  }

  async #read(): Promise<void> {
    const ends = await this.#reader.offsets([this.#topic], 'latest')
    const end = ends.get(this.#topic)?.[0] ?? 0n
    // It was made anew.
    if (end < this.#position) this.#position = 0n
    while (this.#position < end) {
      const node = (await this.#reader.layout([this.#topic])).get(this.#topic)?.[0] ?? -1
      const read = await this.#reader.read(node, [{ topic: this.#topic, partition: 0, offset: this.#position }])
      for (const { records, next } of read) {
        for (const record of records) this.#take(record)
        this.#position = next
      }
    }
  }

  #take({ key, value }: KafkaRecord): void {
    const [group, type] = split(key?.toString() ?? '')
    const types = this.#types.get(group) ?? new Set()
    this.#types.set(group, types)
    if (value === null) types.delete(type)
    else types.add(type)
  }
}

/** The key of a record: no group has a space in its name. */
export function bindingOf(group: string, type: string): string {
  return `${group} ${type}`
}

function split(key: string): readonly [group: string, type: string] {
  const at = key.indexOf(' ')
  return [key.slice(0, at), key.slice(at + 1)]
}
