import { type ExpectedVersion } from '@tidings/store'

/** What becomes of an append. */
export type Outcome = 'done' | 'conflict' | 'ended'

/** What a store is, as short as it can be said. */
export class StoreReference {
  readonly #log: { readonly id: string; readonly stream: string; readonly version: number }[] = []
  readonly #versions = new Map<string, number>()
  readonly #cuts = new Map<string, number>()
  readonly #ended = new Set<string>()

  version(stream: string): number {
    return this.#versions.get(stream) ?? 0
  }

  /** What is left of the log, in its order. */
  get log(): readonly { readonly id: string; readonly stream: string; readonly version: number }[] {
    return this.#log.filter(
      ({ stream, version }) => !this.#ended.has(stream) && version >= (this.#cuts.get(stream) ?? 1),
    )
  }

  outcome(stream: string, expected: ExpectedVersion): Outcome {
    if (this.#ended.has(stream)) return 'ended'
    const version = this.version(stream)
    if (expected === 'any' || (expected === 'exists' && version > 0)) return 'done'
    return version === (expected === 'no-stream' ? 0 : expected) ? 'done' : 'conflict'
  }

  append(stream: string, ids: readonly string[]): void {
    const version = this.version(stream)
    for (const [index, id] of ids.entries()) this.#log.push({ id, stream, version: version + index + 1 })
    if (ids.length > 0) this.#versions.set(stream, version + ids.length)
  }

  truncate(stream: string, before: number): Outcome {
    if (before > this.version(stream) + 1) return 'conflict'
    this.#cuts.set(stream, Math.max(this.#cuts.get(stream) ?? 1, before))
    return 'done'
  }

  tombstone(stream: string): Outcome {
    if (this.version(stream) === 0) return 'conflict'
    this.#ended.add(stream)
    return 'done'
  }
}
