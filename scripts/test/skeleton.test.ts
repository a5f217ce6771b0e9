import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { publicPackages, root } from '../workspace.ts'

/** The rooms of an adapter for a broker, as docs/writing-an-adapter.md walks through them. */
const rooms = (name: string): string[] => [
  'README.md',
  'src/connection.ts',
  'src/consume/due.ts',
  'src/consume/member.ts',
  'src/consume/settle.ts',
  'src/dead/sink.ts',
  'src/errors.ts',
  'src/index.ts',
  'src/link.ts',
  'src/publish/publisher.ts',
  'src/publish/routes.ts',
  'src/topology/apply.ts',
  'src/topology/names.ts',
  'src/topology/parts.ts',
  'src/topology/plan.ts',
  'src/wire/decode.ts',
  'src/wire/encode.ts',
  `src/${name}.ts`,
  'test/conformance.test.ts',
]

/** Where a room may have further files, for what only this broker has. */
const withMore = ['src/consume/', 'src/dead/', 'src/publish/', 'src/topology/', 'src/wire/']

/** Those that are tried against real servers. */
const adapters = publicPackages().filter(({ manifest }) => '@tidings/services' in (manifest.devDependencies ?? {}))

test('there are adapters for brokers', () => {
  expect(adapters.map(({ id }) => id)).toContain('rabbitmq')
})

test.for(adapters)('$id has the rooms that every adapter for a broker has, and no others', ({ id, folder }) => {
  const missing = rooms(id).filter((file) => !existsSync(join(folder, file)))
  const files = globSync('src/**/*.ts', { cwd: folder }).map((file) => file.replaceAll('\\', '/'))
  const others = files.filter((file) => !rooms(id).includes(file) && !withMore.some((room) => file.startsWith(room)))
  expect({ missing, others }).toEqual({ missing: [], others: [] })
})

test.for(adapters)('the walk through the skeleton names each room of $id', ({ id }) => {
  const guide = readFileSync(join(root, 'docs/writing-an-adapter.md'), 'utf8')
  const unnamed = rooms(id)
    .filter((file) => file.startsWith('src/') && file !== `src/${id}.ts`)
    .map((file) => file.split('/').at(-1)!)
    .filter((file) => !guide.includes(`  ${file} `))
  expect(unnamed).toEqual([])
})
