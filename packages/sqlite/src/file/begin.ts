import { isTidingsError } from '@tidings/core'
import type { Statements } from './statements.ts'

/** Milliseconds for which SQLite itself waits for another writer, and the whole process with it; beyond it the wait is ours. */
const shortWait = 20
/** Milliseconds between two tries. */
const betweenTries = 5

/** From now on SQLite does not hold up the process for long: {@link begin} waits. */
export function waitShortly(statements: Statements): void {
  statements.exec(`PRAGMA busy_timeout = ${shortWait}`)
}

/**
 * Begins a transaction that writes: at once, or when other processes have ended theirs, `patience` milliseconds later at
 * most. Throws or rejects with `SqliteError`.
 */
export function begin(statements: Statements, patience: number): undefined | Promise<void> {
  try {
    statements.exec('BEGIN IMMEDIATE')
    return undefined
  } catch (error) {
    if (!isTidingsError(error, 'SQLITE_BUSY')) throw error
    return beginLater(statements, patience)
  }
}

/** Without the whole process waiting for it. By the time of the machine: so does the other process. */
async function beginLater(statements: Statements, patience: number): Promise<void> {
  for (const end = performance.now() + patience; ;) {
    await new Promise((resolve) => setTimeout(resolve, betweenTries))
    try {
      statements.exec('BEGIN IMMEDIATE')
      return
    } catch (error) {
      if (!isTidingsError(error, 'SQLITE_BUSY') || performance.now() > end) throw error
    }
  }
}
