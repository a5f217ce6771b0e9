import { knownOptions } from '@tidings/core/tools'
import { categoryOf } from '../category.ts'
import { RecordConflictError, StoreClosedError } from '../errors.ts'
import type { Position } from '../position.ts'
import { compareCodePoints } from './code-points.ts'
import { checkAppends, type FoundForAppend, identityOf } from './check-append.ts'
import type {
  Commit,
  Committed,
  LoggedEvent,
  LogPage,
  LogQuery,
  LogRecord,
  Recorder,
  RecordQuery,
  RecordWrite,
  StreamAppend,
  StreamAppended,
  StreamCut,
  StreamPage,
  StreamQuery,
  Until,
} from './recorder.ts'

export interface MemoryRecorderOptions {
  /** Milliseconds since 1970. Default the time of the machine. */
  readonly clock?: { now(): number } | undefined
}

/**
 * A log in this process, lost with it. Stores that are made on one recorder see the same events.
 *
 * @throws TidingsError `INVALID_ARGUMENT`
 */
export function memoryRecorder(options: MemoryRecorderOptions = {}): Recorder {
  knownOptions(options, ['clock'], 'memoryRecorder')
  return new MemoryRecorder(options.clock ?? { now: () => Date.now() })
}

interface Stream {
  /** From version `truncatedBefore` on. */
  events: LoggedEvent[]
  version: number
  truncatedBefore: number
  tombstoned: boolean
}

const nothing: Readonly<Stream> = { events: [], version: 0, truncatedBefore: 1, tombstoned: false }

class MemoryRecorder implements Recorder {
  readonly name = 'memory'
  readonly #clock: { now(): number }
  /** By position, from 1 on at index 0; `undefined` where an event was removed. */
  readonly #log: (LoggedEvent | undefined)[] = []
  readonly #streams = new Map<string, Stream>()
  readonly #known = new Map<string, LoggedEvent>()
  readonly #records = new Map<string, LogRecord>()
  readonly #watchers = new Set<() => void>()
  #time = 0
  #closed = false

  constructor(clock: { now(): number }) {
    this.#clock = clock
  }

