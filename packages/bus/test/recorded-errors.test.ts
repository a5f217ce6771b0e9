import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { handler, PermanentError, type RecordedError } from '../src/index.ts'
import { all } from './support/letters.ts'
import { quiet } from './support/recording-member.ts'
import { OrderPlaced, ShelfScanned, testedBus } from './support/shop.ts'

/** The error in the letter of an event whose handler throws this. */
async function letterError(thrown: unknown): Promise<RecordedError> {
  await using tested = await testedBus({
    handlers: [
      handler(ShelfScanned, { group: 'g', retry: false }, () => {
        throw thrown
      }),
    ],
  })
  await tested.bus.publish(ShelfScanned, { shelf: 1 })
  await quiet()
  const [letter] = await all(tested.bus.deadLetters.list())
  return letter!.error!
}

function withStack(message: string, frames: readonly string[]): Error {
  const error = new TypeError(message)
  error.stack = [`TypeError: ${message}`, ...frames.map((frame) => `    at ${frame}`)].join('\n')
  return error
}

const framesOf = ({ stack = '' }: RecordedError): string[] =>
  [...stack.matchAll(/^ {4}at (.*)$/gm)].map(([, at]) => at!)

describe('the stack', () => {
  test('is in the letter: a bug in a handler is found without trying it again', async () => {
    await using tested = await testedBus({
      handlers: [
        handler(OrderPlaced, { group: 'bug', retry: false }, function findCover({ data }) {
          return (data as unknown as { missing: { deep(): void } }).missing.deep()
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    const [letter] = await all(tested.bus.deadLetters.list())
    const { name, message, stack } = letter!.error!
    expect(name).toBe('TypeError')
    expect(stack!.split('\n')[0]).toBe(`TypeError: ${message}`)
    expect(framesOf(letter!.error!)[0]).toMatch(/findCover.*recorded-errors\.test\.ts/)
  })

  test('begins with the frames of the application', async () => {
    const error = withStack('no', [
      'Object.<anonymous> (/app/node_modules/pg/lib/client.js:1:2)',
      String.raw`query (C:\app\node_modules\pg\client.js:1:2)`,
      'process.processTicksAndRejections (node:internal/process/task_queues:105:5)',
      'async Promise.all (index 0)',
      'Array.map (<anonymous>)',
      'async bill (file:///app/src/native-billing.ts:3:4)',
      'ext:core/01_core.js:1:2',
      '/app/src/main.ts:5:6',
    ])
    expect(framesOf(await letterError(error))).toEqual([
      'async bill (file:///app/src/native-billing.ts:3:4)',
      '/app/src/main.ts:5:6',
      'Object.<anonymous> (/app/node_modules/pg/lib/client.js:1:2)',
      String.raw`query (C:\app\node_modules\pg\client.js:1:2)`,
      'process.processTicksAndRejections (node:internal/process/task_queues:105:5)',
      'async Promise.all (index 0)',
      'Array.map (<anonymous>)',
      'ext:core/01_core.js:1:2',
    ])
  })

  test('is read as Firefox and Safari write it too', async () => {
    const error = Object.assign(new Error('no'), { stack: 'bill@http://a/billing.js:3:4\n@http://a/main.js:5:6\n' })
    expect((await letterError(error)).stack).toBe(
      'Error: no\n    bill@http://a/billing.js:3:4\n    @http://a/main.js:5:6',
    )
  })

  test('has no line of the message for a frame, and the name that the error has now', async () => {
    const error = withStack('bad\n    at home (/a.ts:1:1)\nreally', ['own (/app/b.ts:1:2)'])
    error.name = 'LateNameError'
    expect((await letterError(error)).stack).toBe(
      'LateNameError: bad\n    at home (/a.ts:1:1)\nreally\n    at own (/app/b.ts:1:2)',
    )
  })

  test('is cut at 8,192 characters, and keeps the own frames then', async () => {
    const foreign = Array.from({ length: 200 }, (_, i) => `deep${i} (/app/node_modules/a-rather-long-name/${i}.js:1:2)`)
    const error = withStack('no', [...foreign, 'own (/app/a.ts:1:2)'])
    const { stack } = await letterError(error)
    expect(stack).toHaveLength(8192)
    expect(stack!.split('\n')[1]).toBe('    at own (/app/a.ts:1:2)')
  })

  test.for([
    ['there is none', undefined],
    ['it is no text', [1, 2]],
    ['it has no frames', 'Error: no'],
  ] as const)('is left out where %s', async ([, stack]) => {
    expect(await letterError(Object.assign(new Error('no'), { stack }))).toEqual({ name: 'Error', message: 'no' })
  })
})

describe('what an error was made of', () => {
  test('the cause of a PermanentError, its code and its details are kept', async () => {
    const cause = Object.assign(new Error('HTTP 402'), { code: 'ERR_DECLINED', config: { data: 'card 4111' } })
    const thrown = new PermanentError('card declined', { cause, details: { orderId: 'o-1', tries: 2 } })
    expect(thrown.details).toEqual({ orderId: 'o-1', tries: 2 })
    const error = await letterError(thrown)
    expect(error).toMatchObject({
      name: 'PermanentError',
      code: 'PERMANENT',
      message: 'card declined',
      details: { orderId: 'o-1', tries: 2 },
      cause: { name: 'Error', code: 'ERR_DECLINED', message: 'HTTP 402' },
    })
    expect(framesOf(error.cause!)[0]).toContain('recorded-errors.test.ts')
    expect(JSON.stringify(error)).not.toContain('4111')
  })

  test('causes that are no errors are kept in words', async () => {
    expect((await letterError(new Error('no', { cause: 'disk full' }))).cause).toEqual({
      name: 'string',
      message: 'disk full',
    })
    expect((await letterError(new Error('no', { cause: null }))).cause).toEqual({ name: 'null', message: 'null' })
    expect((await letterError({ name: 'HttpError', message: 'teapot', code: 'E418', body: 'secret' })).code).toBe(
      'E418',
    )
  })

  test('the errors of an AggregateError are kept, and a circle ends', async () => {
    const first = new Error('first')
    const both = new AggregateError([first, 'second'], 'both failed', { cause: first })
    first.cause = both
    const error = await letterError(both)
    expect(error).toMatchObject({
      name: 'AggregateError',
      cause: { message: 'first' },
      errors: [{ message: 'second' }],
    })
    expect(error.cause!.cause).toBeUndefined()
  })

  test('a thousand causes and errors stay small', async () => {
    let chain = new Error('x'.repeat(5000))
    for (let i = 0; i < 1000; i++) chain = new Error(`${i}`.repeat(2000), { cause: chain })
    const many = new AggregateError(Array.from({ length: 1000 }, () => chain).concat(chain), 'many', { cause: chain })
    const error = await letterError(many)
    expect(JSON.stringify(error).length).toBeLessThan(40_000)
    expect(error.cause!.cause!.message).toHaveLength(2048)
    const wide = await letterError(
      new AggregateError(
        Array.from({ length: 1000 }, (_, i) => new Error(`${i}`)),
        'wide',
      ),
    )
    expect(wide.errors!.length).toBeGreaterThan(3)
    expect(wide.errors!.length).toBeLessThan(16)
  })

  test('details that are too large, or no JSON, are left out', async () => {
    const circle: Record<string, unknown> = {}
    circle['itself'] = circle
    for (const details of [circle, { big: 1n }, { long: 'x'.repeat(5000) }]) {
      expect(await letterError(new PermanentError('no', { details }))).not.toHaveProperty('details')
    }
  })

  test('a message is not cut in the middle of a character', async () => {
    const { message } = await letterError(new Error(`${'x'.repeat(2046)}😀😀`))
    expect(message).toBe(`${'x'.repeat(2046)}…`)
  })
})

test('INVARIANT: whatever is thrown, its record is JSON and bounded', async () => {
  const errors = fc.letrec((tie) => ({
    error: fc.oneof(
      { maxDepth: 4 },
      fc.anything({ withBigInt: true, withNullPrototype: true }),
      fc
        .record({
          message: fc.anything(),
          name: fc.anything(),
          code: fc.anything(),
          stack: fc.anything(),
          cause: tie('error'),
          errors: fc.oneof(fc.array(tie('error'), { maxLength: 3 }), fc.anything()),
        })
        .map((properties) => {
          const error = new Error('fails')
          for (const [name, value] of Object.entries(properties)) Object.defineProperty(error, name, { value })
          return error
        }),
    ),
  })).error
  await fc.assert(
    fc.asyncProperty(errors, async (thrown) => {
      const error = await letterError(thrown)
      expect(JSON.parse(JSON.stringify(error))).toEqual(error)
      expect(typeof error.name).toBe('string')
      expect(typeof error.message).toBe('string')
    }),
    { numRuns: 100 },
  )
}, 60_000)
