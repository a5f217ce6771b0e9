import { existsSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { TidingsError } from '@tidings/core'

/** The folder of `--data` cannot be used. */
class DataError extends TidingsError<'DATA_FOLDER' | 'DATA_MISSING'> {
  override readonly name = 'DataError'
}

/** What a data folder may hold: a shop's days, and a retail file. */
type DataFile = 'shop.db' | 'retail.db'

/** The path of a file in a data folder, which is made where it is not there. Throws `DataError`. */
export function fileIn(folder: string, file: DataFile): string {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    throw new DataError(
      'DATA_FOLDER',
      `${shown(folder)} cannot be a data folder (${said})\nName a folder, or one that may be made.`,
      {
        cause: error,
      },
    )
  }
  return join(folder, file)
}

/** As {@link fileIn}, of a file that must be there; `maker` is the command that makes it. Throws `DataError`. */
export function existingFile(folder: string, file: DataFile, maker: string): string {
  const path = join(folder, file)
  if (existsSync(path)) return path
  const isFolder = statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true
  const what = isFolder ? `has no ${file}` : existsSync(folder) ? 'is no folder' : 'does not exist'
  throw new DataError('DATA_MISSING', `the data folder ${shown(folder)} ${what}\nFill it first: ${maker}.`)
}

function shown(folder: string): string {
  return JSON.stringify(folder)
}
