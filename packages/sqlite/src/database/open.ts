import { sqliteError, SqliteError } from '../errors.ts'
import type { Database, OpenDatabase } from './driver.ts'
import { migrations } from './schema.ts'

export interface FileOptions {
  readonly file: string
  readonly synchronous: 'full' | 'normal'
  /** Milliseconds. */
  readonly busyTimeout: number
  readonly open: OpenDatabase
}

/** How long SQLite itself waits for another writer, and the whole process with it; beyond it the wait is ours. */
const shortWait = 20

/** Opens a file, made and brought up to date where it has to be. Throws `SqliteError`. */
export function openFile({ file, synchronous, busyTimeout, open }: FileOptions): Database {
  let database: Database | undefined
  try {
    database = open(file)
    // Two processes may open a new file at once.
    database.exec(`PRAGMA busy_timeout = ${busyTimeout}`)
    database.exec('PRAGMA page_size = 8192')
    // So that the file can shrink; without effect on a file that is there already.
    database.exec('PRAGMA auto_vacuum = INCREMENTAL')
    database.exec('PRAGMA journal_mode = WAL')
    database.exec(`PRAGMA synchronous = ${synchronous}`)
    database.exec('PRAGMA wal_autocheckpoint = 4000')
    database.exec('PRAGMA cache_size = -65536')
    migrate(file, database)
    database.exec(`PRAGMA busy_timeout = ${shortWait}`)
    return database
  } catch (error) {
    database?.close()
    throw sqliteError(file, error)
  }
}

/** Forward only, all or nothing. */
function migrate(file: string, database: Database): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    database.exec('CREATE TABLE IF NOT EXISTS tidings_schema (version INTEGER NOT NULL) STRICT')
    const found = database.prepare('SELECT max(version) FROM tidings_schema').get()?.[0]
    const version = typeof found === 'number' ? found : 0
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

function newer(file: string, version: number): SqliteError {
  return new SqliteError(
    'SQLITE_VERSION',
    file,
    `the file ${JSON.stringify(file)} was written by a newer @tidings/sqlite: its schema is ${version}, this one knows up to ${migrations.length}\n` +
      'Update the package wherever the file is used; it cannot go back.',
  )
}
