import { isThenable } from '@tidings/core/tools'
import {
  memory,
  MessageTooLargeError,
  PermanentError,
  SettlementRefusedError,
  type TransactionsOf,
  type Transport,
} from '../../src/index.ts'
import { type Delivery, type Handled, oversize, type Settled, type Settlement } from '../../src/transport/index.ts'
import { altered, alteredDelivery } from './altered.ts'
import { Life } from './life.ts'

/** What the work of a handler is given. It must not be used once the work has ended. */
export interface Transaction {
  get(key: string): number
  add(key: string, count: number): void
}

/** For the option `transaction` of a handler. */
export const inDatabase: TransactionsOf<Transaction> = { transport: 'database' }

/** A database that keeps its messages too, in memory. */
export interface Database {
  readonly transport: Transport
  /** What has been committed. */
  readonly rows: ReadonlyMap<string, number>
  /** How many settlements each commit had. */
  readonly commits: readonly number[]
  /** Has the next connection die instead of taking its step of this number, from 1. Resolves when it has died. */
  crashAt(step: number): Promise<void>
}

/** What waits for the next commit: a settlement, or a transaction of code outside of handlers. */
interface Open {
  readonly group: string
  readonly mark: Handled['mark']
  readonly work: Handled['work']
  /** Done once it is durable. */
  readonly committed: (settled: Settled) => void
  readonly resolve: (settled: Settled) => void
  readonly reject: (error: unknown) => void
}

/** All that a commit makes durable at once, beside the messages. */
interface State {
  readonly rows: Map<string, number>
  readonly marks: Set<string>
}

/**
 * A transport with transactions, over `memory()`: a small database in which marks, effects, acknowledgements and the
 * handlers' own writes are committed together. Many settlements share a commit, each behind a savepoint of its own.
 *
 * `sync`: works run one after the other without a pause, as SQLite has it, and may not return a promise. Else each is
 * awaited, as a client of PostgreSQL has it.
 */
export function database({ sync }: { readonly sync: boolean }): Database {
  const durable: State = { rows: new Map(), marks: new Set() }
  const commits: number[] = []
  const real = memory()
  let nextCrash: { readonly step: number; readonly died: () => void } | undefined
  const transport: Transport = {
    ...altered(real, (connection) => {
      const crash = nextCrash
      nextCrash = undefined
      const life = new Life(crash?.step ?? 0, () => {
        void connection.close()
        crash?.died()
      })
      const session = new Session(durable, commits, life, sync)
      return {
        async close() {
          // A dead process ends nothing in order.
          if (life.isOver) return
          await session.committed()
          await connection.close()
        },
        publish: (outgoing, patience) => (life.isOver ? new Promise(() => {}) : connection.publish(outgoing, patience)),
        async transact(work, outgoing) {
          if (life.isOver) return new Promise<void>(() => {})
          for (const { message } of outgoing) {
            const size = oversize(message, real.capabilities.maxMessageSize)
            if (size === undefined) continue
            const type = String(message.attributes['type'])
            throw new MessageTooLargeError(type, size, real.capabilities.maxMessageSize)
          }
          await session.transact(work, () => {
            for (const each of outgoing) void connection.publish({ ...each, beyond: true })
          })
        },
        subscribe: (request, deliver, signal) =>
          connection.subscribe(request, (delivery) => deliver(session.deliveryOf(delivery, request.group)), signal),
      }
    }),
    name: inDatabase.transport,
    capabilities: { ...real.capabilities, transactions: true },
  }
  return {
    transport,
    rows: durable.rows,
    commits,
    crashAt: (step) => new Promise((died) => (nextCrash = { step, died })),
  }
}

/** One connection, with the commits that are its own. */
class Session {
  readonly #durable: State
  readonly #commits: number[]
  readonly #life: Life
  readonly #sync: boolean
  #open: Open[] = []
  #committing: Promise<void> | undefined

  constructor(durable: State, commits: number[], life: Life, sync: boolean) {
    this.#durable = durable
    this.#commits = commits
    this.#life = life
    this.#sync = sync
  }

  /** Resolves when nothing waits for a commit. */
  committed(): Promise<void> {
    return this.#committing ?? Promise.resolve()
  }

  deliveryOf(real: Delivery, group: string): Delivery {
    const marks = this.#durable.marks
    let isOnItsWay = false
    const { source, id } = real.message.attributes
    return alteredDelivery(real, {
      get handledBefore() {
        return marks.has(nameOf(group, String(source), String(id)))
      },
      settle: (settlement: Settlement) => {
        if (this.#life.isOver) return new Promise<never>(() => {})
        // It cannot be given back any more.
        if (isOnItsWay) return undefined
        if (settlement.as !== 'handled') return real.settle(settlement)
        isOnItsWay = true
        return this.#settle(real, group, settlement, () => (isOnItsWay = false))
      },
    })
  }

  /** Rejects with what the work throws, and then nothing of it is there. */
  async transact(work: Handled['work'], publish: () => void): Promise<void> {
    await this.#enqueue({ group: '', mark: undefined, work, committed: publish })
  }

  async #settle(real: Delivery, group: string, settlement: Handled, undone: () => void): Promise<Settled> {
    const { mark, work, effects } = settlement
    const committed = (settled: Settled): void => {
      // Its mark and its work are the database's.
      const left = { mark: undefined, work: undefined, effects: settled === undefined ? effects : [] }
      void real.settle({ ...settlement, ...left })
    }
    try {
      return await this.#enqueue({ group, mark, work, committed })
    } catch (error) {
      // The delivery can be settled in another way now.
      undone()
      throw new SettlementRefusedError(error)
    }
  }

