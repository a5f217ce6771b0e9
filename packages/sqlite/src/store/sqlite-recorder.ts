import {
  checkAppends,
  type Commit,
  type Committed,
  type FoundForAppend,
  identityOf,
  type LoggedEvent,
  type LogPage,
  type LogQuery,
  type LogRecord,
  type Position,
  RecordConflictError,
  type Recorder,
  type RecordQuery,
  type RecordWrite,
  type StreamAppend,
  type StreamAppended,
  type StreamCut,
  type StreamPage,
  type StreamQuery,
  type StreamState,
  type Until,
} from '@tidings/store/recorder'
import { StoreClosedError } from '@tidings/store'
import type { Row } from '../database/driver.ts'
import type { SharedFile } from '../file/shared-file.ts'
import type { Prepared } from '../file/statements.ts'
import { loggedColumns, loggedOf, recordOf, type SqliteValues } from './rows.ts'

/** A log of events in a file, the same one that its messages are in: groups of a bus get what is appended. */
export class SqliteRecorder implements Recorder {
  readonly name = 'sqlite'
  readonly #file: SharedFile
  readonly #release: () => Promise<void>
  readonly #stateOf: Prepared
  readonly #withIdentity: Prepared
  readonly #watchers = new Map<() => void, () => void>()
  #closing: Promise<void> | undefined

