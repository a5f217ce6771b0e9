import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AnyHandler, type Bus, createBus, handler } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { sqlite, sqliteTransaction } from '@tidings/sqlite'
import { z } from 'zod'

const OrderPlaced = defineEvent('shop.order.placed', { schema: z.object({ id: z.string() }), key: ({ id }) => id })

// What a handler writes, and that it has handled the event, is one commit.
const ledger = handler(
  OrderPlaced,
  { group: 'ledger', idempotent: true, transaction: sqliteTransaction },
  (event, { transaction }) => {
    transaction((tx) => {
      tx.run('CREATE TABLE IF NOT EXISTS ledger (id TEXT PRIMARY KEY)')
      tx.run('INSERT INTO ledger VALUES (?)', event.data.id)
      console.log(`booked ${event.data.id}, ${String(tx.get('SELECT count(*) FROM ledger'))} in the ledger`)
    })
  },
)

const folder = mkdtempSync(join(tmpdir(), 'tidings-example-'))
/** As a process that starts, on the file that the one before has left. */
const start = (...handlers: AnyHandler[]): Promise<Bus> =>
  createBus({ source: '/shop', transport: sqlite({ file: join(folder, 'shop.db') }), handlers, log: false })

const first = await start(ledger)
await first.publish(OrderPlaced, { id: 'A' })
await first.idle()
await first.close()

// Nobody handles anything here: it only publishes, twice by mistake.
const publisher = await start()
const order = await publisher.publish(OrderPlaced, { id: 'B' })
await publisher.publish(order)
await publisher.close()
console.log('two copies of B are in the file')

const last = await start(ledger)
await last.idle()
await last.close()
rmSync(folder, { recursive: true })
