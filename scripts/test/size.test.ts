import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { afterAll, expect, test } from 'vitest'
import { linkPackages, temporaryFolder } from '../workspace.ts'

const folder = temporaryFolder('size')
linkPackages(folder.path)
afterAll(() => folder[Symbol.dispose]())

// Bytes of one minified and gzipped file, zod not counted; decorators have such a test of their own. What it takes today
// and a little more: raise one by intent, with the reason in the changeset. For core see docs/adr/0008.
const budgets = [
  { what: 'core in all', code: `export * from '@tidings/core'`, budget: 8900 },
  { what: 'EventDispatcher alone', code: `export { EventDispatcher } from '@tidings/core'`, budget: 5600 },
  { what: 'eventType alone', code: `export { eventType } from '@tidings/core'`, budget: 150 },
  { what: 'tools of core in all', code: `export * from '@tidings/core/tools'`, budget: 2600 },
  { what: 'events in all', code: `export * from '@tidings/events'`, budget: 25_000 },
  { what: 'defineEvent alone', code: `export { defineEvent } from '@tidings/events'`, budget: 14_500 },
]

test.for(budgets)('$what takes at most $budget bytes', async ({ code, budget }) => {
  const size = gzipSync(await bundle(code), { level: 9 }).length
  expect(size).toBeLessThanOrEqual(budget)
})

test.for([
  'core',
  'core/tools',
  'events',
  'decorators',
  'bus',
  'bus/integration',
  'bus/transport',
  'store',
  'store/recorder',
])('an import of %s for its side effects leaves nothing behind', async (name) => {
  expect(await bundle(`import '@tidings/${name}'`)).toBe('')
})

test('the integration patterns come by their own entry alone', async () => {
  // The text of an error of the aggregator, which survives minification.
  const mark = 'is one more than the'
  expect(await bundle(`export * from '@tidings/bus/integration'`)).toContain(mark)
  expect(await bundle(`export * from '@tidings/bus'`)).not.toContain(mark)
})

async function bundle(code: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: folder.path, loader: 'ts' },
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['@tidings/source'],
    external: ['zod', 'zod/*'],
    logLevel: 'silent',
  })
  return outputFiles[0]!.text
}