  #enqueue(open: Omit<Open, 'resolve' | 'reject'>): Promise<Settled> {
    return new Promise((resolve, reject) => {
      this.#open.push({ ...open, resolve, reject })
      this.#committing ??= this.#commitLater()
    })
  }

  /** What comes in the same turn of the event loop shares a commit. */
  async #commitLater(): Promise<void> {
    while (this.#open.length > 0) {
      await new Promise((resolve) => setImmediate(resolve))
      await this.#life.live(() => {
        const batch = this.#open.splice(0)
        const state: State = { rows: new Map(this.#durable.rows), marks: new Set(this.#durable.marks) }
        return this.#sync ? this.#commit(batch, state) : this.#commitWaiting(batch, state)
      })
    }
    this.#committing = undefined
  }

  /** Without a pause: nothing can come between. */
  #commit(batch: readonly Open[], state: State): void {
    const done = batch.map((open) => {
      const savepoint = saved(state)
      try {
        const settled = this.#mark(open, state)
        if (settled === undefined) {
          const transaction = new OpenTransaction(state)
          const result = open.work?.(transaction as never)
          transaction.end()
          if (isThenable(result)) throw noPause(result)
        }
        this.#life.step()
        return { open, settled }
      } catch (error) {
        return this.#undone(open, state, savepoint, error)
      }
    })
    this.#end(done, state)
  }

  async #commitWaiting(batch: readonly Open[], state: State): Promise<void> {
    const done: (Done | undefined)[] = []
    for (const open of batch) {
      const savepoint = saved(state)
      try {
        const settled = this.#mark(open, state)
        const transaction = new OpenTransaction(state)
        if (settled === undefined) await open.work?.(transaction as never)
        transaction.end()
        this.#life.step()
        done.push({ open, settled })
      } catch (error) {
        done.push(this.#undone(open, state, savepoint, error))
      }
    }
    this.#end(done, state)
  }

  #mark({ group, mark }: Open, { marks }: State): Settled {
    this.#life.step()
    if (mark === undefined) return undefined
    const name = nameOf(group, mark.source, mark.id)
    if (marks.has(name)) return 'handled-before'
    marks.add(name)
    this.#life.step()
    return undefined
  }

  /** Back to the savepoint: the others of the commit know nothing of it. */
  #undone({ reject }: Open, state: State, savepoint: State, error: unknown): undefined {
    // What has died undoes nothing.
    if (this.#life.isOver) throw error
    replace(state, savepoint)
    reject(error)
  }

  /** Makes all durable at once; what dies behind that is not told. */
  #end(done: readonly (Done | undefined)[], state: State): void {
    const all = done.filter((each) => each !== undefined)
    this.#life.step()
    replace(this.#durable, state)
    this.#commits.push(all.length)
    for (const { open, settled } of all) open.committed(settled)
    this.#life.step()
    for (const { open, settled } of all) open.resolve(settled)
  }
}

interface Done {
  readonly open: Open
  readonly settled: Settled
}

/** What a work does it with, while it runs. */
class OpenTransaction implements Transaction {
  readonly #rows: Map<string, number>
  #isOpen = true

  constructor({ rows }: State) {
    this.#rows = rows
  }

  get(key: string): number {
    this.#check()
    return this.#rows.get(key) ?? 0
  }

  add(key: string, count: number): void {
    this.#rows.set(key, this.get(key) + count)
  }

  end(): void {
    this.#isOpen = false
  }

  #check(): void {
    if (!this.#isOpen) throw new Error('the transaction has ended')
  }
}

function saved({ rows, marks }: State): State {
  return { rows: new Map(rows), marks: new Set(marks) }
}

function replace(state: State, by: State): void {
  state.rows.clear()
  state.marks.clear()
  for (const [key, count] of by.rows) state.rows.set(key, count)
  for (const mark of by.marks) state.marks.add(mark)
}

/** Trying again would come to the same. */
function noPause(result: unknown): PermanentError {
  // Whatever it still does, or fails with, has no part in the commit.
  Promise.resolve(result).catch(() => {})
  return new PermanentError(
    'a work of a handler has returned a promise: nothing can be awaited within a commit of this database\n' +
      'Await first, then hand over what writes: transaction((tx) => tx.add(…)).',
  )
}

function nameOf(group: string, source: string, id: string): string {
  return `${group} ${source} ${id}`
}
