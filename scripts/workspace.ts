import { globSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'

/** The folder of the repository. */
export const root: string = dirname(import.meta.dirname)

/** The parts of a manifest that the scripts read. */
export interface Manifest {
  name: string
  version: string
  private?: boolean
  exports: Record<string, unknown>
  engines?: Record<string, string>
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
  devDependencies?: Record<string, string>
}

/** A package that is published. */
export interface Package {
  /** The last part of its name, which is its folder's name too. */
  id: string
  /** An absolute path. */
  folder: string
  manifest: Manifest
}

/** Every package that is published, by name. */
export function publicPackages(): Package[] {
  return globSync('packages/*/package.json', { cwd: root })
    .toSorted()
    .map((file) => ({ folder: join(root, dirname(file)), manifest: readManifest(join(root, file)) }))
    .filter(({ manifest }) => !manifest.private)
    .map((found) => ({ ...found, id: basename(found.folder) }))
}

/** Packages that need a file system or sockets: no browser runs them. */
export const withoutBrowser: readonly string[] = ['kafka', 'rabbitmq', 'sqlite']

/** A manifest, read from its file. */
export function readManifest(file: string): Manifest {
  return JSON.parse(readFileSync(file, 'utf8')) as Manifest
}

/** The path of a command that the root installs, such as `tsc`. */
export function tool(name: string): string {
  return join(root, 'node_modules/.bin', name)
}

/** A new empty folder outside the workspace, which the caller owns; disposing of it removes it. */
export function temporaryFolder(name: string): { path: string } & Disposable {
  const path = realpathSync(mkdtempSync(join(tmpdir(), `tidings-${name}-`)))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** Lets code in `folder` import every package of the workspace and what these depend upon. */
export function linkPackages(folder: string): void {
  const modules = join(folder, 'node_modules')
  const link = (name: string, target: string): void => {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    rmSync(join(modules, name), { force: true })
    symlinkSync(realpathSync(target), join(modules, name), 'junction')
  }
  for (const { folder: source, manifest } of publicPackages()) {
    for (const name of Object.keys({ ...manifest.devDependencies, ...manifest.dependencies })) {
      link(name, join(source, 'node_modules', name))
    }
    link(manifest.name, source)
  }
}
