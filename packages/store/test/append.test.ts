import { isTidingsError } from '@tidings/core'
import { defineEvent } from '@tidings/events'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ConcurrencyError, type ExpectedVersion, memoryStore } from '../src/index.ts'
import { all, OrderPlaced, OrderShipped, placed, places, rejection, shop } from './support/shop.ts'

describe('append', () => {
  test('counts versions from 1, and says where the events are', async () => {
    const store = shop()
    const first = await store.append('order-1', [placed(), placed()], { expectedVersion: 'no-stream' })
    expect(first).toEqual({ stream: 'order-1', firstVersion: 1, nextVersion: 2, position: 2, repeated: false })
    const second = await store.append('order-1', [placed()], { expectedVersion: first.nextVersion })
    expect(second).toMatchObject({ firstVersion: 3, nextVersion: 3 })
    expect(second.position).toBeGreaterThan(first.position)
  })

  test.for<[ExpectedVersion, number, boolean]>([
    [0, 0, true],
    [0, 1, false],
    ['no-stream', 0, true],
    ['no-stream', 1, false],
    ['exists', 0, false],
    ['exists', 2, true],
    ['any', 0, true],
    ['any', 2, true],
    [2, 2, true],
    [1, 2, false],
    [3, 2, false],
    [Number.MAX_SAFE_INTEGER, 2, false],
  ])('expecting %s of a stream at version %i: accepted %s', async ([expectedVersion, version, accepted]) => {
    const store = shop()
    await store.append(
      'order-1',
      Array.from({ length: version }, () => placed()),
    )
    const error = await rejection(store.append('order-1', [placed()], { expectedVersion }))
    if (accepted) expect(error).toBeUndefined()
    else expect(error).toMatchObject({ stream: 'order-1', expected: expectedVersion, actual: version })
    expect((await store.info('order-1')).version).toBe(version + Number(accepted))
  })

  test('tells a conflict by a typed error with the version that the stream has', async () => {
    const store = shop()
    await store.append('order-1', [placed()])
    const error = await rejection(store.append('order-1', [placed()], { expectedVersion: 7 }))
    expect(error).toBeInstanceOf(ConcurrencyError)
    expect(isTidingsError(error, 'CONCURRENCY_CONFLICT')).toBe(true)
    expect((error as Error).message.split('\n')[0]).toBe(
      'stream "order-1" is at version 1, and the append expected version 7',
    )
  })

  test.for([-1, 1.5, 2 ** 53, Number.NaN, '1', 'must-exist'])('refuses %s as an expected version', async (version) => {
    const store = shop()
    const error = await rejection(store.append('order-1', [placed()], { expectedVersion: version as never }))
    expect(isTidingsError(error, 'INVALID_ARGUMENT')).toBe(true)
    expect(await store.info('order-1')).toMatchObject({ exists: false, version: 0 })
  })

  test.for(['', 'a\nb', '\ud800', 'x'.repeat(513), 7, undefined])(
    'refuses %j as the name of a stream',
    async (name) => {
      const error = await rejection(shop().append(name as string, [placed()]))
      expect(isTidingsError(error, 'INVALID_ARGUMENT')).toBe(true)
    },
  )

  test('refuses what it could not read: foreign types, newer versions, and what is no event', async () => {
    const Stranger = defineEvent('shop.stranger', z.object({}))
    const Newer = defineEvent('shop.order.placed', {
      schema: z.object({ sku: z.string() }),
      version: 2,
      upcast: { 1: () => ({ sku: 'B' }) },
    })
    const store = memoryStore({ events: [OrderPlaced] })
    const codeOf = async (event: unknown): Promise<unknown> =>
      ((await rejection(store.append('order-1', [event as never]))) as { code?: unknown }).code
    expect(await codeOf(Stranger.create({}))).toBe('EVENT_TYPE_UNKNOWN')
    expect(await codeOf(Newer.create({ sku: 'B' }))).toBe('EVENT_VERSION_UNKNOWN')
    expect(await codeOf({ ...placed() })).toBe('INVALID_EVENT')
    expect(await places(store.readAll())).toEqual([])
  })

  test('of no events changes nothing, but checks the version', async () => {
    const store = shop()
    await store.append('order-1', [placed(), placed()])
    expect(await store.append('order-1', [], { expectedVersion: 2 })).toEqual({
      stream: 'order-1',
      firstVersion: 3,
      nextVersion: 2,
      position: await store.end(),
      repeated: false,
    })
    expect(await rejection(store.append('order-1', [], { expectedVersion: 1 }))).toBeInstanceOf(ConcurrencyError)
    await store.append('order-2', [])
    expect(await store.info('order-2')).toMatchObject({ exists: false, version: 0 })
  })
})

