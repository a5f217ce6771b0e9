import { type Clock, Timetable } from '@tidings/bus/transport'
import { asyncSnapshot, type Snapshot } from '@tidings/core/tools'
import { AggregationRows } from './aggregation-rows.ts'
import { Catalog } from './catalog.ts'
import { ClaimRows } from './claim-rows.ts'
import { Commits, perCommit, type Task } from './commits.ts'
import type { Times } from '../group/copies.ts'
import { CursorRows } from '../group/cursor-rows.ts'
import type { Database } from '../database/driver.ts'
import { type FileOptions, openFile } from '../database/open.ts'
import { Delayed } from './delayed.ts'
import { Group } from '../group/group.ts'
import { type HeldRow, HeldRows } from '../group/held-rows.ts'
import type { Greatest } from './greatest.ts'
import { identitiesIn } from './identities.ts'
import { InboxRows } from './inbox-rows.ts'
import { Letters } from './letters.ts'
import { Log } from './log.ts'
import { LogTime } from './log-time.ts'
import { Marks } from './marks.ts'
import { Nodes } from '../nodes/nodes.ts'
import { patiently } from './patiently.ts'
import { Retention, type RetentionSettings } from './retention.ts'
import { Statements } from './statements.ts'
import { Transactions } from './transaction.ts'

export interface SharedOptions extends FileOptions {
  readonly maxMessageSize: number
  readonly maxDeadLetters: number
  readonly retention: RetentionSettings
}

/** Milliseconds that a process waits at least until it can enter. */
const longestEntry = 30_000
/**
 * One file in this process, whatever number of buses have it: everything that is written in a turn of the event loop goes
 * into one transaction, and groups note in it what they hand out behind it.
 */
export class SharedFile implements Times {
  readonly timetable: Timetable = new Timetable()
  readonly statements: Statements
  readonly catalog: Catalog
  readonly log: Log
  readonly held: HeldRows
  readonly marks: Marks
  readonly inbox: InboxRows
  readonly identities: Greatest<string>
  readonly time: LogTime
  readonly letters: Letters
  readonly aggregations: AggregationRows
  readonly claims: ClaimRows
  readonly delayed: Delayed
  readonly cursors: CursorRows
  readonly transaction: Transactions
  readonly nodes: Nodes
  readonly retention: Retention
  readonly maxMessageSize: number
  readonly #database: Database
  readonly #clock: Clock
  readonly #commits: Commits
  readonly #groups = new Map<number, Group>()
  readonly #inOwnContext: Snapshot | undefined = asyncSnapshot()?.()
  readonly #readers = new Set<() => void>()
  /** Whether others have written between the last transaction and the one under way. */
  #isForeign = false
  #headBefore = 0
  #dataVersion = -1
  #areDue = false