  /** `release` lets go of the file. */
  constructor(file: SharedFile, release: () => Promise<void>) {
    this.#file = file
    this.#release = release
    this.#withIdentity = file.statements.prepare(`SELECT ${loggedColumns} FROM tidings_log WHERE identity = ?`)
    this.#stateOf = file.statements.prepare(
      `SELECT (SELECT max(version) FROM tidings_log WHERE stream = ?), version, truncated_before, tombstoned
        FROM (SELECT 1) LEFT JOIN tidings_streams ON stream = ?`,
    )
  }

  commit(commit: Commit): Promise<Committed> {
    if (this.#closing !== undefined) return Promise.reject(new StoreClosedError('commit()'))
    return this.#file.commit(() => this.#commit(commit))
  }

  async readStream({ stream, from, to, limit, backward, until }: StreamQuery): Promise<StreamPage> {
    return this.#reading('readStream()', () => {
      const rows = this.#file.statements.all(
        `SELECT ${loggedColumns} FROM tidings_log
          WHERE stream = ? AND version >= ? AND version <= ? AND position <= ? AND at <= ?
          ORDER BY version ${backward ? 'DESC' : 'ASC'} LIMIT ?`,
        stream,
        from,
        to,
        ...boundsOf(until),
        limit,
      )
      return { state: this.#state(stream), events: rows.map(loggedOf) }
    })
  }

  async readLog({ after, limit, types, category, until }: LogQuery): Promise<LogPage> {
    return this.#reading('readLog()', () => {
      const { statements } = this.#file
      const head = this.#head()
      const filters: string[] = []
      const values: SqliteValues = []
      if (types !== undefined) {
        filters.push('AND type IN (SELECT value FROM json_each(?))')
        values.push(JSON.stringify(types))
      }
      if (category !== undefined) {
        // Without the index by stream: the order of the log is what is asked for.
        filters.push(`AND (+stream = ? OR (+stream >= ? AND +stream < ?))`)
        values.push(category, `${category}-`, `${category}.`)
      }
      const rows = statements.all(
        `SELECT ${loggedColumns} FROM tidings_log
          WHERE position > ? AND position <= ? AND at <= ? AND +stream IS NOT NULL ${filters.join(' ')}
          ORDER BY position LIMIT ?`,
        after,
        ...boundsOf(until),
        ...values,
        limit,
      )
      const events = rows.map(loggedOf)
      const isAll = events.length < limit
      const through = isAll ? (Math.max(head, after) as Position) : events.at(-1)!.position
      return { events, through, more: through < head }
    })
  }

  async readRecord(key: string): Promise<LogRecord | undefined> {
    return this.#reading('readRecord()', () => recordOf(this.#record(key)))
  }

  async listRecords({ prefix, after, limit }: RecordQuery): Promise<readonly LogRecord[]> {
    return this.#reading('listRecords()', () =>
      this.#file.statements
        .all(
          `SELECT key, value, revision, position FROM tidings_records
            WHERE key >= ? AND substr(key, 1, length(?)) = ? AND (? IS NULL OR key > ?) ORDER BY key LIMIT ?`,
          prefix,
          prefix,
          prefix,
          after ?? null,
          after ?? null,
          limit,
        )
        .map((row) => recordOf(row)!),
    )
  }

  watch(wake: () => void): () => void {
    const watcher = (): void => wake()
    const unwatch = this.#file.watch(watcher)
    this.#watchers.set(watcher, unwatch)
    return () => {
      unwatch()
      this.#watchers.delete(watcher)
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    for (const [wake, unwatch] of this.#watchers) {
      unwatch()
      wake()
    }
    this.#watchers.clear()
    await this.#release()
  }

  /** All checks come before the first write, so that what is refused has done nothing. */
  #commit({ appends = [], cuts = [], records = [] }: Commit): Committed {
    const found = appends.map((append) => this.#find(append))
    const before = checkAppends(appends, found)
    const { log, time } = this.#file
    if (before !== undefined) return { appends: before, position: log.head as Position, revisions: [] }
    for (const write of records) this.#checkRecord(write)
    const at = time.next(Math.floor(this.#file.now()))
    const results = appends.map((append, index) => this.#append(append, found[index]!.state, at))
    for (const cut of cuts) this.#cut(cut)
    const position = log.head as Position
    const revisions = records.map((write) => this.#writeRecord(write, position))
    const isEmpty = (index: number): boolean => appends[index]!.events.length === 0
    return {
      appends: results.map((result, index) => (isEmpty(index) ? { ...result, position } : result)),
      position,
      revisions,
    }
  }

  #find({ stream, events }: StreamAppend): FoundForAppend {
    return { state: this.#state(stream), known: events.map((event) => this.#known(event)) }
  }

  /** The one in the log with its identity. */
  #known(event: StreamAppend['events'][number]): LoggedEvent | undefined {
    const { id, source } = event.attributes
    if (this.#file.identities.exceeds(String(source), String(id))) return undefined
    const row = this.#withIdentity.get(identityOf(event))
    return row === undefined ? undefined : loggedOf(row)
  }

  #append({ stream, events, restored }: StreamAppend, state: StreamState, at: number): StreamAppended {
    const { log, identities } = this.#file
    const firstVersion = (events.length > 0 && restored?.firstVersion) || state.version + 1
    for (const [index, event] of events.entries()) {
      const recordedAt = restored?.recordedAt[index] ?? at
      log.appendToStream(event, stream, firstVersion + index, identityOf(event), recordedAt)
      identities.add(String(event.attributes['source']), String(event.attributes['id']))
    }
    // Versions that another log has removed are removed here too.
    const isGap = firstVersion > state.version + 1 || state.truncatedBefore > state.version
    if (events.length > 0 && isGap && firstVersion !== 1) {
      const isEmpty = state.version === 0 || state.truncatedBefore > state.version
      this.#put(stream, { ...state, truncatedBefore: isEmpty ? firstVersion : state.truncatedBefore })
    }
    const lastVersion = events.length > 0 ? firstVersion + events.length - 1 : state.version
    return { firstVersion, lastVersion, position: log.head as Position, repeated: false }
  }

  #cut({ stream, before, tombstone, restoredVersion = 0 }: StreamCut): void {
    const state = this.#state(stream)
    const version = Math.max(state.version, restoredVersion)
    const end = Math.min(tombstone ? Infinity : before, version + 1)
    this.#file.log.removeOfStream(stream, end)
    this.#put(stream, {
      version,
      truncatedBefore: Math.max(state.truncatedBefore, end),
      tombstoned: state.tombstoned || tombstone,
    })
  }

  #put(stream: string, { version, truncatedBefore, tombstoned }: StreamState): void {
    this.#file.statements.run(
      'INSERT OR REPLACE INTO tidings_streams (stream, version, truncated_before, tombstoned) VALUES (?,?,?,?)',
      stream,
      version,
      truncatedBefore,
      Number(tombstoned),
    )
  }

  #state(stream: string): StreamState {
    const [last, version, truncatedBefore, tombstoned] = this.#stateOf.get(stream, stream)!
    if (version === null) return { version: Number(last), truncatedBefore: 1, tombstoned: false }
    return {
      version: Math.max(Number(last), Number(version)),
      truncatedBefore: Number(truncatedBefore),
      tombstoned: tombstoned === 1,
    }
  }

  #record(key: string): Row | undefined {
    return this.#file.statements.get('SELECT key, value, revision, position FROM tidings_records WHERE key = ?', key)
  }

  #checkRecord({ key, expected }: RecordWrite): void {
    const actual = recordOf(this.#record(key))?.revision ?? 0
    if (expected !== undefined && expected !== actual) throw new RecordConflictError(key, expected, actual)
  }

  #writeRecord({ key, value }: RecordWrite, position: Position): number {
    const { statements } = this.#file
    if (value === undefined) {
      statements.run('DELETE FROM tidings_records WHERE key = ?', key)
      return 0
    }
    const revision = (recordOf(this.#record(key))?.revision ?? 0) + 1
    statements.run(
      'INSERT OR REPLACE INTO tidings_records (key, value, revision, position) VALUES (?,?,?,?)',
      key,
      value,
      revision,
      position,
    )
    return revision
  }

  /** Of the log as it is now, also where another process has written since. */
  #head(): Position {
    return this.#file.log.headNow() as Position
  }

  /** Reads of one moment. */
  #reading<Result>(call: string, read: () => Result): Result {
    if (this.#closing !== undefined) throw new StoreClosedError(call)
    const { statements } = this.#file
    statements.exec('SAVEPOINT tidings_read')
    try {
      return read()
    } finally {
      statements.exec('RELEASE tidings_read')
    }
  }
}

function boundsOf(until: Until | undefined): readonly [position: number, time: number] {
  return [until?.position ?? Number.MAX_SAFE_INTEGER, until?.time ?? Number.MAX_SAFE_INTEGER]
}
