import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, extname, join } from 'node:path'

/** What is measured, apart from the working tree. */
export interface Snapshot {
  /** The path of the bench's entry. */
  readonly main: string
  readonly remove: () => void
}

const bench = join(import.meta.dirname, '../..')

/**
 * Copies the bench and the packages of this repository that it measures into a folder of their own, so that whoever
 * edits or builds during a run changes nothing in it.
 */
export function takeSnapshot(): Snapshot {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tidings-bench-')))
  const code = basename(dirname(import.meta.dirname))
  cpSync(join(bench, 'package.json'), join(folder, 'package.json'))
  cpSync(join(bench, code), join(folder, code), { recursive: true })
  const manifest = JSON.parse(readFileSync(join(bench, 'package.json'), 'utf8')) as Record<
    'devDependencies',
    Record<string, string>
  >
  for (const [name, range] of Object.entries(manifest.devDependencies)) {
    const from = realpathSync(join(bench, 'node_modules', name))
    const to = join(folder, 'node_modules', name)
    mkdirSync(dirname(to), { recursive: true })
    if (range.startsWith('workspace:')) {
      for (const part of ['package.json', 'dist']) cpSync(join(from, part), join(to, part), { recursive: true })
    } else symlinkSync(from, to, 'junction')
  }
  return {
    main: join(folder, code, `main${extname(import.meta.filename)}`),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
