import type { Consumer } from '@platformatic/kafka'
import { bounded, type ClientOptions } from '../link.ts'
import type { Settled } from './commits.ts'
import type { Reader } from './reader.ts'
import type { Slice } from './slice.ts'
import type { Committed } from './starts.ts'

/** Whose offsets they are. */
export interface GroupOffsetsOptions {
  readonly client: ClientOptions
  readonly group: string
  readonly topics: readonly string[]
}

/** What the broker knows of how far a consumer group is. */
export class GroupOffsets {
  readonly #client: Consumer
  readonly #reader: Reader
  readonly #options: GroupOffsetsOptions

  constructor(client: Consumer, reader: Reader, options: GroupOffsetsOptions) {
    this.#client = client
    this.#reader = reader
    this.#options = options
  }

  async committed(): Promise<Committed> {
    const { topics } = this.#options
    const layout = await this.#reader.layout(topics)
    const all = [...layout].map(([topic, nodes]) => ({ topic, partitions: [...nodes.keys()] }))
    return this.#within(this.#client.listCommittedOffsets({ topics: all }))
  }

  async commit(offsets: readonly Settled[]): Promise<void> {
    const all = offsets.map((each) => ({ ...each, leaderEpoch: -1 }))
    await this.#within(this.#client.commit({ offsets: all }))
  }

  /** Whether every partition has a commit. */
  async areAllKnown(): Promise<boolean> {
    const [layout, committed] = await Promise.all([this.#reader.layout(this.#options.topics), this.committed()])
    return [...layout].every(([topic, nodes]) => nodes.every((_, at) => (committed.get(topic)?.[at] ?? -1n) >= 0n))
  }

  /** How many partitions each topic has, as a text to be compared. */
  async countPartitions(): Promise<string> {
    const layout = await this.#reader.layout(this.#options.topics)
    return [...layout.values()].map(({ length }) => length).join()
  }

  /** Messages that are not settled, in all partitions; of those that are ours, by what is settled here. */
  async lag(slices: readonly Slice[]): Promise<number> {
    const [ends, committed] = await Promise.all([
      this.#reader.offsets(this.#options.topics, 'latest'),
      this.committed(),
    ])
    let lag = 0n
    for (const [topic, offsets] of ends) {
      for (const [partition, end] of offsets.entries()) {
        const own = slices.find((slice) => slice.topic === topic && slice.partition === partition)
        const from = own?.settled ?? committed.get(topic)?.[partition] ?? end
        if (from >= 0n && end > from) lag += end - from
      }
    }
    return Number(lag)
  }

  #within<Answer>(answer: Promise<Answer>): Promise<Answer> {
    const { group, client } = this.#options
    return bounded(answer, `the consumer group ${JSON.stringify(group)}`, client.timeout)
  }
}
