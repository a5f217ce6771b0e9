import { join } from 'node:path'
import { mustRun } from './command.ts'
import { type Package, publicPackages, root } from './workspace.ts'

/** A package as a registry would hand it out. */
export interface Packed extends Package {
  /** An absolute path. */
  tarball: string
  /** The paths inside it, without the leading `package/`. */
  files: string[]
}

/** Packs every published package into `folder`, with the workspace ranges replaced. Run `pnpm build` first. */
export async function packAll(folder: string): Promise<Packed[]> {
  await mustRun('npx', ['--yes', 'pnpm@12', '-r', '--filter=./packages/*', 'pack', '--pack-destination', folder], {
    cwd: root,
  })
  return Promise.all(
    publicPackages().map(async (found) => {
      const { name, version } = found.manifest
      const tarball = join(folder, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`)
      const { stdout } = await mustRun('tar', ['-tzf', tarball], { cwd: folder })
      const files = stdout.trim().split('\n')
      return { ...found, tarball, files: files.map((file) => file.replace('package/', '')).toSorted() }
    }),
  )
}
