import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { transform as swc } from '@swc/core'
import { transform as esbuild } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

// Compilers lower decorators in ways that differ at run time. One file, through each of them, run by Node.

const run = promisify(execFile)
const here = import.meta.dirname
const output = join(here, '.compiled')
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')

const fixtures = {
  shop: fileURLToPath(new URL('./fixtures/shop.ts', import.meta.url)),
  legacy: fileURLToPath(new URL('./fixtures/legacy.ts', import.meta.url)),
}
type Fixture = keyof typeof fixtures

/** A Node that runs the TypeScript of the workspace's packages as it is. */
const node = stripsTypes(process.versions.node) ? process.execPath : join(here, '../../../node_modules/.bin/node')

function stripsTypes(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major >= 24 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18)
}

/** Compiles a fixture into a folder of its own, where the packages resolve as from this one, and runs it. */
async function printed(
  fixture: Fixture,
  folder: string,
  compile: (source: string) => Promise<string>,
): Promise<string> {
  const directory = join(output, folder)
  await mkdir(directory, { recursive: true })
  const file = join(directory, `${fixture}.mjs`)
  await writeFile(file, await compile(await readFile(fixtures[fixture], 'utf8')))
  const { stdout, stderr } = await run(node, ['--conditions=@tidings/source', '--no-warnings', file])
  return stdout + stderr
}

function byTsc(fixture: Fixture, folder: string, ...options: string[]): () => Promise<string> {
  return async () => {
    const outDir = join(output, folder, 'out')
    // Without the imported files: they are not to be compiled. The types are checked with the other tests.
    const fixed = [
      '--ignoreConfig',
      '--noCheck',
      '--noResolve',
      '--rootDir',
      join(here, 'fixtures'),
      '--module',
      'esnext',
      '--target',
      'es2022',
      '--outDir',
      outDir,
    ]
    await run(process.execPath, [tsc, ...fixed, ...options, fixtures[fixture]])
    return await readFile(join(outDir, `${fixture}.js`), 'utf8')
  }
}

async function byEsbuild(source: string, experimentalDecorators = false): Promise<string> {
  const tsconfigRaw = { compilerOptions: { experimentalDecorators, useDefineForClassFields: true } }
  return (await esbuild(source, { loader: 'ts', target: 'es2022', tsconfigRaw })).code
}

async function bySwc(source: string, transform: object): Promise<string> {
  const jsc = { parser: { syntax: 'typescript', decorators: true }, target: 'es2022', transform } as const
  return (await swc(source, { swcrc: false, configFile: false, jsc, module: { type: 'es6' } })).code
}

const expected = `names reserve 1 [audit] boot
unwrapped false greet
subscriptions 10
Executing reserve
base inspects a
Executing reserve
derived overrides the inspection of a
derived inspects a
placed 4
base reserves 20 at attempt 3
Executed reserve in N ms
derived reserves 20 at attempt 3
Executed reserve in N ms
base stamps b in private
base audits b as shop.order.shipped
derived stamps b in private
derived audits b as shop.order.shipped
shipped 6
base stamps b in private
base audits b as shop.order.shipped
derived stamps b in private
derived audits b as shop.order.shipped
again 6
derived books b
derived indexes b
disposed 0
Executing greet
base greets
Executed greet in N ms
Executing greet
Executed greet in N ms
Executing greet
derived greets
Executed greet in N ms
boots 1
base stamps d in private
derived tracks 1
derived tracks 2
Error declined
CircuitOpenError handler \`charge\` was not called: its circuit is open for another N ms
`

beforeAll(async () => rm(output, { recursive: true, force: true }))
afterAll(async () => rm(output, { recursive: true, force: true }))

describe('INVARIANT: every compiler of standard decorators gives the same behaviour', () => {
  test.concurrent.each([
    ['tsc', byTsc('shop', 'tsc')],
    ['esbuild', (source: string) => byEsbuild(source)],
    ['swc 2022-03', async (source: string) => bySwc(source, { decoratorVersion: '2022-03' })],
    ['swc 2023-11', async (source: string) => bySwc(source, { decoratorVersion: '2023-11' })],
  ] as const)('%s', { timeout: 60_000 }, async (name, compile) => {
    expect(await printed('shop', name.replace(' ', '-'), compile)).toBe(expected)
  })
})

describe('compiled as legacy decorators, all say what to do', () => {
  test.concurrent.each([
    ['tsc', byTsc('legacy', 'legacy-tsc', '--experimentalDecorators')],
    ['esbuild', (source: string) => byEsbuild(source, true)],
    ['swc', async (source: string) => bySwc(source, { legacyDecorator: true })],
  ] as const)('%s', { timeout: 60_000 }, async (name, compile) => {
    expect(await printed('legacy', `legacy-${name}`, compile)).toBe(
      `DecoratorMisusedError: @retry above "reserve" was called as a legacy decorator
Turn \`experimentalDecorators\` off: Tidings uses the standard decorators of ECMAScript (TypeScript 5.0 and later). Without them, use the function form: retry(…)(handler).
DecoratorMisusedError: @on above "reserve" was called as a legacy decorator
`,
    )
  })
})
