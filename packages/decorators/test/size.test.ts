import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { describe, expect, test } from 'vitest'

/** The bytes that an application gets for some names of this package, core's part included. */
async function bundle(names: string): Promise<{ code: string; bytes: number }> {
  const { outputFiles } = await build({
    stdin: { contents: `export ${names} from '@tidings/decorators'`, resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    conditions: ['@tidings/source'],
    write: false,
  })
  const code = outputFiles[0]?.text ?? ''
  return { code, bytes: gzipSync(code, { level: 9 }).length }
}

describe('the size, minified and compressed, with what it takes of core', () => {
  test.each([
    ['*', 12_600],
    ['{ logged }', 2500],
    ['{ retry }', 3100],
    ['{ timeout }', 3100],
    ['{ circuitBreaker }', 6000],
    ['{ debounce, throttle }', 2950],
    ['{ limit }', 2700],
    ['{ resequenced }', 4150],
    ['{ idempotent }', 3450],
    ['{ on, register }', 2700],
  ])('of %s is at most %i bytes', async (names, most) => {
    expect((await bundle(names)).bytes).toBeLessThanOrEqual(most)
  })

  test('the library behind circuitBreaker comes with circuitBreaker alone', async () => {
    // A word of its half-open state, which survives minification.
    const mark = 'halfOpenAfter'
    expect((await bundle('{ circuitBreaker }')).code).toContain(mark)
    const others =
      'logged, retry, timeout, throttle, debounce, limit, once, filtered, resequenced, idempotent, on, register, compose, partial, unwrap'
    expect((await bundle(`{ ${others} }`)).code).not.toContain(mark)
  })

  test('nothing of Node is needed', async () => {
    expect((await bundle('*')).code).not.toMatch(/["']node:|\brequire\(/)
  })
})
