import type { TidingsEvent } from '@tidings/events'
import { nameOf, untilOf } from '../store/checks.ts'
import type { AsOf, EventStore } from '../store/event-store.ts'
import { streamPages } from '../store/pages.ts'
import { recordedOf } from '../store/recorded.ts'
import type { Decider, SnapshotOptions } from './decider.ts'
import type { SnapshotStore } from './snapshots.ts'

/** What {@link load} takes; all of it may be left out. */
export interface LoadOptions {
  /** Where the snapshots of the decider are, if it has any. */
  readonly snapshots?: SnapshotStore | undefined
  /** The state of then. Snapshots are not asked. */
  readonly asOf?: AsOf | undefined
  /** Told why a snapshot could not be read or written: the state is right all the same. Default writes to `console.error`. */
  readonly onSnapshotError?: ((error: unknown) => void) | undefined
}

/** The state of a stream. */
export interface Loaded<State> {
  readonly state: State
  /** The version of the stream that the state is of; 0 where there is none. */
  readonly version: number
}

/** What is known of it besides. */
export interface LoadedStream<State> extends Loaded<State> {
  readonly tombstoned: boolean
}

/**
 * The state of a stream: every event that is left of it, in its order, through `evolve`; or the latest snapshot, and
 * what came since. Makes a snapshot where it is time for one.
 *
 * @throws as `store.read`
 */
export async function load<State, Event extends TidingsEvent>(
  store: EventStore<Event>,
  decider: Pick<Decider<State, never, Event>, 'initial' | 'evolve' | 'snapshot'>,
  stream: string,
  options: LoadOptions = {},
): Promise<Loaded<State>> {
  const { state, version } = await loadStream(store, decider, stream, options)
  return { state, version }
}

/** The same, and whether the stream was ended. */
export async function loadStream<State, Event extends TidingsEvent>(
  store: EventStore<Event>,
  decider: Pick<Decider<State, never, Event>, 'initial' | 'evolve' | 'snapshot'>,
  stream: string,
  options: LoadOptions,
): Promise<LoadedStream<State>> {
  const { snapshots, asOf, onSnapshotError = writeError } = options
  const kept = asOf === undefined && snapshots !== undefined && decider.snapshot !== undefined
  const cache = kept ? new Cache(snapshots, decider.snapshot, nameOf(stream, 'stream'), onSnapshotError) : undefined
  const found = await cache?.read()
  const replayed = await replay(store, decider, stream, found, asOf)
  // One that is ahead of its stream is of another log: a backup was restored since.
  const isAhead = found !== undefined && found.version > replayed.streamVersion
  const loaded = isAhead ? await replay(store, decider, stream, undefined, asOf) : replayed
  await cache?.keep(loaded, isAhead ? 0 : (found?.version ?? 0))
  return loaded
}

async function replay<State, Event extends TidingsEvent>(
  store: EventStore<Event>,
  decider: Pick<Decider<State, never, Event>, 'initial' | 'evolve'>,
  stream: string,
  begin: Loaded<State> | undefined,
  asOf: AsOf | undefined,
): Promise<LoadedStream<State> & { readonly streamVersion: number }> {
  let state = begin === undefined ? decider.initial() : begin.state
  let version = begin?.version ?? 0
  let streamVersion = 0
  let tombstoned = false
  const query = {
    stream: nameOf(stream, 'stream'),
    from: version + 1,
    to: Number.MAX_SAFE_INTEGER,
    limit: Infinity,
    backward: false,
    until: untilOf(asOf),
  }
  for await (const page of streamPages(store.recorder, query)) {
    ;({ version: streamVersion, tombstoned } = page.state)
    for (const logged of page.events) {
      state = decider.evolve(state, recordedOf<Event>(logged, store.events).event)
      version = logged.version
    }
  }
  // The last page has all that there was: where events are removed, the stream is at its version all the same.
  if (asOf === undefined) version = Math.max(version, streamVersion)
  return { state, version, streamVersion, tombstoned }
}

/** The snapshots of one stream; whatever goes wrong with them is told, and harms nobody. */
class Cache<State> {
  readonly #snapshots: SnapshotStore
  readonly #options: SnapshotOptions<State>
  readonly #stream: string
  readonly #onError: (error: unknown) => void

  constructor(
    snapshots: SnapshotStore,
    options: SnapshotOptions<State>,
    stream: string,
    onError: (error: unknown) => void,
  ) {
    this.#snapshots = snapshots
    this.#options = options
    this.#stream = stream
    this.#onError = onError
  }

  async read(): Promise<Loaded<State> | undefined> {
    const { name, schema, decode } = this.#options
    try {
      const found = await this.#snapshots.get(this.#stream, name)
      if (found === undefined || found.schema !== String(schema)) return undefined
      const value: unknown = JSON.parse(found.state)
      return { state: decode === undefined ? (value as State) : decode(value), version: found.version }
    } catch (error) {
      this.#onError(error)
      return undefined
    }
  }

  async keep({ state, version }: Loaded<State>, keptVersion: number): Promise<void> {
    const { name, schema, every = 100, encode } = this.#options
    if (version - keptVersion < every) return
    try {
      const text = JSON.stringify(encode === undefined ? state : encode(state))
      await this.#snapshots.put({ stream: this.#stream, name, version, schema: String(schema), state: text })
    } catch (error) {
      this.#onError(error)
    }
  }
}

function writeError(error: unknown): void {
  // oxlint-disable-next-line no-console -- the default of a hook: nobody else would know
  console.error('[tidings] a snapshot failed:', error)
}
