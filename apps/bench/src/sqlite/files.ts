import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** When a commit is on the disk: `full` at its end; `normal` some commits later. */
export type Durability = 'full' | 'normal'

/** A folder for the files of one race, below that of the system for temporary files. */
export interface Scratch {
  /** The path of a file in it. */
  file(name: string): string
  remove(): void
}

/** The orchestrator gives each job a folder for temporary files and removes that too, however the job has ended. */
export function scratch(): Scratch {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-bench-files-'))
  return {
    file: (name) => join(folder, name),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Opens a file as `@tidings/sqlite` opens its own: the same binding, the same settings. */
export function openAsOurs(file: string, durability: Durability): DatabaseSync {
  const database = new DatabaseSync(file)
  for (const setting of [
    'busy_timeout = 20',
    'page_size = 8192',
    'auto_vacuum = INCREMENTAL',
    'journal_mode = WAL',
    `synchronous = ${durability}`,
    'wal_autocheckpoint = 4000',
    'cache_size = -65536',
  ]) {
    database.exec(`PRAGMA ${setting}`)
  }
  return database
}

/** What a table holds: rows, and the sum of a number in each of them. */
export interface Contents {
  readonly rows: number
  readonly sum: number
}

/** Reads a table of a file through a connection of its own, as whoever comes later would. */
export function contentsOf(file: string, table: string, number: string): Contents {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    const sql = `SELECT count(*) AS rows, coalesce(sum(${number}), 0) AS sum FROM ${table}`
    const { rows, sum } = database.prepare(sql).get() as { rows: number; sum: number }
    return { rows, sum }
  } finally {
    database.close()
  }
}

/** Throws where a table does not hold what it should. `who` is for the message. */
export function hold(who: string, found: Contents, expected: Contents): void {
  if (found.rows === expected.rows && found.sum === expected.sum) return
  throw new Error(
    `${who} left ${found.rows} rows with a sum of ${found.sum} in the file, expected ${expected.rows} with ${expected.sum}`,
  )
}