  private constructor(
    options: SharedOptions,
    clock: Clock,
    database: Database,
    statements: Statements,
    catalog: Catalog,
    nodes: Nodes,
  ) {
    this.#clock = clock
    this.maxMessageSize = options.maxMessageSize
    this.#database = database
    this.statements = statements
    this.catalog = catalog
    this.nodes = nodes
    this.cursors = new CursorRows(statements, nodes.id)
    this.log = new Log(statements)
    this.held = new HeldRows(statements)
    this.marks = new Marks(statements)
    this.inbox = new InboxRows(statements)
    this.identities = identitiesIn(statements)
    this.time = new LogTime(statements)
    this.letters = new Letters(statements, options.maxDeadLetters)
    this.aggregations = new AggregationRows(statements)
    this.claims = new ClaimRows(statements)
    this.retention = new Retention(statements, [this.aggregations, this.inbox], this.claims, options.retention)
    this.transaction = new Transactions(statements)
    this.delayed = new Delayed(statements, this.log, this, () => {
      this.#areDue = true
      this.stir()
    })
    this.#commits = new Commits(statements, options.busyTimeout, {
      begun: () => this.#begun(),
      prepare: () => this.#prepare(),
      written: () => this.#written(),
      undone: () => this.#undone(),
    })
    this.timetable.start(clock)
    this.refresh()
    this.delayed.refresh()
  }

  /** Opens it, and enters this process among its nodes. Rejects with `SqliteError`. */
  static async open(options: SharedOptions, clock: Clock): Promise<SharedFile> {
    // Others that write all the time leave little room for a newcomer.
    const patience = Math.max(options.busyTimeout, longestEntry)
    const database = await patiently(() => openFile(options), patience)
    try {
      const statements = new Statements(options.file, database)
      const catalog = new Catalog(statements)
      const enter = (): Nodes => {
        // In one go: nobody else of this process is to wait for a transaction that waits for them.
        statements.exec('BEGIN IMMEDIATE')
        const nodes = new Nodes(statements, catalog, options.open)
        statements.exec('COMMIT')
        return nodes
      }
      return new SharedFile(options, clock, database, statements, catalog, await patiently(enter, patience))
    } catch (error) {
      database.close()
      throw error
    }
  }

  get file(): string {
    return this.statements.file
  }

  now(): number {
    return this.#clock.now()
  }

  get groups(): ReadonlyMap<number, Group> {
    return this.#groups
  }

  /** Has it done within the next transaction; resolves to what it returns once that is written. */
  commit<Result>(apply: () => Result): Promise<Result> {
    return new Promise((done, failed) => this.submit({ apply, done, failed }))
  }

  /** Has it done within the next transaction, and told what came of it. Throws where no other may begin now. */
  submit<Result>(task: Task<Result>): void {
    const refusal = this.transaction.refusal()
    if (refusal !== undefined) throw refusal
    this.#commits.submit(task)
  }

  /** Asks for a transaction in which groups see what they have to do. */
  stir(): void {
    this.#commits.stir()
  }

  /** Has something done when the transaction under way is undone. */
  undoes(undo: () => void): void {
    this.#commits.undoes(undo)
  }

  /** The part of a group that is in this process, made where there is none. */
  group(id: number): Group {
    let group = this.#groups.get(id)
    if (group === undefined) this.#groups.set(id, (group = new Group(this, id)))
    return group
  }

  forget(group: Group): void {
    this.#groups.delete(group.id)
  }

  /** Has `wake` called when the log has grown. The function returned ends it. */
  watch(wake: () => void): () => void {
    this.#readers.add(wake)
    return () => void this.#readers.delete(wake)
  }

  /** Sees what others have written; whether they have. */
  refresh(): boolean {
    const version = this.statements.number('PRAGMA data_version')
    if (version === this.#dataVersion) return false
    this.nodes.refresh()
    this.marks.refresh()
    this.inbox.refresh()
    this.identities.refresh()
    this.time.refresh()
    const { head } = this.log
    this.log.refresh()
    if (this.log.head !== head) this.#wakeReaders()
    const hasChanged = this.catalog.refresh()
    for (const group of this.#groups.values()) group.isTold(hasChanged)
    this.delayed.refresh()
    // Last: what could not be read now is read at the next look.
    this.#dataVersion = version
    return true
  }

  /** Replays for a group that others have published behind a position. */
  foreignAhead(group: number, position: number): readonly HeldRow[] {
    return this.#isForeign ? this.held.aheadOf(group, position) : []
  }

  /** Takes away what nobody needs any more, a little at a time. Never rejects. */
  async tidy(): Promise<void> {
    try {
      while (await this.commit(() => this.retention.tidy(this.now()))) continue
    } catch {
      // Next time: nobody waits for it.
    }
  }

  /** Ends it; what was asked for is done before. */
  async close(): Promise<void> {
    await this.commit(() => this.nodes.leave()).catch(() => {})
    await this.#commits.close()
    this.timetable.stop()
    this.#database.close()
    this.nodes.release()
  }

  #begun(): void {
    this.#isForeign = this.refresh()
    this.#headBefore = this.log.head
  }

  #prepare(): void {
    if (this.#areDue) this.delayed.move(perCommit)
    for (const group of this.#groups.values()) group.prepare()
  }

  #written(): void {
    this.#areDue = false
    if (this.log.head !== this.#headBefore) queueMicrotask(() => this.#wakeReaders())
    this.log.trim(this.#leastScanned())
    // In the async context in which the file was opened: else handlers would run in that of whoever published first.
    // And behind those who are told now what came of their settlements: these have a place less in their prefetch.
    setImmediate(this.#handOutNext)
  }

  #undone(): void {
    this.log.goBack(this.#headBefore)
    // What changed in this transaction did not.
    this.#dataVersion = -1
    this.catalog.forget()
    this.catalog.refresh()
    for (const group of this.#groups.values()) group.isUndone()
  }

  readonly #handOutNext = (): void => {
    if (this.#inOwnContext) this.#inOwnContext(this.#handOut)
    else this.#handOut()
  }

  readonly #handOut = (): void => {
    for (const group of this.#groups.values()) group.handOut()
  }

  #wakeReaders(): void {
    for (const wake of this.#readers) wake()
  }

  #leastScanned(): number {
    let least = this.log.head
    for (const { scanned } of this.#groups.values()) if (scanned < least) least = scanned
    return least
  }
}
