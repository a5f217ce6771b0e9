import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { publicPackages, root } from '../workspace.ts'

const read = (file: string): unknown =>
  JSON.parse(readFileSync(join(root, file), 'utf8').replaceAll(/^\s*\/\/.*$/gm, ''))

/** What asks for more than the others: its binding, or its driver. */
const engines: Readonly<Record<string, string>> = { sqlite: '>=22.16', kafka: '^22.22 || >=24.6' }

describe.for(publicPackages())('the manifest of $manifest.name', ({ id, folder, manifest }) => {
  test('has one typed ESM entry that development reads from its source', () => {
    expect(manifest).toMatchObject({
      type: 'module',
      sideEffects: false,
      files: ['dist', 'src'],
      exports: {
        '.': {
          '@tidings/source': './src/index.ts',
          types: './dist/index.d.ts',
          default: './dist/index.js',
        },
        './package.json': './package.json',
      },
    })
  })

  test('has further entries of the same form, each a folder of its sources', () => {
    for (const [entry, paths] of Object.entries(manifest.exports)) {
      if (entry === '.' || entry === './package.json') continue
      const name = entry.slice('./'.length)
      expect(paths, entry).toEqual({
        '@tidings/source': `./src/${name}/index.ts`,
        types: `./dist/${name}/index.d.ts`,
        default: `./dist/${name}/index.js`,
      })
      expect(existsSync(join(folder, `src/${name}/index.ts`)), entry).toBe(true)
    }
  })

  test('says who may use it, from where it comes and where it runs', () => {
    expect(manifest).toMatchObject({
      name: `@tidings/${id}`,
      description: expect.stringMatching(/^[A-Z].+\.$/),
      license: 'MIT',
      repository: { type: 'git', directory: `packages/${id}` },
      publishConfig: { access: 'public' },
      engines: { node: engines[id] ?? '>=22.12' },
    })
  })

  test('takes its own kin by a workspace range, so that all of one release fit each other', () => {
    const ranges = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
    for (const [name, range] of ranges) if (name.startsWith('@tidings/')) expect(range, name).toBe('workspace:^')
  })

  test('has a README', () => {
    expect(existsSync(join(folder, 'README.md'))).toBe(true)
  })
})

test('all that is published shares one version', () => {
  const { fixed } = read('.changeset/config.json') as { fixed: string[][] }
  expect(fixed).toEqual([publicPackages().map(({ manifest }) => manifest.name)])
  expect(new Set(publicPackages().map(({ manifest }) => manifest.version)).size).toBe(1)
})

test('core depends upon nothing', () => {
  const core = publicPackages().find(({ id }) => id === 'core')
  expect({ ...core?.manifest.dependencies, ...core?.manifest.peerDependencies }).toEqual({})
})

test.for(globSync(['packages/*/package.json', 'apps/*/package.json', 'examples/package.json'], { cwd: root }))(
  '%s has a neighbour that tells its layer',
  (file) => {
    const rules = read('turbo.json') as { boundaries: { tags: object } }
    const { tags } = read(join(dirname(file), 'turbo.json')) as { tags: string[] }
    expect(tags).toHaveLength(1)
    expect(Object.keys(rules.boundaries.tags)).toContain(tags[0])
  },
)
