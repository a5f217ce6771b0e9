export { type BetterSqlite3, betterSqlite3 } from '../database/better-sqlite3.ts'
