import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The folder of the path that has a program; undefined where none has. */
export function programIn(name: string): string | undefined {
  return (process.env['PATH'] ?? '').split(delimiter).find((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
