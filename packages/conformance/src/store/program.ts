import { isTidingsError } from '@tidings/core'
import type { EventStore, ExpectedVersion, Position } from '@tidings/store'
import type { Happening } from './happenings.ts'
import { type Outcome, StoreReference } from './reference.ts'
import { collected, type StoreScene } from './scene.ts'

/** The streams that a program is about. */
export const programStreams = ['a-1', 'a-2', 'b-1'] as const
type Name = (typeof programStreams)[number]

/** What an append of a program expects; `'right'` is the version that the stream has. */
export type ProgramExpects = ExpectedVersion | 'right'

/** One step of a program. */
export type ProgramStep =
  | { readonly kind: 'append'; readonly stream: Name; readonly expects: ProgramExpects; readonly count: number }
  | { readonly kind: 'burst'; readonly stream: Name; readonly count: number }
  | { readonly kind: 'both'; readonly expects: ProgramExpects; readonly count: number }
  | { readonly kind: 'again'; readonly pick: number }
  | { readonly kind: 'truncate'; readonly stream: Name; readonly before: number }
  | { readonly kind: 'tombstone'; readonly stream: Name }
  | { readonly kind: 'check'; readonly page: number }

/** Does step after step to a store and to its reference, and compares what becomes of it. */
export class Program {
  readonly #scene: StoreScene
  readonly #stores: readonly EventStore<Happening>[]
  readonly #reference = new StoreReference()
  readonly #done: { readonly stream: string; readonly events: readonly Happening[] }[] = []
  #steps = 0

  /** `stores` are open on one log, and take turns. */
  constructor(scene: StoreScene, stores: readonly EventStore<Happening>[]) {
    this.#scene = scene
    this.#stores = stores
  }

  async run(step: ProgramStep): Promise<void> {
    this.#steps++
    if (step.kind === 'append') await this.#append(step)
    else if (step.kind === 'burst') await this.#burst(step)
    else if (step.kind === 'both') await this.#both(step)
    else if (step.kind === 'again') await this.#again(step)
    else if (step.kind === 'check') await this.check(step.page)
    else await this.#remove(step)
  }

  /** Compares all that can be read, the log in pages of this size. */
  async check(page: number): Promise<void> {
    const { expect, category } = this.#scene
    const { log } = this.#reference
    const read: string[] = []
    for (let after: Position | undefined; ;) {
      const some = await collected(this.#store.readAll({ after, category, limit: page }))
      read.push(...some.map(({ event, stream, version }) => `${event.id} ${stream}@${version}`))
      after = some.at(-1)?.position ?? after
      if (some.length < page) break
    }
    expect.equal(
      read,
      log.map(({ id, stream, version }) => `${id} ${stream}@${version}`),
      'the log',
    )
    for (const name of programStreams) {
      const stream = this.#scene.stream(name)
      const ids = log.filter((each) => each.stream === stream).map(({ id }) => id)
      const forward = await collected(this.#store.read(stream))
      const backward = await collected(this.#store.read(stream, { direction: 'backward' }))
      expect.equal(
        forward.map(({ event }) => event.id),
        ids,
        `stream ${name}`,
      )
      expect.equal(
        backward.map(({ event }) => event.id),
        ids.toReversed(),
        `stream ${name}, backward`,
      )
      expect.equal((await this.#store.info(stream)).version, this.#reference.version(stream), `the version of ${name}`)
    }
  }

  get #store(): EventStore<Happening> {
    return this.#stores[this.#steps % this.#stores.length]!
  }

  async #append({ stream: name, expects, count }: ProgramStep & { readonly kind: 'append' }): Promise<void> {
    const stream = this.#scene.stream(name)
    const events = this.#scene.events(count)
    const expectedVersion = this.#expected(stream, expects)
    const wanted = this.#reference.outcome(stream, expectedVersion)
    await this.#compare(this.#store.append(stream, events, { expectedVersion }), wanted, `an append at ${expects}`)
    if (wanted === 'done') this.#note(stream, events)
  }

  async #burst({ stream: name, count }: ProgramStep & { readonly kind: 'burst' }): Promise<void> {
    const stream = this.#scene.stream(name)
    const wanted = this.#reference.outcome(stream, 'any')
    const results = await Promise.all(
      this.#scene.events(count).map(async (event, index) => {
        const store = this.#stores[index % this.#stores.length]!
        const append = store.append(stream, [event])
        await this.#compare(append, wanted, `one of ${count} appends at once`)
        return { event, version: wanted === 'done' ? (await append).nextVersion : 0 }
      }),
    )
    if (wanted !== 'done') return
    for (const { event } of results.toSorted((a, b) => a.version - b.version)) this.#note(stream, [event])
  }

  async #both({ expects, count }: ProgramStep & { readonly kind: 'both' }): Promise<void> {
    const [a, b] = [this.#scene.stream('a-1'), this.#scene.stream('b-1')]
    const expectedVersion = this.#expected(b, expects)
    const appends = [
      { stream: a, events: this.#scene.events(count), expectedVersion: 'any' as const },
      { stream: b, events: this.#scene.events(count), expectedVersion },
    ]
    const outcomes = [this.#reference.outcome(a, 'any'), this.#reference.outcome(b, expectedVersion)]
    const wanted = outcomes.find((outcome) => outcome !== 'done') ?? 'done'
    await this.#compare(this.#store.appendAll(appends), wanted, `an append to two streams at any and ${expects}`)
    if (wanted !== 'done') return
    for (const { stream, events } of appends)
      this.#reference.append(
        stream,
        events.map(({ id }) => id),
      )
  }

  async #again({ pick }: ProgramStep & { readonly kind: 'again' }): Promise<void> {
    const former = this.#done[pick % this.#done.length]
    const left = new Set(this.#reference.log.map(({ id }) => id))
    if (former === undefined || !former.events.every(({ id }) => left.has(id))) return
    const append = this.#store.append(former.stream, former.events, { expectedVersion: 0 })
    const { repeated } = await this.#scene.accepted(append, 'an append that comes again')
    this.#scene.expect.equal(repeated, true, 'whether it was there')
  }

  async #remove(step: ProgramStep & { readonly kind: 'truncate' | 'tombstone' }): Promise<void> {
    const stream = this.#scene.stream(step.stream)
    if (step.kind === 'truncate') {
      const wanted = this.#reference.truncate(stream, step.before)
      await this.#compare(this.#store.truncate(stream, { before: step.before }), wanted, `a cut before ${step.before}`)
    } else {
      await this.#compare(this.#store.tombstone(stream), this.#reference.tombstone(stream), 'a tombstone')
    }
  }

  #expected(stream: string, expects: ProgramExpects): ExpectedVersion {
    return expects === 'right' ? this.#reference.version(stream) : expects
  }

  #note(stream: string, events: readonly Happening[]): void {
    this.#reference.append(
      stream,
      events.map(({ id }) => id),
    )
    if (events.length > 0) this.#done.push({ stream, events })
  }

  async #compare(call: Promise<unknown>, wanted: Outcome, what: string): Promise<void> {
    const [outcome] = await Promise.allSettled([call])
    const { expect } = this.#scene
    if (outcome.status === 'fulfilled') return expect.equal('done', wanted, what)
    const isConflict = isTidingsError(outcome.reason, 'CONCURRENCY_CONFLICT')
    const isEnded = isTidingsError(outcome.reason, 'STREAM_TOMBSTONED')
    expect.that(isConflict || isEnded, `${what} is ${wanted}`, outcome.reason)
    expect.equal(isConflict ? 'conflict' : 'ended', wanted, what)
  }
}
