import { isTidingsError, milliseconds } from '@tidings/core'
import { over } from '@tidings/core/tools'
import type { EventStore, Recorded } from '@tidings/store'
import { type Commit, createStore, type Recorder } from '@tidings/store/recorder'
import { ConformanceError, type Expect, expectations, shown } from '../expect.ts'
import { Steps } from '../steps.ts'
import { Happened, happenings, type Happening } from './happenings.ts'
import type { StoreKit } from './kit.ts'

/** The stage of one case: streams of its own category, and every log that it opens, closed behind it. */
export class StoreScene {
  readonly id: string
  readonly expect: Expect
  /** What only the streams of this case are of. */
  readonly category: string
  readonly #kit: StoreKit
  readonly #opened: Recorder[] = []
  readonly #steps = new Steps()
  #count = 0

  constructor(id: string, kit: StoreKit) {
    this.id = id
    this.#kit = kit
    const [within, quiet] = [milliseconds(kit.within ?? '10s', 'within'), milliseconds(kit.quiet ?? '50ms', 'quiet')]
    this.expect = expectations((what, seen, check) => this.failure(what, seen, check), within, quiet)
    this.category = `${id}${Date.now().toString(36)}${Math.floor(Math.random() * 36 ** 5).toString(36)}`
  }

  /** The failure of this case: what was expected, what was seen, at which check, and behind which steps. */
  failure(what: string, seen: unknown, check?: number): ConformanceError {
    return new ConformanceError(this.id, {
      what,
      seen: shown(seen).replaceAll(this.category, 'case'),
      check,
      after: this.#steps.told(),
      cause: seen instanceof Error ? seen : undefined,
    })
  }

  /** How many, by the size of the run. */
  size(quick: number, full: number): number {
    return this.#kit.size === 'full' ? full : quick
  }

  /** Opens the log once more. */
  async recorder(): Promise<Recorder> {
    const recorder = await this.#kit.recorder()
    this.#opened.push(recorder)
    return this.#traced(recorder)
  }

  /** A store on the log that is opened once more. */
  async open(): Promise<EventStore<Happening>> {
    return createStore(await this.recorder(), { events: happenings })
  }

  stream(name: string): string {
    return `${this.category}-${name}`
  }

  /** An event that no other is like. */
  event(): Happening {
    return Happened.create({ number: ++this.#count })
  }

  events(count: number): Happening[] {
    return Array.from({ length: count }, () => this.event())
  }

  /** What the case has appended, as places: `a@1`. */
  async places(events: AsyncIterable<Recorded>): Promise<string[]> {
    return (await collected(events)).map((recorded) => this.place(recorded))
  }

  place({ stream, version }: Pick<Recorded, 'stream' | 'version'>): string {
    return `${stream.slice(this.category.length + 1)}@${version}`
  }

  /** All that the streams of the case hold, as the log has it. */
  async whole(store: EventStore<Happening>): Promise<unknown[]> {
    return (await collected(store.readAll({ category: this.category }))).map(({ event, stream, version, position }) => [
      event.id,
      stream,
      version,
      position,
    ])
  }

  /** What the promise rejects with, which must be an error with this code. */
  async refused(promise: Promise<unknown>, code: string, what: string): Promise<Readonly<Record<string, unknown>>> {
    const error = await this.expect.rejection(promise, `${what} is refused`)
    this.expect.that(isTidingsError(error, code), `${what} is refused with ${code}`, error)
    return error as never
  }

  /** What the promise resolves to, which must not be refused. */
  async accepted<T>(promise: Promise<T>, what: string): Promise<T> {
    const outcome = await this.expect.inTime(
      promise.then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      ),
      `${what} is accepted`,
    )
    if ('value' in outcome) return outcome.value
    throw this.failure(`${what} is accepted`, outcome.error)
  }

  /** What goes on beside the case: where the case fails before it waits for it, its end is nobody's. */
  beside<T>(promise: Promise<T>): Promise<T> {
    void promise.catch(() => undefined)
    return promise
  }

  /** Closes what the case has opened, the latest first. */
  async close(): Promise<void> {
    for (const recorder of this.#opened.toReversed()) await recorder.close()
  }

  #traced(recorder: Recorder): Recorder {
    return over<Recorder>(recorder, {
      commit: (commit) => {
        this.#steps.begin(told(commit).replaceAll(`${this.category}-`, ''))
        return recorder.commit(commit)
      },
    })
  }
}

/** All that an iterable gives. */
export async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

function told({ appends = [], cuts = [], records = [] }: Commit): string {
  const parts = [
    ...appends.map(({ stream, expected, events }) => `append ${events.length} to ${stream} at ${expected}`),
    ...cuts.map(({ stream, before, tombstone }) => `${tombstone ? 'end' : 'cut'} ${stream} before ${before}`),
    ...records.map(({ key }) => `write ${key}`),
  ]
  return parts.join(' + ') || 'commit nothing'
}
