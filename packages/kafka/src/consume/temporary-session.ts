import { systemClock } from '@tidings/bus'
import { FetchLoop } from './fetch-loop.ts'
import type { Reader } from './reader.ts'
import type { Session } from './member.ts'
import { Slice } from './slice.ts'

/** How often it looks for partitions that were added, in milliseconds. */
const interval = 5000

/** What a {@link TemporarySession} reads. */
export interface TemporaryOptions {
  readonly reader: Reader
  readonly topics: readonly string[]
  onRecords(): void
}

/** All partitions of some topics from now on, for one member that is in no group: it leaves nothing behind. */
export class TemporarySession implements Session {
  readonly #options: TemporaryOptions
  readonly #loop: FetchLoop
  #slices: readonly Slice[] = []
  #cancel: (() => void) | undefined

  constructor(options: TemporaryOptions) {
    this.#options = options
    this.#loop = new FetchLoop({
      reader: options.reader,
      slices: () => this.#slices,
      onRecords: () => options.onRecords(),
      onMissing: () => {},
    })
  }

  get slices(): readonly Slice[] {
    return this.#slices
  }

  get isSettled(): boolean {
    return true
  }

  async join(): Promise<void> {
    await this.#take('latest')
    this.#watch()
  }

  poke(): void {
    this.#loop.poke()
  }

  settled(): void {}

  async lag(): Promise<number> {
    const ends = await this.#options.reader.offsets(this.#options.topics, 'latest')
    let lag = 0n
    for (const slice of this.#slices) {
      const end = ends.get(slice.topic)?.[slice.partition] ?? 0n
      if (end > slice.settled) lag += end - slice.settled
    }
    return Number(lag)
  }

  leave(): Promise<void> {
    return this.destroy(new Error('the group was left'))
  }

  end(cause: unknown): void {
    this.#cancel?.()
    this.#loop.stop()
    for (const { lease } of this.#slices) lease.lose(cause)
    this.#slices = []
  }

  async destroy(cause: unknown): Promise<void> {
    this.end(cause)
    await this.#options.reader.close()
  }

  async #take(from: 'latest' | 'earliest'): Promise<void> {
    const offsets = await this.#options.reader.offsets(this.#options.topics, from)
    const isKnown = (topic: string, partition: number): boolean =>
      this.#slices.some((slice) => slice.topic === topic && slice.partition === partition)
    const fresh = [...offsets].flatMap(([topic, all]) =>
      [...all.entries()]
        .filter(([partition]) => !isKnown(topic, partition))
        .map(([partition, offset]) => new Slice(topic, partition, offset)),
    )
    this.#slices = [...this.#slices, ...fresh]
    this.#loop.poke()
  }

  #watch(): void {
    this.#cancel = systemClock.after(interval, () => {
      // What was added since has nothing but what came since.
      this.#take('earliest').catch(() => {})
      this.#watch()
    })
  }
}
