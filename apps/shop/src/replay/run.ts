import { isTidingsError } from '@tidings/core'
import type { Archive, Filling } from './archive.ts'
import { ReplayError } from './errors.ts'
import { type CsvProblem, CsvReader, type Place } from './input/csv.ts'
import { type Columns, readHeader, wrongSeparator } from './input/header.ts'
import { quoted, quotedBytes } from './input/printable.ts'
import { type Refusal, type Row, RowReader } from './input/rows.ts'
import { openSource, type Source } from './input/source.ts'
import { type Reject, RejectCounts, type RejectCount, rejectMessages } from './rejects.ts'
import { Shop, type ShopReport } from './shop.ts'

/** How far a replay is. */
export interface Progress {
  /** Rows read: accepted and rejected. */
  readonly rows: number
  readonly accepted: number
  readonly bytesRead: number
  /** 0 where the file has no size. */
  readonly bytesTotal: number
}

/** What a replay reports while it runs. */
export interface ReplayOptions {
  /** Stops between two chunks; what has been read is summarised. */
  readonly signal?: AbortSignal
  readonly onReject?: (reject: Reject) => void
  /** Called after each chunk. */
  readonly onProgress?: (progress: Progress) => void
  /** Columns that the replay has no use for. */
  readonly onUnusedColumns?: (names: readonly string[]) => void
  /** Where the events are kept. Left out, views hear of them, and nothing is kept. */
  readonly archive?: Archive | undefined
}

/** What a replay came to. `accepted` + `rejected` is every row that was read, however it ended. */
export interface Outcome {
  readonly file: string
  readonly status: 'complete' | 'interrupted' | 'failed'
  /** Why it failed. */
  readonly error?: unknown
  readonly accepted: number
  readonly rejected: number
  readonly rejects: readonly RejectCount[]
  readonly seconds: number
  /** Rows that the archive had before, and that were added to it; only where there is one. */
  readonly kept?: Filling['counts']
  readonly shop: ShopReport
}

/**
 * Replays a file through a new shop, or into an archive. What goes wrong with the file is part of the outcome; it throws
 * where the archive cannot be read.
 */
export async function runReplay(path: string, options: ReplayOptions = {}): Promise<Outcome> {
  const start = performance.now()
  const { archive } = options
  const filling = await archive?.filling(path)
  const shop = new Shop()
  const replay = new Replay(path, filling ?? shop, options)
  let error: unknown
  try {
    await replay.run()
  } catch (thrown) {
    error = rootOf(thrown)
  }
  const status = error !== undefined ? 'failed' : options.signal?.aborted ? 'interrupted' : 'complete'
  const { accepted, rejects } = replay
  return {
    file: path,
    status,
    ...(error === undefined ? {} : { error }),
    accepted,
    rejected: rejects.total,
    rejects: rejects.list(),
    seconds: (performance.now() - start) / 1000,
    ...(filling === undefined ? {} : { kept: filling.counts }),
    shop: archive === undefined ? shop.report() : await archive.report(),
  }
}

/** Takes in the rows of a file: a shop, or an archive. */
type Taker = Pick<Shop, 'record'> | Filling

class Replay {
  readonly rejects = new RejectCounts()
  accepted = 0
  readonly #path: string
  readonly #taker: Taker
  readonly #options: ReplayOptions
  #columns: Columns | undefined
  #rows: RowReader | undefined

  constructor(path: string, taker: Taker, options: ReplayOptions) {
    this.#path = path
    this.#taker = taker
    this.#options = options
  }

