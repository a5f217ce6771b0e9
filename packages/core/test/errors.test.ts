import { runInNewContext } from 'node:vm'
import { describe, expect, expectTypeOf, test } from 'vitest'
import {
  AsyncEventDispatcher,
  DispatcherClosedError,
  EventDispatcher,
  EventStormError,
  isTidingsError,
  PendingOverflowError,
  StreamOverflowError,
  TidingsError,
} from '../src/index.ts'

class StockError extends TidingsError<'OUT_OF_STOCK'> {
  override readonly name = 'StockError'

  constructor(item: string, cause?: unknown) {
    super('OUT_OF_STOCK', `"${item}" is sold out\nOrder more.`, { details: { item }, cause })
  }
}

describe('a TidingsError', () => {
  test('is an Error with code, name, message, details and stack', () => {
    const error = new StockError('Book')
    expect(error).toBeInstanceOf(Error)
    expect(error).toBeInstanceOf(TidingsError)
    expect([error.name, error.code, error.details]).toEqual(['StockError', 'OUT_OF_STOCK', { item: 'Book' }])
    expect(String(error)).toBe('StockError: "Book" is sold out\nOrder more.')
    expect(error.stack).toContain('sold out')
  })

  test('has empty details and no cause where none are given', () => {
    const error = new TidingsError('SOME_CODE', 'some message')
    expect(error.details).toEqual({})
    expect('cause' in error).toBe(false)
    expect(error.name).toBe('TidingsError')
  })

  test('keeps its cause as it is, undefined included', () => {
    const cause = new Error('deeper')
    expect(new TidingsError('SOME_CODE', 'some message', { cause }).cause).toBe(cause)
    expect('cause' in new TidingsError('SOME_CODE', 'some message', { cause: undefined })).toBe(true)
  })

  test('shows no brand to whoever lists its properties', () => {
    const error = new StockError('Book')
    expect(
      Object.getOwnPropertySymbols(error).filter((key) => Object.prototype.propertyIsEnumerable.call(error, key)),
    ).toEqual([])
    expect(JSON.parse(JSON.stringify(error))).toEqual(error.toJSON())
  })
})

describe('toJSON', () => {
  test('is a plain object for logs', () => {
    expect(new TidingsError('SOME_CODE', 'some message').toJSON()).toEqual({
      name: 'TidingsError',
      code: 'SOME_CODE',
      message: 'some message',
      details: {},
    })
  })

  test('tells the cause: an error by name, message and code, anything else as text', () => {
    const because = (cause: unknown): unknown =>
      new TidingsError('SOME_CODE', 'some message', { cause }).toJSON()['cause']
    expect(because(new StockError('Book'))).toMatchObject({
      name: 'StockError',
      code: 'OUT_OF_STOCK',
      message: '"Book" is sold out\nOrder more.',
    })
    expect(because(new RangeError('too far'))).toEqual({ name: 'RangeError', message: 'too far' })
    for (const [cause, expected] of [
      ['text', 'text'],
      [7, '7'],
      [Symbol('s'), 'Symbol(s)'],
    ]) {
      expect(because(cause)).toBe(expected)
    }
  })

  test('tells the reason of an aborted signal, and errors with a tag of their own, as errors', () => {
    class Tagged extends Error {
      readonly [Symbol.toStringTag] = 'Tagged'
    }
    const because = (cause: unknown): unknown =>
      new TidingsError('SOME_CODE', 'some message', { cause }).toJSON()['cause']
    expect(because(AbortSignal.abort().reason)).toMatchObject({
      name: 'AbortError',
      message: expect.stringContaining('aborted'),
    })
    expect(because(new Tagged('tagged'))).toMatchObject({ message: 'tagged' })
    expect(
      isTidingsError(Object.assign(new StockError('Book'), { [Symbol.toStringTag]: 'StockError' }), 'OUT_OF_STOCK'),
    ).toBe(true)
  })

  test('never throws: not on a cause without a prototype, not on one that leads back to itself', () => {
    const bare = new TidingsError('SOME_CODE', 'some message', { cause: Object.create(null) })
    expect(bare.toJSON()).toMatchObject({ code: 'SOME_CODE' })
    const circular = new TidingsError('SOME_CODE', 'some message', { cause: 'to be replaced' })
    circular.cause = new StockError('Book', circular)
    expect(JSON.stringify(circular)).toContain('SOME_CODE')
  })
})

