// Compiled against the published declarations, then run.
import type { Transport } from '@tidings/bus'
import { handler } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { sqlite, type SqliteRow, sqliteTransaction } from '@tidings/sqlite'
import { type BetterSqlite3, betterSqlite3 } from '@tidings/sqlite/better-sqlite3'
import { z } from 'zod'

const Placed = defineEvent('shop.order.placed', z.object({ n: z.number() }))
const transport: Transport = sqlite({ file: 'never-opened.db', synchronous: 'normal' })
const ledger = handler(Placed, { group: 'ledger', transaction: sqliteTransaction }, (_, { transaction }) => {
  transaction((tx) => {
    const rows: SqliteRow[] = tx.all('SELECT 1')
    return void rows
  })
})
// @ts-expect-error Without the option there is no transaction.
handler(Placed, { group: 'ledger' }, (_, { transaction }) => transaction)
// @ts-expect-error It has to be told where.
const wrong = () => sqlite({})
// Its types are those of who has it.
const driven = (Class: BetterSqlite3): Transport => sqlite({ file: 'never-opened.db', driver: betterSqlite3(Class) })
if (driven.length !== 1 || transport.name !== 'sqlite' || ledger.group !== 'ledger' || wrong.length > 0)
  throw new Error('the sqlite transport')