  async run(): Promise<void> {
    const source = await openSource(this.#path)
    let isWhole = false
    try {
      isWhole = await this.#read(source)
    } finally {
      await source.close()
      // What was read before it broke off counts.
      if ('end' in this.#taker) await this.#taker.end(isWhole)
    }
  }

  /** Whether it came to the end. */
  async #read(source: Source): Promise<boolean> {
    const csv = new CsvReader({
      record: (fields, place) => this.#record(fields, place),
      malformed: (problem, place) => this.#malformed(problem, place),
    })
    try {
      for await (const chunk of source.chunks()) {
        if (this.#options.signal?.aborted) return false
        csv.push(chunk)
        if ('flush' in this.#taker) await this.#taker.flush()
        this.#progress(source)
      }
    } catch (error) {
      // What the file held before it broke off counts, but its last row may be half a row.
      if (this.#rows && isSourceError(error)) csv.cutOff()
      throw error
    }
    if (this.#options.signal?.aborted) return false
    csv.end()
    if (!this.#columns) {
      throw new ReplayError('REPLAY_EMPTY_FILE', `${this.#path} is empty\nIt must begin with a header row.`)
    }
    return true
  }

  #record(fields: readonly string[], place: Place): void {
    if (!this.#rows) {
      this.#begin(fields)
      return
    }
    const read = this.#rows.read(fields, place.row)
    if ('refused' in read) this.#refuse(read.refused, place)
    else this.#publish(read, place)
  }

  #begin(fields: readonly string[]): void {
    this.#columns = readHeader(this.#path, [...fields])
    this.#rows = new RowReader(this.#columns)
    if (this.#columns.unused.length > 0) this.#options.onUnusedColumns?.(this.#columns.unused)
  }

  #publish(row: Row, place: Place): void {
    try {
      this.#taker.record(row)
    } catch (error) {
      if (!isTidingsError(error, 'INVALID_EVENT')) {
        // The event exists and was published; a view could not take it, which ends the replay. An archive takes what it can.
        if (!('end' in this.#taker)) this.accepted++
        throw error
      }
      const [message = ''] = error.message.split('\n')
      this.#reject({ ...at(place), column: '', value: quoted(row.line.invoice), reason: 'invalid-event', message })
      return
    }
    this.accepted++
  }

  #refuse({ reason, column, value, message = rejectMessages[reason] }: Refusal, place: Place): void {
    const { header, at: columns } = this.#columns!
    this.#reject({
      ...at(place),
      column: column === undefined ? '' : header[columns[column]]!,
      value: quoted(value),
      reason,
      message,
    })
  }

  #malformed({ kind, field, bytes }: CsvProblem, place: Place): void {
    if (!this.#columns) {
      const text = bytes.toString('latin1')
      // A quoted name has the separator right behind or before the quote that makes the header malformed.
      const [, separator] = /([;\t])"?$/.exec(text) ?? []
      if (separator !== undefined) throw wrongSeparator(this.#path, separator, text)
      throw new ReplayError(
        'REPLAY_HEADER',
        `${this.#path}, row 1: the header cannot be read: ${quotedBytes(bytes)}: ${rejectMessages[kind]}`,
      )
    }
    const column = field === undefined ? '' : (this.#columns.header[field] ?? `column ${field + 1}`)
    this.#reject({ ...at(place), column, value: quotedBytes(bytes), reason: kind, message: rejectMessages[kind] })
  }

  #reject(reject: Omit<Reject, 'file'>): void {
    const whole: Reject = { file: this.#path, ...reject }
    this.rejects.add(whole)
    this.#options.onReject?.(whole)
  }

  #progress({ bytesRead, size }: Source): void {
    const { accepted, rejects } = this
    this.#options.onProgress?.({ rows: accepted + rejects.total, accepted, bytesRead, bytesTotal: size })
  }
}

function at({ row, line }: Place): { row: number; line: number } {
  return { row, line }
}

function isSourceError(error: unknown): boolean {
  return isTidingsError(error) && (error.code.startsWith('REPLAY_GZIP_') || error.code === 'REPLAY_FILE_UNREADABLE')
}

/** A dispatcher collects what handlers throw; each of ours throws for one reason, so the first one says it. */
function rootOf(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? (error.errors[0] as unknown) : error
}