describe('INVARIANT: an event is appended once, however often it is asked for', () => {
  test('the same events give the result of the first time, whatever version is expected', async () => {
    const store = shop()
    const events = [placed(), placed()]
    const first = await store.append('order-1', events, { expectedVersion: 0 })
    await store.append('order-1', [placed()])
    expect(await store.append('order-1', events, { expectedVersion: 0 })).toEqual({ ...first, repeated: true })
    expect(await places(store.read('order-1'))).toEqual(['order-1@1', 'order-1@2', 'order-1@3'])
  })

  test('an event that is there already is refused elsewhere, in part, in another order and with other contents', async () => {
    const store = shop()
    const [one, two] = [placed(), placed()]
    await store.append('order-1', [one, two])
    const codeOf = async (stream: string, events: readonly (typeof one)[]): Promise<unknown> =>
      ((await rejection(store.append(stream, events))) as { code?: unknown }).code
    expect(await codeOf('order-2', [one])).toBe('EVENT_EXISTS')
    expect(await codeOf('order-1', [two, placed()])).toBe('EVENT_EXISTS')
    expect(await codeOf('order-1', [placed(), one])).toBe('EVENT_EXISTS')
    expect(await codeOf('order-1', [two, one])).toBe('EVENT_EXISTS')
    expect(await codeOf('order-1', [OrderPlaced.create({ item: 'Pen' }, { id: one.id, time: one.time })])).toBe(
      'EVENT_EXISTS',
    )
    expect(await codeOf('order-3', [one, one])).toBe('INVALID_ARGUMENT')
    expect(await places(store.readAll())).toEqual(['order-1@1', 'order-1@2'])
  })

  test('a part of what was appended at once, in its order, is there too', async () => {
    const store = shop()
    const [one, two, three] = [placed(), placed(), placed()]
    await store.append('order-1', [one, two, three])
    expect(await store.append('order-1', [two, three])).toMatchObject({
      firstVersion: 2,
      nextVersion: 3,
      repeated: true,
    })
  })

  test('events of two sources may have one id', async () => {
    const store = shop()
    await store.append('order-1', [OrderPlaced.create({ item: 'Book' }, { id: '1', source: '/a' })])
    await store.append('order-1', [OrderPlaced.create({ item: 'Book' }, { id: '1', source: '/b' })])
    expect(await places(store.read('order-1'))).toEqual(['order-1@1', 'order-1@2'])
  })
})

describe('appendAll', () => {
  test('INVARIANT: appends to all streams or to none', async () => {
    const store = shop()
    await store.append('order-2', [placed()])
    const failing = store.appendAll([
      { stream: 'order-1', events: [placed()] },
      { stream: 'order-2', events: [placed()], expectedVersion: 'no-stream' },
    ])
    expect(await rejection(failing)).toMatchObject({ stream: 'order-2', actual: 1 })
    expect(await places(store.readAll())).toEqual(['order-2@1'])
  })

  test('answers in the order of what was asked', async () => {
    const store = shop()
    const results = await store.appendAll([
      { stream: 'order-2', events: [placed(), placed()], expectedVersion: 0 },
      { stream: 'order-1', events: [] },
      { stream: 'order-3', events: [OrderShipped.create({ carrier: 'Mail' })] },
    ])
    expect(results.map(({ stream, nextVersion }) => `${stream}@${nextVersion}`)).toEqual([
      'order-2@2',
      'order-1@0',
      'order-3@1',
    ])
  })

  test('refuses a stream and an event that are there twice', async () => {
    const store = shop()
    const event = placed()
    const twice = [
      { stream: 'order-1', events: [] },
      { stream: 'order-1', events: [] },
    ]
    const same = [
      { stream: 'order-1', events: [event] },
      { stream: 'order-2', events: [event] },
    ]
    for (const appends of [twice, same]) {
      expect(await rejection(store.appendAll(appends))).toMatchObject({ code: 'INVALID_ARGUMENT' })
    }
    expect(await all(store.readAll())).toEqual([])
  })
})

test('a store that is closed refuses', async () => {
  const store = shop()
  await store.close()
  await store.close()
  expect(await rejection(store.append('order-1', [placed()]))).toMatchObject({ code: 'STORE_CLOSED' })
  expect(() => store.read('order-1')).toThrow(expect.objectContaining({ code: 'STORE_CLOSED' }))
})
