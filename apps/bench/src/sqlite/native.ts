import { existsSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Why Emmett's store cannot be measured; undefined where it can. It asks for `sqlite3`, which is compiled where there is no
 * binary of it to be downloaded.
 */
export function emmettMissing(): string | undefined {
  const built = join(import.meta.dirname, '../../node_modules/sqlite3/build/Release/node_sqlite3.node')
  return existsSync(built)
    ? undefined
    : 'Emmett: its driver sqlite3 is not compiled (`pnpm --filter @tidings/bench peers`)'
}
