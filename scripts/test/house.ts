import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Outcome, run } from '../command.ts'
import { type Manifest, publicPackages, readManifest, root, temporaryFolder, tool } from '../workspace.ts'

const configuration = [
  '.gitignore',
  '.oxlintrc.json',
  'knip.json',
  'package.json',
  'pnpm-lock.yaml',
  'pnpm-workspace.yaml',
  'tsconfig.base.json',
  'turbo.json',
]

/**
 * The house without its furniture: the real configuration and manifests around one-line sources, in a folder of its
 * own, where a test may break the rules.
 */
export class House implements Disposable {
  readonly #folder = temporaryFolder('gates')
  readonly path: string = this.#folder.path

  constructor() {
    for (const file of configuration) cpSync(join(root, file), join(this.path, file))
    symlinkSync(join(root, 'node_modules'), join(this.path, 'node_modules'), 'junction')
    for (const { id, folder, manifest } of publicPackages()) {
      for (const file of ['package.json', 'turbo.json', 'tsconfig.json', 'tsconfig.build.json']) {
        this.write(`packages/${id}/${file}`, readFileSync(join(folder, file), 'utf8'))
      }
      this.write(`packages/${id}/src/index.ts`, `export const ${id}: string = '${id}'\n`)
      for (const name of dependenciesOf(manifest)) {
        const target = name.startsWith('@tidings/')
          ? join(this.path, name.replace('@tidings', 'packages'))
          : join(folder, 'node_modules', name)
        this.#link(`packages/${id}/node_modules/${name}`, target)
      }
    }
  }

  /** Writes a file, its folders too. */
  write(file: string, text: string): void {
    mkdirSync(dirname(join(this.path, file)), { recursive: true })
    writeFileSync(join(this.path, file), text)
  }

  /** Makes `id` depend upon another package of the house, as a person in a hurry would. */
  depend(id: string, upon: string): void {
    const file = join(this.path, 'packages', id, 'package.json')
    const manifest = readManifest(file)
    manifest.dependencies = { ...manifest.dependencies, [`@tidings/${upon}`]: 'workspace:^' }
    writeFileSync(file, JSON.stringify(manifest))
    this.#link(`packages/${id}/node_modules/@tidings/${upon}`, join(this.path, 'packages', upon))
  }

  /** Runs one of the root's tools here. */
  run(command: string, ...args: string[]): Promise<Outcome> {
    return run(tool(command), args, { cwd: this.path })
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]()
  }

  #link(file: string, target: string): void {
    const path = join(this.path, file)
    mkdirSync(dirname(path), { recursive: true })
    rmSync(path, { force: true })
    symlinkSync(target, path, 'junction')
  }
}

function dependenciesOf(manifest: Manifest): string[] {
  return Object.keys({ ...manifest.devDependencies, ...manifest.dependencies })
}
