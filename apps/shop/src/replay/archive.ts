import { createHash, type Hash } from 'node:crypto'
import { isTidingsError } from '@tidings/core'
import { sqliteStore } from '@tidings/sqlite'
import type { AppendRequest, Appended, EventStore } from '@tidings/store'
import { existingFile, fileIn } from '../data-folder.ts'
import { ReplayError } from './errors.ts'
import type { Row } from './input/rows.ts'
import { archived, definitions, FileRead, type RetailEvent } from './retail/events.ts'
import { Shop, type ShopReport } from './shop.ts'

type ArchivedEvent = RetailEvent | FileRead

/** Rows that are written in one commit, at least: fewer are more commits, more keep the process busy for longer. */
const perCommit = 2000
/** Commits that are under way while more rows are read. */
const inFlight = 2

/** The stream that says how far the file was read. */
const progress = 'file-retail'
/** What the events of the rows are from; with the row, which is their id, it tells each from all others. */
const source = '/retail'

/** Retail data as an event store in a folder: one stream for each invoice, in the order of the file. */
export class Archive implements AsyncDisposable {
  readonly #store: EventStore<ArchivedEvent>

  private constructor(store: EventStore<ArchivedEvent>) {
    this.#store = store
  }

  /** Opens the one of a folder; both are made where they are not there. Rejects with `DataError`, `SqliteError`. */
  static async make(folder: string): Promise<Archive> {
    return Archive.#open(fileIn(folder, 'retail.db'))
  }

  /** Opens the one of a folder. Rejects with `DataError` where there is none, `SqliteError`. */
  static async open(folder: string): Promise<Archive> {
    return Archive.#open(existingFile(folder, 'retail.db', 'demo replay FILE --data DIR'))
  }

  static async #open(file: string): Promise<Archive> {
    return new Archive(await sqliteStore({ file, events: archived }))
  }

  /** Takes in the file of this path, from where it was left. */
  async filling(path: string): Promise<Filling> {
    for await (const { event, version } of this.#store.read(progress, { direction: 'backward', limit: 1 })) {
      return new Filling(this.#store, path, { ...(event as FileRead).data, version })
    }
    return new Filling(this.#store, path, nothing)
  }

  /**
   * What was invoiced up to a time, that included: the beginning of one as `invoicedAt` has it, such as `2011-01` or
   * `2011-01-31`. Default all.
   *
   * Reads the log as it was when the last of these rows came in. In a file that is sorted by time nothing more is read.
   */
  async report(until = ''): Promise<ShopReport> {
    const isBy = (time: string): boolean => time.slice(0, until.length) <= until
    let asOf: Appended['position'] | undefined
    for await (const { event, position } of this.#store.read(progress)) {
      if (isBy((event as FileRead).data.earliest)) asOf = position
    }
    const shop = new Shop()
    if (asOf === undefined) return shop.report()
    for await (const { event } of this.#store.readAll({ asOf })) {
      if (event.type !== FileRead.type && isBy(event.data.invoicedAt)) shop.publish(event)
    }
    return shop.report()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#store.close()
  }
}

interface Filled extends Pick<FileRead['data'], 'through' | 'rows' | 'digest'> {
  /** Of the stream that says so. */
  readonly version: number
}

const nothing: Filled = { through: 0, rows: 0, digest: '', version: 0 }

/**
 * Takes in the rows of a file. Each commit says how far it has come, so that one who is killed anywhere goes on behind
 * the last commit, and of two at once one is told.
 */
export class Filling {
  readonly #store: EventStore<ArchivedEvent>
  readonly #path: string
  /** What was there before. */
  readonly #before: Filled
  readonly #hash: Hash = createHash('sha256')
  readonly #underWay = new Set<Promise<void>>()
  #version: number
  #rows = 0
  #added = 0
  #isSame: boolean
  #batch = new Batch()
  #failed: { readonly error: unknown } | undefined

  constructor(store: EventStore<ArchivedEvent>, path: string, before: Filled) {
    this.#store = store
    this.#path = path
    this.#before = before
    this.#version = before.version
    this.#isSame = before.rows === 0
  }

  /** Rows that were there, and that were added. */
  get counts(): { readonly before: number; readonly added: number } {
    return { before: this.#before.rows, added: this.#added }
  }

  /** Throws `InvalidEventError`, and nothing was taken in; ReplayError where the store was filled from another file. */
  record({ kind, line }: Row): void {
    // What is there is not made again: an event costs more than to see that it is the same.
    const isThere = line.row <= this.#before.through
    if (!isThere) {
      if (!this.#isSame) throw this.#otherFile()
      this.#batch.add(definitions[kind].create(line, { id: String(line.row), source }))
    }
    this.#hash.update(`${Object.values(line).join('\u001f')}\n`)
    this.#rows++
    if (isThere && this.#rows === this.#before.rows) this.#isSame = this.#digest() === this.#before.digest
  }

  /** Between two chunks of the file: writes what has come together, and waits while too much is under way. */
  async flush(): Promise<void> {
    if (this.#batch.rows >= perCommit) this.#write()
    while (this.#underWay.size >= inFlight) await Promise.race(this.#underWay)
    this.#check()
  }

  /** Writes what is left; `isWhole` says that the file was read to its end. */
  async end(isWhole: boolean): Promise<void> {
    if (this.#batch.rows > 0) this.#write()
    await Promise.all(this.#underWay)
    this.#check()
    if (isWhole && !this.#isSame) throw this.#otherFile()
  }

  #write(): void {
    const batch = this.#batch
    this.#batch = new Batch()
    const { through, earliest, rows } = batch
    const read = FileRead.create({ through, rows: this.#rows, earliest, digest: this.#digest() }, { source })
    const expectedVersion = this.#version++
    const written = this.#store
      .appendAll([...batch.appends(), { stream: progress, events: [read], expectedVersion }])
      .then(
        () => void (this.#added += rows),
        (error: unknown) => void (this.#failed ??= { error: this.#explained(error) }),
      )
      .finally(() => this.#underWay.delete(written))
    this.#underWay.add(written)
  }

  #check(): void {
    if (this.#failed !== undefined) throw this.#failed.error
  }

  #digest(): string {
    return this.#hash.copy().digest('hex')
  }

  #explained(error: unknown): unknown {
    if (!isTidingsError(error, 'CONCURRENCY_CONFLICT')) return error
    return new ReplayError(
      'REPLAY_OVERTAKEN',
      'another replay fills the same folder at this moment\nLet one of them end; started again, the other goes on.',
      { cause: error },
    )
  }

  #otherFile(): ReplayError {
    const { rows, through } = this.#before
    return new ReplayError(
      'REPLAY_OTHER_FILE',
      `${this.#path} differs from the file that the folder was filled from, whose ${rows} rows up to row ${through} are there\n` +
        'Replay that one again, or name another folder with --data: one holds one file.',
    )
  }
}

/** The rows of a commit, by invoice. */
class Batch {
  readonly #invoices = new Map<string, RetailEvent[]>()
  rows = 0
  through = 0
  earliest = '~'

  add(event: RetailEvent): void {
    const { invoice, row, invoicedAt } = event.data
    const lines = this.#invoices.get(invoice)
    if (lines === undefined) this.#invoices.set(invoice, [event])
    else lines.push(event)
    this.rows++
    this.through = row
    if (invoicedAt < this.earliest) this.earliest = invoicedAt
  }

  appends(): AppendRequest<ArchivedEvent>[] {
    return [...this.#invoices].map(([invoice, events]) => ({ stream: `invoice-${invoice}`, events }))
  }
}
