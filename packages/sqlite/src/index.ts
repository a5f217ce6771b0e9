export type { SqliteDriver } from './database/driver.ts'
export { SqliteError } from './errors.ts'
export {
  sqlite,
  type SqliteClaimCheckOptions,
  type SqliteOptions,
  sqliteStore,
  sqliteTransaction,
  type SqliteTransport,
} from './sqlite.ts'
export type { SqliteStores } from './sqlite-stores.ts'
export type { SqliteRow, SqliteTransaction, SqliteValue } from './file/transaction.ts'
