import { invalidArgument, knownOptions, misuse, oneOf, whole } from '@tidings/core/tools'
import { type AnyDefinedEvent, type Catalog, createCatalog, type EventOf, type TidingsEvent } from '@tidings/events'
import { ConcurrencyError, StoreClosedError } from '../errors.ts'
import { isExpected } from '../expected-version.ts'
import { asPosition, beginning, type Position } from '../position.ts'
import { checkedEncryption } from '../encryption/options.ts'
import { sealedLog } from '../encryption/sealed-log.ts'
import { Sealer } from '../encryption/sealer.ts'
import { InlineProjections } from '../projection/inline.ts'
import type { Projection } from '../projection/projection.ts'
import type { LoggedEvent, LogQuery, Recorder, StreamAppend, StreamState } from '../recorder/recorder.ts'
import { encodedEvents, expectedVersion, nameOf, untilOf } from './checks.ts'
import type {
  AppendOptions,
  AppendRequest,
  Appended,
  EventStore,
  LogFilter,
  ReadAllOptions,
  Recorded,
  ReadOptions,
  StreamInfo,
  SubscribeOptions,
} from './event-store.ts'
import type { StoreOptions } from './options.ts'
import { cutRecord } from './cut-streams.ts'
import { eventsOf, livePages, logPages, pageSize, streamPages } from './pages.ts'
import { recordedOf } from './recorded.ts'

/**
 * The store on a recorder: what `memoryStore` and the stores of adapters are made of. Closing it closes the recorder.
 *
 * @throws TidingsError `INVALID_ARGUMENT`; InvalidDefinitionError for what is no catalog and makes none
 */
export function createStore<const Definitions extends readonly AnyDefinedEvent[]>(
  recorder: Recorder,
  options: StoreOptions<Definitions>,
): EventStore<EventOf<Definitions[number]>> {
  knownOptions(options, ['events', 'inline', 'encryption'], 'createStore')
  const catalog = catalogOf(options.events)
  const { inline = [], encryption } = options
  return new Store(recorder, catalog, inline, encryption && new Sealer(catalog, checkedEncryption(encryption)))
}

/** How often a reader looks for what nobody told it of, milliseconds. */
const poll = 1000

class Store<Event extends TidingsEvent> implements EventStore<Event> {
  readonly name: string
  readonly events: Catalog
  readonly recorder: Recorder
  readonly #inline: InlineProjections | undefined
  readonly #sealer: Sealer | undefined
  #closing: Promise<void> | undefined

  constructor(recorder: Recorder, catalog: Catalog, inline: readonly Projection[], sealer: Sealer | undefined) {
    const log = sealer === undefined ? recorder : sealedLog(recorder, sealer)
    this.name = recorder.name
    this.events = catalog
    this.#sealer = sealer
    this.#inline = inline.length === 0 ? undefined : new InlineProjections(log, catalog, inline, sealer)
    this.recorder = this.#inline?.over() ?? log
  }

  async append(stream: string, events: readonly Event[], options: AppendOptions = {}): Promise<Appended> {
    knownOptions(options, ['expectedVersion'], 'append')
    const [result] = await this.#append([{ stream, events, expectedVersion: options.expectedVersion }])
    return result!
  }

  async appendAll(appends: readonly AppendRequest<Event>[]): Promise<readonly Appended[]> {
    if (!Array.isArray(appends)) {
      throw invalidArgument('appends', 'an array', appends, 'Pass [{ stream, events, expectedVersion }, …].')
    }
    for (const each of appends) knownOptions(each, ['stream', 'events', 'expectedVersion'], 'appendAll')
    return this.#append(appends)
  }

  read(stream: string, options: ReadOptions = {}): AsyncIterable<Recorded<Event>> {
    knownOptions(options, ['from', 'to', 'limit', 'direction', 'asOf'], 'read')
    const { from = 1, to = Number.MAX_SAFE_INTEGER, limit = Infinity } = options
    const query = {
      stream: nameOf(stream, 'stream'),
      from: whole(from, 0, 'from'),
      to: whole(to, 0, 'to'),
      limit: whole(limit, 0, 'limit', true),
      backward: oneOf(options.direction, ['forward', 'backward'], 'direction') === 'backward',
      until: untilOf(options.asOf),
    }
    this.#open('read()')
    return this.#decoded(() => (limit === 0 ? none() : streamPages(this.recorder, query)))
  }

