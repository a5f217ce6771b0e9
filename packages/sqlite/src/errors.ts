import { TidingsError } from '@tidings/core'

/** SQLite could not do what was asked of it. `cause` is what its driver has thrown. */
export class SqliteError extends TidingsError<
  'SQLITE_BUSY' | 'SQLITE_FULL' | 'SQLITE_CORRUPT' | 'SQLITE_VERSION' | 'SQLITE_FAILED' | 'SQLITE_WORKER_LOST'
> {
  override readonly name = 'SqliteError'
  /** The file. */
  readonly file: string

  constructor(code: SqliteError['code'], file: string, message: string, options?: { readonly cause?: unknown }) {
    super(code, message, { ...options, details: { file } })
    this.file = file
  }
}

// https://www.sqlite.org/rescode.html; the low byte is the primary code.
const busy = [5, 6]
const full = [13]
const corrupt = [11, 26]
const byName: Readonly<Record<string, number>> = { BUSY: 5, LOCKED: 6, CORRUPT: 11, FULL: 13, NOTADB: 26 }

/** An error of the driver as ours; what is ours already stays as it is. */
export function sqliteError(file: string, cause: unknown): unknown {
  if (cause instanceof SqliteError) return cause
  const code = resultCode(cause)
  if (code === undefined) return cause
  const said = cause instanceof Error ? cause.message : String(cause)
  const name = shown(file)
  if (busy.includes(code)) {
    const fix =
      'Another process writes to it for too long: keep transactions of your own short, or raise `busyTimeout`.'
    return new SqliteError('SQLITE_BUSY', file, `${name} is locked by another process (${said})\n${fix}`, { cause })
  }
  if (full.includes(code)) {
    const fix = 'Nothing was written. Make room on its disk: what waits is tried again.'
    return new SqliteError('SQLITE_FULL', file, `there is no room for ${name} on its disk (${said})\n${fix}`, { cause })
  }
  if (corrupt.includes(code)) {
    const fix =
      'Stop what uses it, keep a copy, and go on from a backup, or with what `sqlite3 FILE .recover` finds in it.'
    return new SqliteError('SQLITE_CORRUPT', file, `${name} is damaged, or no SQLite file (${said})\n${fix}`, { cause })
  }
  const fix = 'See whether its folder is there, and whether this process may write to both.'
  return new SqliteError('SQLITE_FAILED', file, `${name} could not be read or written (${said})\n${fix}`, { cause })
}

/** Whether it may go well later, without anybody's help. */
export function isBusy(error: unknown): boolean {
  return busy.includes(resultCode(error) ?? 0)
}

/** The primary result code of SQLite, where the error has one: `node:sqlite` gives a number, better-sqlite3 a name. */
function resultCode(error: unknown): number | undefined {
  const { errcode, code } = Object(error) as { readonly errcode?: unknown; readonly code?: unknown }
  if (typeof errcode === 'number') return errcode & 0xff
  if (typeof code !== 'string' || !code.startsWith('SQLITE_')) return undefined
  const [, primary = ''] = code.split('_')
  return byName[primary] ?? 1
}

function shown(file: string): string {
  return `the file ${JSON.stringify(file)}`
}
