import type { EncodedEvent } from '@tidings/events'
import { invalidArgument, over } from '@tidings/core/tools'
import type { Catalog, TidingsEvent } from '@tidings/events'
import { decodeEvent } from '@tidings/events'
import type { Sealer } from '../encryption/sealer.ts'
import { RecordConflictError } from '../errors.ts'
import { asPosition, beginning } from '../position.ts'
import type { Commit, Committed, LogRecord, Recorder, RecordWrite } from '../recorder/recorder.ts'
import { pageSize } from '../store/pages.ts'
import { recordedOf } from '../store/recorded.ts'
import { FoldError, type ProjectedEvent, States } from './fold.ts'
import type { Projection } from './projection.ts'

/** How often an append begins anew when another process writes the same states. */
const mostConflicts = 20

/**
 * Projections that are computed within each append: their states are written in its commit, so they are never behind, and
 * one that throws rolls the append back. Appends of one store wait for each other, since each needs the states that the
 * one before has written; other processes that have the same projections inline meet them by the revisions.
 */
export class InlineProjections {
  readonly #recorder: Recorder
  readonly #catalog: Catalog
  readonly #sealer: Sealer | undefined
  readonly #all: readonly Inline[]
  #last: Promise<unknown> = Promise.resolve()

  constructor(recorder: Recorder, catalog: Catalog, projections: readonly Projection[], sealer?: Sealer) {
    this.#sealer = sealer
    this.#recorder = recorder
    this.#catalog = catalog
    this.#all = projections.map((projection) => new Inline(recorder, catalog, projection))
    const names = projections.map(({ name }) => name)
    const twice = names.find((name, index) => names.indexOf(name) < index)
    if (twice !== undefined) throw invalidArgument('inline', 'projections of different names', twice)
  }

  /** The recorder, each of whose commits has what the projections make of its events: whoever it is that appends. */
  over(): Recorder {
    return over<Recorder>(this.#recorder, { commit: (commit) => this.#inTurn(() => this.#commit(commit)) })
  }

  /** The state of a key, computed from all that is in the log. */
  get(projection: Projection, key: string): Promise<unknown> {
    const found = this.#all.find((inline) => inline.is(projection))
    if (found === undefined) {
      throw invalidArgument(
        'projection',
        'one that is inline in this store',
        projection?.name,
        'Give it to the store: { inline: [projection] }.',
      )
    }
    return this.#inTurn(() => found.get(key))
  }

  async #commit(commit: Commit): Promise<Committed> {
    const { appends = [], records: others = [] } = commit
    const events = await Promise.all(
      appends.flatMap(({ stream, events }) => events.map((event) => this.#projected(event, stream))),
    )
    if (events.length === 0) return this.#recorder.commit(commit)
    const records: RecordWrite[] = []
    for (const inline of this.#all) records.push(...(await inline.writesFor(events)))
    const { revisions, ...committed } = await this.#recorder.commit({ ...commit, records: [...others, ...records] })
    return { ...committed, revisions: revisions.slice(0, others.length) }
  }

  /** Behind all that was asked for before; anew when another process has written the same states meanwhile. */
  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(async () => {
      for (let conflicts = 0; ; conflicts++) {
        try {
          return await run()
        } catch (error) {
          if (error instanceof FoldError) throw error.error
          // A record of whoever commits is not ours to read again.
          const isOurs = error instanceof RecordConflictError && error.key.startsWith('inline/')
          if (!isOurs || conflicts >= mostConflicts) throw error
        }
      }
    })
    this.#last = mine.catch(() => undefined)
    return mine
  }

  /** As it will be read, so that all ways of counting see the same event. */
  async #projected(event: EncodedEvent, stream: string): Promise<ProjectedEvent> {
    // Of another log it may come sealed.
    const opened = this.#sealer === undefined ? event : await this.#sealer.open(event)
    return { event: decodeEvent(opened, this.#catalog) as TidingsEvent, stream }
  }
}

/** One of them. Its head is written with every append, and so keeps up to where the log is counted. */
class Inline {
  readonly #recorder: Recorder
  readonly #catalog: Catalog
  readonly #projection: Projection
  readonly #states: States<unknown>
  readonly #head: string

  constructor(recorder: Recorder, catalog: Catalog, projection: Projection) {
    const prefix = `inline/${JSON.stringify(projection.name)}/${projection.version ?? 1}`
    this.#recorder = recorder
    this.#catalog = catalog
    this.#projection = projection
    this.#states = new States(recorder, projection, prefix)
    this.#head = `${prefix}/head`
  }

  is({ name, version = 1 }: Projection): boolean {
    return this.#projection.name === name && (this.#projection.version ?? 1) === version
  }

  async get(key: string): Promise<unknown> {
    await this.#catchUp()
    return (await this.#states.get(key)) ?? this.#projection.initial()
  }

  /** What is to be written beside these events. */
  async writesFor(events: readonly ProjectedEvent[]): Promise<RecordWrite[]> {
    const head = await this.#catchUp()
    const types = new Set(this.#projection.on.map(({ type }) => type))
    const writes = await this.#states.fold(
      events.filter(({ event }) => types.has(event.type)),
      true,
    )
    return [...writes, { key: this.#head, value: '"inline"', expected: head?.revision ?? 0 }]
  }

  /** Counts what was appended without it: before there was this projection, or by a process that does not have it. */
  async #catchUp(): Promise<LogRecord | undefined> {
    const types = this.#projection.on.map(({ type }) => type)
    while (true) {
      const head = await this.#recorder.readRecord(this.#head)
      // While it is behind, the head says where it is; else it was written with the append before.
      const value: unknown = head && JSON.parse(head.value)
      const after = head === undefined ? beginning : value === 'inline' ? head.position : asPosition(value, this.#head)
      const page = await this.#recorder.readLog({ after, limit: pageSize, types })
      if (page.events.length === 0 && !page.more) return head
      const read = page.events.map((logged) => recordedOf<TidingsEvent>(logged, this.#catalog))
      const write = { key: this.#head, value: JSON.stringify(page.through), expected: head?.revision ?? 0 }
      await this.#recorder.commit({ records: [...(await this.#states.fold(read, true)), write] })
    }
  }
}