describe('isTidingsError', () => {
  test('knows ours by brand, and by code where one is given', () => {
    const error: unknown = new StockError('Book')
    expect(isTidingsError(error)).toBe(true)
    expect(isTidingsError(error, 'OUT_OF_STOCK')).toBe(true)
    expect(isTidingsError(error, 'EVENT_STORM')).toBe(false)
    if (isTidingsError(error, 'OUT_OF_STOCK')) expectTypeOf(error.code).toEqualTypeOf<'OUT_OF_STOCK'>()
  })

  test.for([
    ['an Error', new Error('plain')],
    ['an Error with a code', Object.assign(new Error('plain'), { code: 'OUT_OF_STOCK' })],
    ['a plain object', { code: 'OUT_OF_STOCK', name: 'TidingsError' }],
    ['what toJSON returned', new StockError('Book').toJSON()],
    ['an object with the brand', { [Symbol.for('@tidings/error')]: true, code: 'OUT_OF_STOCK' }],
    ['null', null],
    ['undefined', undefined],
    ['a string', 'OUT_OF_STOCK'],
    ['an object without a prototype', Object.create(null)],
  ] as [string, unknown][])('takes nothing else for one: %s', ([, value]) => {
    expect(isTidingsError(value)).toBe(false)
    expect(isTidingsError(value, 'OUT_OF_STOCK')).toBe(false)
  })

  test('INVARIANT: knows the errors of another copy of this package, which instanceof does not', () => {
    // As the other copy does it: the same brand on a class of its own.
    class TidingsErrorOfAnotherCopy extends Error {
      readonly code = 'EVENT_STORM'
      constructor() {
        super('from the other copy')
        Object.defineProperty(this, Symbol.for('@tidings/error'), { value: true })
      }
    }
    const error = new TidingsErrorOfAnotherCopy()
    expect(error).not.toBeInstanceOf(TidingsError)
    expect(isTidingsError(error)).toBe(true)
    expect(isTidingsError(error, 'EVENT_STORM')).toBe(true)
    expect(isTidingsError(error, 'INVALID_ARGUMENT')).toBe(false)
  })

  test('knows those of another realm, such as a frame or a test runner makes', () => {
    const foreign: unknown = runInNewContext(`
      Object.defineProperty(Object.assign(new Error('far away'), { code: 'EVENT_STORM' }), Symbol.for('@tidings/error'), { value: true })
    `)
    expect(foreign).not.toBeInstanceOf(Error)
    expect(isTidingsError(foreign, 'EVENT_STORM')).toBe(true)
  })

  test('never throws', () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    expect(isTidingsError(proxy)).toBe(false)
  })
})

describe('every error of this package', () => {
  const caught = (call: () => unknown): unknown => {
    try {
      call()
    } catch (error) {
      return error
    }
    return undefined
  }

  const errors: [string, string, new (...given: never[]) => Error, () => unknown][] = [
    [
      'EVENT_STORM',
      'EventStormError',
      EventStormError,
      () => new EventDispatcher({ maxDepth: 1 }).publish({ type: 'a', causationDepth: 1 } as { type: string }),
    ],
    [
      'DISPATCHER_CLOSED',
      'DispatcherClosedError',
      DispatcherClosedError,
      () => {
        const dispatcher = new EventDispatcher()
        dispatcher.close()
        dispatcher.publish('a', 1)
      },
    ],
    ['INVALID_ARGUMENT', 'TidingsError', TidingsError, () => new EventDispatcher().subscribe('a', 'handler' as never)],
  ]

  const later = async (): Promise<[string, string, new (...given: never[]) => Error, unknown][]> => {
    const full = new AsyncEventDispatcher({ concurrency: 1, maxPending: 1, overflow: 'reject', onError: () => {} })
    full.subscribe('a', () => new Promise(() => {}))
    for (let i = 0; i < 2; i++) void full.publish('a', i)
    const streaming = new AsyncEventDispatcher()
    const stream = streaming.events('a', { buffer: 1, overflow: 'error' })
    for (let i = 0; i < 2; i++) void streaming.publish('a', i)
    await stream.next()
    return [
      [
        'PENDING_OVERFLOW',
        'PendingOverflowError',
        PendingOverflowError,
        await full.publish('a', 2).catch((error: unknown) => error),
      ],
      [
        'STREAM_OVERFLOW',
        'StreamOverflowError',
        StreamOverflowError,
        await stream.next().catch((error: unknown) => error),
      ],
    ]
  }

  test('has its code, its name, and a message whose first line names the place and whose next lines the fix', async () => {
    const all = [
      ...errors.map(([code, name, type, call]) => [code, name, type, caught(call)] as const),
      ...(await later()),
    ]
    for (const [code, name, type, error] of all) {
      expect(error, code).toBeInstanceOf(type)
      expect(isTidingsError(error, code), code).toBe(true)
      expect((error as Error).name).toBe(name)
      const [first, ...fix] = (error as Error).message.split('\n')
      expect(first, code).toContain('"a"')
      expect(fix.join('').length, `${code}: ${first}`).toBeGreaterThan(5)
    }
  })
})
