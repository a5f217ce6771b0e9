// What an application relies on: what was published to a file is handled by whoever opens it next.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBus, handler } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { sqlite, sqliteStore, sqliteTransaction } from '@tidings/sqlite'
import { betterSqlite3 } from '@tidings/sqlite/better-sqlite3'
import Database from 'better-sqlite3'
import { z } from 'zod'

const Placed = defineEvent('shop.order.placed', { schema: z.object({ n: z.number() }), key: ({ n }) => n % 3 })
await use('sqlite', undefined)
await use('sqlite by better-sqlite3', betterSqlite3(Database))

async function use(name, driver) {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-smoke-'))
  const file = join(folder, 'shop.db')
  const open = (handle) =>
    createBus({
      source: '/shop',
      log: false,
      transport: sqlite({ file, driver }),
      handlers: [
        handler(
          Placed,
          { group: 'ledger', idempotent: true, transaction: sqliteTransaction, retry: { delay: 10 } },
          handle,
        ),
      ],
    })

  const first = await open(() => {
    throw new Error('not yet')
  })
  for (let n = 0; n < 10; n++) await first.publish(Placed, { n })
  await first.close()

  const second = await open((event, { transaction }) => {
    transaction((tx) => {
      tx.run('CREATE TABLE IF NOT EXISTS ledger (n INTEGER PRIMARY KEY)')
      tx.run('INSERT INTO ledger VALUES (?)', event.data.n)
    })
  })
  await second.idle({ timeout: '20s' })
  await second.close()

  let sum
  const third = await open((_, { transaction }) =>
    transaction((tx) => (sum = tx.get('SELECT count(*), sum(n) FROM ledger'))),
  )
  await third.publish(Placed, { n: 10 })
  await third.idle({ timeout: '20s' })
  await third.close()

  const store = await sqliteStore({ file, driver, events: [Placed] })
  await store.append('order-1', [Placed.create({ n: 1 })], { expectedVersion: 'no-stream' })
  for await (const { version, event } of store.read('order-1'))
    if (version !== 1 || event.data.n !== 1) throw new Error(`${name}: the store`)
  await store.close()
  rmSync(folder, { recursive: true, force: true })
  if (`${sum}` !== '10,45') throw new Error(`${name}: ${sum}`)
}
