import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
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
  take(bench, manifestOf(bench).devDependencies, join(folder, 'node_modules'))
  return {
    main: join(folder, code, `main${extname(import.meta.filename)}`),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Takes what a package depends on into a folder of modules, and what our own packages depend on in turn. */
function take(from: string, dependencies: Readonly<Record<string, string>> = {}, modules: string): void {
  for (const [name, range] of Object.entries(dependencies)) {
    const to = join(modules, name)
    if (existsSync(to)) continue
    const source = realpathSync(join(from, 'node_modules', name))
    mkdirSync(dirname(to), { recursive: true })
    // Sources of our own, which nothing that is measured needs.
    if (range.startsWith('workspace:') && !existsSync(join(source, 'dist'))) continue
    if (range.startsWith('workspace:')) {
      for (const part of ['package.json', 'dist']) cpSync(join(source, part), join(to, part), { recursive: true })
      take(source, manifestOf(source).dependencies, modules)
    } else symlinkSync(source, to, 'junction')
  }
}

type Manifest = Partial<Record<'dependencies' | 'devDependencies', Record<string, string>>>

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}
