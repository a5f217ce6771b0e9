import { Deque, Lease } from '@tidings/bus/transport'
import type { KafkaRecord } from '../wire/decode.ts'

/** A record that was handed out. */
export interface Begun {
  readonly offset: bigint
  isDone: boolean
}

/** One partition that is this member's: what was fetched of it, what is unsettled, and how far it may be committed. */
export class Slice {
  readonly topic: string
  readonly partition: number
  readonly lease: Lease = new Lease()
  /** The offset that is fetched next. */
  position: bigint
  /** The offset up to which the broker knows that all is settled. */
  committed: bigint
  /** Fetched, and handed out to nobody. */
  readonly #ahead = new Deque<KafkaRecord>()
  /** Handed out, in the order of their offsets, from the first that is unsettled on. */
  readonly #begun = new Deque<Begun>()

  constructor(topic: string, partition: number, position: bigint) {
    this.topic = topic
    this.partition = partition
    this.position = position
    this.committed = position
  }

  /** Records that were fetched and handed out to nobody. */
  get ahead(): number {
    return this.#ahead.size
  }

  /** Where it goes on if it is committed now: nothing before it is unsettled. */
  get settled(): bigint {
    return this.#begun.first?.offset ?? this.#ahead.first?.offset ?? this.position
  }

  /** Takes in what was fetched; `next` is the offset behind it, which may be one of none of the records. */
  push(records: readonly KafkaRecord[], next: bigint): void {
    for (const record of records) this.#ahead.push(record)
    this.position = next
  }

  get first(): KafkaRecord | undefined {
    return this.#ahead.first
  }

  take(): KafkaRecord | undefined {
    return this.#ahead.shift()
  }

  /** A record that was taken is handed out: nothing from it on is committed before it is `end`ed. */
  begin({ offset }: KafkaRecord): Begun {
    const begun = { offset, isDone: false }
    this.#begun.push(begun)
    return begun
  }

  end(begun: Begun): void {
    begun.isDone = true
    while (this.#begun.first?.isDone) this.#begun.shift()
  }
}
