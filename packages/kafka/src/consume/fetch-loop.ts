import { systemClock } from '@tidings/bus'
import { isMissing } from '../errors.ts'
import type { Layout, Reader } from './reader.ts'
import type { Slice } from './slice.ts'

/** A partition is fetched while fewer records than so many wait here. */
const ahead = 200
/** Milliseconds behind an answer that is an error. */
const pause = 100

/** What a {@link FetchLoop} fetches, and whom it tells. */
export interface FetchOptions {
  readonly reader: Reader
  /** The partitions that are ours now. */
  slices(): readonly Slice[]
  /** Something has come. */
  onRecords(): void
  /** A topic has gone. */
  onMissing(error: unknown): void
}

/** Fetches for all slices at once, one request to each node at a time, as long as there is room. */
export class FetchLoop {
  readonly #options: FetchOptions
  readonly #busy = new Set<number>()
  #isStopped = false
  #isLooking = false
  #looksAgain = false

  constructor(options: FetchOptions) {
    this.#options = options
  }

  /** There may be room again, or other slices. */
  poke(): void {
    if (this.#isStopped) return
    this.#looksAgain = this.#isLooking
    if (!this.#isLooking) void this.#look()
  }

  stop(): void {
    this.#isStopped = true
  }

  async #look(): Promise<void> {
    this.#isLooking = true
    const wanting = this.#options.slices().filter(({ ahead: waiting }) => waiting < ahead)
    try {
      if (wanting.length > 0) {
        const layout = await this.#options.reader.layout([...new Set(wanting.map(({ topic }) => topic))])
        for (const [node, slices] of byNode(wanting, layout)) if (!this.#busy.has(node)) void this.#fetch(node, slices)
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#isLooking = false
      if (this.#looksAgain) this.poke()
    }
  }

  async #fetch(node: number, slices: readonly Slice[]): Promise<void> {
    const { reader } = this.#options
    this.#busy.add(node)
    try {
      const wanted = slices.map((slice) => ({ ...placeOf(slice), offset: slice.position, slice }))
      const all = await reader.read(node, wanted)
      for (const { topic, partition, offset, records, next } of all) {
        const slice = slices.find((each) => each.topic === topic && each.partition === partition)!
        if (!slice.lease.signal.aborted && slice.position === offset) slice.push(records, next)
      }
      this.#busy.delete(node)
      if (this.#isStopped) return
      if (all.length > 0) this.#options.onRecords()
      this.poke()
    } catch (error) {
      this.#busy.delete(node)
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    if (this.#isStopped) return
    this.#options.reader.forget()
    if (isMissing(error)) this.#options.onMissing(error)
    systemClock.after(pause, () => this.poke())
  }
}

function placeOf({ topic, partition }: Slice): { readonly topic: string; readonly partition: number } {
  return { topic, partition }
}

function byNode(slices: readonly Slice[], layout: Layout): Map<number, Slice[]> {
  const all = new Map<number, Slice[]>()
  for (const slice of slices) {
    const node = layout.get(slice.topic)?.[slice.partition]
    // One that has no leader for now.
    if (node === undefined || node < 0) continue
    const own = all.get(node) ?? []
    own.push(slice)
    all.set(node, own)
  }
  return all
}
