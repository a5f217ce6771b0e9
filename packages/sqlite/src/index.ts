export { SqliteError } from './errors.ts'
export { sqlite, type SqliteOptions, sqliteTransaction } from './sqlite.ts'
export type { SqliteRow, SqliteTransaction, SqliteValue } from './transaction.ts'
