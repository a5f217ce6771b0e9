import { existsSync, rmSync } from 'node:fs'
import type { Database, SqliteDriver } from '../database/driver.ts'
import { isBusy } from '../errors.ts'

/**
 * That a process is alive: a lock on a small file beside the database, which the system lets go of however the process
 * ends. By SQLite's own locks, so it works wherever SQLite does.
 */
export class NodeLock {
  readonly file: string
  readonly #database: Database

  constructor(open: SqliteDriver, file: string) {
    this.file = file
    this.#database = open(file)
    this.#database.exec('PRAGMA busy_timeout = 0')
    this.#database.exec('BEGIN EXCLUSIVE')
  }

  release(): void {
    this.#database.close()
    rmSync(this.file, { force: true })
  }
}

/** Whether whoever took this lock is alive. */
export function isAlive(open: SqliteDriver, file: string): boolean {
  // To open it would make it anew.
  if (!existsSync(file)) return false
  const database = open(file)
  try {
    database.exec('PRAGMA busy_timeout = 0')
    database.exec('BEGIN EXCLUSIVE')
    return false
  } catch (error) {
    if (isBusy(error)) return true
    throw error
  } finally {
    database.close()
  }
}