  readAll(options: ReadAllOptions<Event> = {}): AsyncIterable<Recorded<Event>> {
    knownOptions(options, ['after', 'types', 'category', 'limit', 'asOf'], 'readAll')
    const limit = whole(options.limit ?? Infinity, 0, 'limit', true)
    const query = { ...this.#query(options), limit, until: untilOf(options.asOf) }
    this.#open('readAll()')
    return this.#decoded(() => logPages(this.recorder, query))
  }

  subscribe(options: SubscribeOptions<Event> = {}): AsyncIterable<Recorded<Event>> {
    knownOptions(options, ['after', 'types', 'category', 'signal'], 'subscribe')
    const query = this.#query(options)
    this.#open('subscribe()')
    const { signal } = options
    return this.#decoded(() => livePages(this.recorder, query, { signal, poll }), signal)
  }

  async state<State>(projection: Projection<State>, key = ''): Promise<State> {
    this.#open('state()')
    if (this.#inline === undefined) {
      throw misuse('this store has no inline projections\nGive them to it: { inline: [projection] }.')
    }
    return (await this.#inline.get(projection, key)) as State
  }

  async info(stream: string): Promise<StreamInfo> {
    const state = await this.#state(nameOf(stream, 'stream'))
    return { stream, exists: state.version > 0 && !state.tombstoned, ...state }
  }

  async end(): Promise<Position> {
    this.#open('end()')
    return (await this.recorder.commit({})).position
  }

  async truncate(stream: string, { before }: { readonly before: number }): Promise<void> {
    whole(before, 1, 'before')
    const { version } = await this.#state(nameOf(stream, 'stream'))
    if (before > version + 1) throw new ConcurrencyError(stream, before - 1, version)
    await this.recorder.commit({ cuts: [{ stream, before, tombstone: false }], records: [cutRecord(stream)] })
  }

  async tombstone(stream: string, options: AppendOptions = {}): Promise<void> {
    knownOptions(options, ['expectedVersion'], 'tombstone')
    const expected = expectedVersion(options.expectedVersion ?? 'exists')
    const { version, tombstoned } = await this.#state(nameOf(stream, 'stream'))
    if (tombstoned) return
    if (!isExpected(version, expected)) throw new ConcurrencyError(stream, expected, version)
    // With an append, so that what was appended since is not removed unseen.
    await this.recorder.commit({
      appends: [{ stream, expected: version, events: [] }],
      cuts: [{ stream, before: version + 1, tombstone: true }],
      records: [cutRecord(stream)],
    })
  }

  async forget(subject: string): Promise<void> {
    this.#open('forget()')
    if (this.#sealer === undefined) throw misuse('this store seals nothing\nGive it keys: { encryption: { keys } }.')
    await this.#sealer.forget(nameOf(subject, 'subject'))
  }

  async close(): Promise<void> {
    await (this.#closing ??= this.recorder.close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #append(requests: readonly AppendRequest<Event>[]): Promise<readonly Appended[]> {
    const seen = new Set<string>()
    const appends = requests.map(({ stream, events, expectedVersion: expected }): StreamAppend => {
      return {
        stream: nameOf(stream, 'stream'),
        events: encodedEvents(events, this.events, seen),
        expected: expectedVersion(expected),
      }
    })
    const twice = appends.find(({ stream }, index) => appends.findIndex((each) => each.stream === stream) < index)
    if (twice !== undefined) {
      throw misuse(`stream "${twice.stream}" is in one appendAll() twice\nJoin its events: [...first, ...second].`)
    }
    this.#open('append()')
    const { appends: results } = await this.recorder.commit({ appends })
    return results.map(({ firstVersion, lastVersion, position, repeated }, index) => {
      return { stream: appends[index]!.stream, firstVersion, nextVersion: lastVersion, position, repeated }
    })
  }

  async #state(stream: string): Promise<StreamState> {
    this.#open('info()')
    const page = await this.recorder.readStream({ stream, from: 1, to: 0, limit: 1, backward: false })
    return page.state
  }

  #query({ after, types, category }: LogFilter<Event>): LogQuery {
    if (types !== undefined && !(Array.isArray(types) && types.every((type) => typeof type === 'string'))) {
      throw invalidArgument('types', 'an array of event types', types, 'Pass the types: [OrderPlaced.type].')
    }
    return {
      after: after === undefined ? beginning : asPosition(after, 'after'),
      types,
      category: category === undefined ? undefined : nameOf(category, 'category'),
      limit: pageSize,
    }
  }

  /** Each iteration reads anew. */
  #decoded(pages: () => Parameters<typeof eventsOf>[0], signal?: AbortSignal): AsyncIterable<Recorded<Event>> {
    return { [Symbol.asyncIterator]: () => this.#decode(eventsOf(pages()), signal) }
  }

  async *#decode(
    events: AsyncIterable<LoggedEvent>,
    signal?: AbortSignal,
  ): AsyncGenerator<Recorded<Event>, void, void> {
    for await (const logged of events) {
      if (signal?.aborted === true) return
      yield recordedOf<Event>(logged, this.events)
    }
  }

  #open(call: string): void {
    if (this.#closing !== undefined) throw new StoreClosedError(call)
  }
}

async function* none(): AsyncGenerator<never, void, void> {}

function catalogOf(events: Catalog | readonly AnyDefinedEvent[]): Catalog {
  if (Array.isArray(events)) return createCatalog(events as readonly AnyDefinedEvent[])
  if (typeof (events as Catalog | undefined)?.parse === 'function') return events as Catalog
  throw invalidArgument(
    'events',
    'a catalog or an array of definitions',
    events,
    'Pass createCatalog([OrderPlaced, …]).',
  )
}
