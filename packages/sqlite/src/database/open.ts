import { sqliteError, SqliteError } from '../errors.ts'
import { shortWait } from '../file/patiently.ts'
import type { Database, SqliteDriver } from './driver.ts'
import { migrations } from './schema.ts'

export interface FileOptions {
  readonly file: string
  readonly synchronous: 'full' | 'normal'
  /** Milliseconds that a write waits for other processes. */
  readonly busyTimeout: number
  readonly open: SqliteDriver
}

/** Opens a file, made and brought up to date where it has to be; it does not wait for other
 * writers for long. Throws `SqliteError`. */
export function openFile({ file, synchronous, open }: FileOptions): Database {
  let database: Database | undefined
  try {
    database = open(file)
    database.exec(`PRAGMA busy_timeout = ${shortWait}`)
    database.exec('PRAGMA page_size = 8192')
    // So that the file can shrink; without effect on a file that is there already.
    database.exec('PRAGMA auto_vacuum = INCREMENTAL')
    database.exec('PRAGMA journal_mode = WAL')
    database.exec(`PRAGMA synchronous = ${synchronous}`)
    database.exec('PRAGMA wal_autocheckpoint = 4000')
    database.exec('PRAGMA cache_size = -65536')
    migrate(file, database)
    return database
  } catch (error) {
    database?.close()
    throw sqliteError(file, error)
  }
}

/** Forward only, all or nothing. Where there is nothing to be done it waits for nobody. */
function migrate(file: string, database: Database): void {
  const isThere = database.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'tidings_schema'`).get() !== undefined
  if (isThere && versionOf(database) === migrations.length) return
  database.exec('BEGIN IMMEDIATE')
  try {
    database.exec('CREATE TABLE IF NOT EXISTS tidings_schema (version INTEGER NOT NULL) STRICT')
    const version = versionOf(database)
    if (version > migrations.length) throw newer(file, version)
    for (let at = version; at < migrations.length; at++) {
      database.exec(migrations[at]!)
      database.prepare('INSERT INTO tidings_schema VALUES (?)').run(at + 1)
    }
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

function versionOf(database: Database): number {
  const found = database.prepare('SELECT max(version) FROM tidings_schema').get()?.[0]
  return typeof found === 'number' ? found : 0
}

function newer(file: string, version: number): SqliteError {
  return new SqliteError(
    'SQLITE_VERSION',
    file,
    `the file ${JSON.stringify(file)} was written by a newer @tidings/sqlite: its schema is ${version}, this one knows up to ${migrations.length}\n` +
      'Update the package wherever the file is used; it cannot go back.',
  )
}