  // All checks come before the first write, and nothing in between waits: that is what makes it one commit.
  async commit({ appends = [], cuts = [], records = [] }: Commit): Promise<Committed> {
    this.#open('commit()')
    const end = this.#end
    const before = checkAppends(
      appends,
      appends.map((append) => this.#find(append)),
    )
    if (before !== undefined) return { appends: before, position: end, revisions: [] }
    for (const write of records) this.#checkRecord(write)
    const results = appends.map((append) => this.#write(append))
    for (const cut of cuts) this.#cut(cut)
    const position = this.#end
    const revisions = records.map((write) => this.#writeRecord(write))
    if (position > end) for (const wake of this.#watchers) wake()
    const isEmpty = (index: number): boolean => appends[index]!.events.length === 0
    return {
      appends: results.map((result, index) => (isEmpty(index) ? { ...result, position } : result)),
      position,
      revisions,
    }
  }

  async readStream({ stream, from, to, limit, backward, until }: StreamQuery): Promise<StreamPage> {
    this.#open('readStream()')
    const { events, version, truncatedBefore, tombstoned } = this.#streams.get(stream) ?? nothing
    const [first, last] = [indexOf(events, from), indexOf(events, to + 1) - 1]
    const found: LoggedEvent[] = []
    const step = backward ? -1 : 1
    for (let index = backward ? last : first; index >= first && index <= last && found.length < limit; index += step) {
      const event = events[index]!
      if (isPast(event, until)) found.push(event)
    }
    return { state: { version, truncatedBefore, tombstoned }, events: found }
  }

  async readLog({ after, limit, types, category, until }: LogQuery): Promise<LogPage> {
    this.#open('readLog()')
    const events: LoggedEvent[] = []
    let index: number = after
    for (; index < this.#log.length && events.length < limit; index++) {
      const each = this.#log[index]
      if (each === undefined || !isPast(each, until)) continue
      if (types !== undefined && !types.includes(String(each.event.attributes['type']))) continue
      if (category !== undefined && categoryOf(each.stream) !== category) continue
      events.push(each)
    }
    return { events, through: index as Position, more: index < this.#log.length }
  }

  async readRecord(key: string): Promise<LogRecord | undefined> {
    this.#open('readRecord()')
    return this.#records.get(key)
  }

  async listRecords({ prefix, after, limit }: RecordQuery): Promise<readonly LogRecord[]> {
    this.#open('listRecords()')
    const keys = [...this.#records.keys()].filter(
      (key) => key.startsWith(prefix) && (after === undefined || compareCodePoints(key, after) > 0),
    )
    return keys
      .toSorted(compareCodePoints)
      .slice(0, limit)
      .map((key) => this.#records.get(key)!)
  }

  watch(wake: () => void): () => void {
    const watcher = (): void => wake()
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const wake of this.#watchers) wake()
    this.#watchers.clear()
  }

  get #end(): Position {
    return this.#log.length as Position
  }

  #find({ stream, events }: StreamAppend): FoundForAppend {
    return {
      state: this.#streams.get(stream) ?? nothing,
      known: events.map((event) => this.#known.get(identityOf(event))),
    }
  }

  #write({ stream, events, restored }: StreamAppend): StreamAppended {
    const kept = this.#streams.get(stream) ?? { ...nothing, events: [] }
    const firstVersion = (events.length > 0 && restored?.firstVersion) || kept.version + 1
    if (events.length > 0) this.#streams.set(stream, kept)
    // Versions that another log has removed are removed here too.
    if (kept.events.length === 0 && events.length > 0) kept.truncatedBefore = firstVersion
    this.#time = Math.max(this.#time, this.#clock.now())
    for (const [index, event] of events.entries()) {
      const logged: LoggedEvent = {
        stream,
        version: firstVersion + index,
        position: (this.#log.length + 1) as Position,
        recordedAt: restored?.recordedAt[index] ?? this.#time,
        event,
      }
      this.#log.push(logged)
      kept.events.push(logged)
      this.#known.set(identityOf(event), logged)
    }
    if (events.length > 0) kept.version = firstVersion + events.length - 1
    return { firstVersion, lastVersion: kept.version, position: this.#end, repeated: false }
  }

  #cut({ stream, before, tombstone, restoredVersion = 0 }: StreamCut): void {
    const kept = this.#streams.get(stream) ?? { ...nothing, events: [] }
    this.#streams.set(stream, kept)
    kept.version = Math.max(kept.version, restoredVersion)
    const end = Math.min(tombstone ? Infinity : before, kept.version + 1)
    for (const { position, event } of kept.events.splice(0, indexOf(kept.events, end))) {
      this.#log[position - 1] = undefined
      this.#known.delete(identityOf(event))
    }
    kept.truncatedBefore = Math.max(kept.truncatedBefore, end)
    kept.tombstoned ||= tombstone
  }

  #checkRecord({ key, expected }: RecordWrite): void {
    const actual = this.#records.get(key)?.revision ?? 0
    if (expected !== undefined && expected !== actual) throw new RecordConflictError(key, expected, actual)
  }

  #writeRecord({ key, value }: RecordWrite): number {
    const revision = value === undefined ? 0 : (this.#records.get(key)?.revision ?? 0) + 1
    if (value === undefined) this.#records.delete(key)
    else this.#records.set(key, { key, value, revision, position: this.#end })
    return revision
  }

  #open(call: string): void {
    if (this.#closed) throw new StoreClosedError(call)
  }
}

/** Where an event of this version stands or belongs, in a list by version. */
function indexOf(events: readonly LoggedEvent[], version: number): number {
  let low = 0
  let high = events.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (events[middle]!.version < version) low = middle + 1
    else high = middle
  }
  return low
}

function isPast({ position, recordedAt }: LoggedEvent, until: Until | undefined): boolean {
  if (until === undefined) return true
  return position <= (until.position ?? Infinity) && recordedAt <= (until.time ?? Infinity)
}
