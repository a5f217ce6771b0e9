import {
  type Bus,
  type Handler,
  handler,
  type HandlerContext,
  type HandlerOptions,
  type TransactionContext,
} from '@tidings/bus'
import { sqliteTransaction, type SqliteTransaction } from '@tidings/sqlite'
import { RefundDue, StockReserved } from './events.ts'

/** What the shop writes down of its money. */
export interface Booking {
  /** What the card network was asked with. */
  readonly key: string
  readonly order: number
  /** What came in; below 0 what went back, 0 where a card was declined. */
  readonly pence: number
}

/** Handles an event, and hands over what is to be booked. */
type Booker<Event> = (event: Event, context: HandlerContext, book: (booking: Booking) => void) => Promise<void>
type Policy = HandlerOptions & { readonly batch?: undefined; readonly transaction?: undefined }

/** Where bookings are written: by handlers, with the settlement of what they have handled. */
export interface Ledger {
  /** Handles what is to be paid. Named like its function. */
  charging(policy: Policy, charge: Booker<StockReserved>): Handler<StockReserved>
  /** Handles what is to be paid back. Named like its function. */
  refunding(policy: Policy, refund: Booker<RefundDue>): Handler<RefundDue>
}

/** In memory: all that a process has ends with it, so nothing can be there without the rest. */
export function memoryLedger(bookings: Booking[]): Ledger {
  const inMemory = <Event>(handle: Booker<Event>) =>
    named(handle, (event: Event, context: HandlerContext) =>
      handle(event, context, (booking) => void bookings.push(booking)),
    )
  return {
    charging: (policy, charge) => handler(StockReserved, policy, inMemory(charge)),
    refunding: (policy, refund) => handler(RefundDue, policy, inMemory(refund)),
  }
}

/**
 * In the file of the bus: a booking, what the handler publishes, the mark that it has handled its event and the
 * acknowledgement are one commit.
 */
export const sqliteLedger: Ledger = {
  charging: (policy, charge) =>
    handler(StockReserved, { ...policy, transaction: sqliteTransaction }, inItsCommit(charge)),
  refunding: (policy, refund) => handler(RefundDue, { ...policy, transaction: sqliteTransaction }, inItsCommit(refund)),
}

/**
 * In a file beside the broker of the bus, by a bus on that file: a booking is there before its event is settled, and once
 * for each key, however often the broker hands the event out.
 */
export function ledgerBeside(books: Bus): Ledger {
  const beforeItIsSettled = <Event>(handle: Booker<Event>) =>
    named(handle, async (event: Event, context: HandlerContext) => {
      const bookings: Booking[] = []
      await handle(event, context, (booking) => void bookings.push(booking))
      await books.transaction(sqliteTransaction, ({ transaction }) =>
        transaction((file) => {
          for (const booking of bookings) enter(file, booking, 'INSERT OR IGNORE')
        }),
      )
    })
  return {
    charging: (policy, charge) => handler(StockReserved, policy, beforeItIsSettled(charge)),
    refunding: (policy, refund) => handler(RefundDue, policy, beforeItIsSettled(refund)),
  }
}

function inItsCommit<Event>(handle: Booker<Event>) {
  return named(handle, (event: Event, context: TransactionContext<SqliteTransaction>) =>
    handle(event, context, (booking) => context.transaction((file) => enter(file, booking, 'INSERT'))),
  )
}

function enter(file: SqliteTransaction, { key, order, pence }: Booking, how: 'INSERT' | 'INSERT OR IGNORE'): void {
  file.run('CREATE TABLE IF NOT EXISTS ledger (key TEXT PRIMARY KEY, of_order INTEGER, pence INTEGER) STRICT')
  file.run(`${how} INTO ledger VALUES (?, ?, ?)`, key, order, pence)
}

/** The second function under the name of the first, by which a handler is known in logs. */
function named<Named extends object>({ name }: { readonly name: string }, of: Named): Named {
  return Object.defineProperty(of, 'name', { value: name })
}
