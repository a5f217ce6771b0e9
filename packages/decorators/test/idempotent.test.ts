import * as fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { idempotent, type Inbox, memoryInbox } from '../src/index.ts'
import { deferred, outcome, settle } from './helpers.ts'

interface Event {
  id: string
  source?: string
}

test('an event is handled once; a duplicate resolves to undefined', async () => {
  const handler = vi.fn(async (event: Event) => event.id)
  const wrapped = idempotent()(handler)
  expect(await wrapped({ id: 'a' })).toBe('a')
  expect(await wrapped({ id: 'a' })).toBeUndefined()
  expect(await wrapped({ id: 'b' })).toBe('b')
  expect(handler).toHaveBeenCalledTimes(2)
})

test('INVARIANT: a handler that fails does not mark its event as done', async () => {
  let fails = true
  const wrapped = idempotent()((event: Event) => {
    if (fails) throw new Error('failed')
    return event.id
  })
  await expect(wrapped({ id: 'a' })).rejects.toThrow('failed')
  fails = false
  expect(await wrapped({ id: 'a' })).toBe('a')
  expect(await wrapped({ id: 'a' })).toBeUndefined()
})

test('a duplicate waits for the one in flight, and is left out when that succeeds', async () => {
  const { promise, resolve } = deferred()
  const handler = vi.fn(async (_event: Event) => promise)
  const wrapped = idempotent()(handler)
  let duplicate = 'waits'
  const first = wrapped({ id: 'a' })
  const second = wrapped({ id: 'a' }).then(() => (duplicate = 'left out'))
  await settle()
  expect(duplicate).toBe('waits')
  resolve()
  await Promise.all([first, second])
  expect(handler).toHaveBeenCalledTimes(1)
})

test('after a failure one of the waiting duplicates takes its place, one at a time', async () => {
  const attempts = [deferred(), deferred()]
  let [calls, running, most] = [0, 0, 0]
  const wrapped = idempotent()(async (_event: Event) => {
    most = Math.max(most, ++running)
    await attempts[calls++]?.promise.finally(() => running--)
    return 'done'
  })
  const results = [1, 2, 3].map(() => outcome(wrapped({ id: 'a' })))
  attempts[0]?.reject(new Error('failed'))
  await settle()
  attempts[1]?.resolve()
  expect(await Promise.all(results)).toEqual([{ error: new Error('failed') }, { value: 'done' }, { value: undefined }])
  expect([calls, most]).toEqual([2, 1])
})

test('INVARIANT: whatever comes in whatever order, each event succeeds once and never twice', async () => {
  const deliveries = fc.array(
    fc.record({ id: fc.constantFrom('a', 'b', 'c'), fails: fc.boolean(), ticks: fc.nat(5) }),
    { maxLength: 30 },
  )
  await fc.assert(
    fc.asyncProperty(deliveries, async (events) => {
      const succeeded: string[] = []
      const running = new Set<string>()
      const wrapped = idempotent()(async (event: (typeof events)[number]) => {
        expect(running.has(event.id)).toBe(false)
        running.add(event.id)
        for (let tick = 0; tick < event.ticks; tick++) await Promise.resolve()
        running.delete(event.id)
        if (event.fails) throw new Error('failed')
        succeeded.push(event.id)
      })
      await Promise.all(events.map((event) => outcome(wrapped(event))))
      const expected = new Set(events.filter(({ fails }) => !fails).map(({ id }) => id))
      expect(succeeded).toHaveLength(new Set(succeeded).size)
      expect(new Set(succeeded)).toEqual(expected)
    }),
  )
})

describe('a store', () => {
  test('may be asynchronous and shared: it knows each handler by its group, which is its name', async () => {
    const done = new Set<string>()
    const store: Inbox = {
      has: async ({ source, id }, group) => done.has(`${group} ${source} ${id}`),
      add: async ({ source, id }, group) => done.add(`${group} ${source} ${id}`),
    }
    const handler = vi.fn()
    const reserve = idempotent({ store })(function reserve(_event: Event) {
      handler()
    })
    const ship = idempotent({ store, group: 'shipping' })((_event: Event) => handler())
    await reserve({ id: 'a', source: '/shop' })
    await ship({ id: 'a' })
    await reserve({ id: 'a', source: '/shop' })
    expect(handler).toHaveBeenCalledTimes(2)
    expect([...done]).toEqual(['reserve /shop a', 'shipping  a'])
  })

  test('that fails to look up or to remember fails the call', async () => {
    const handler = vi.fn()
    const down = () => Promise.reject(new Error('store is down'))
    const lookup = idempotent({ store: { has: down, add() {} }, group: 's' })((_event: Event) => handler())
    await expect(lookup({ id: 'a' })).rejects.toThrow('store is down')
    expect(handler).not.toHaveBeenCalled()
    const remember = idempotent({ store: { has: () => false, add: down }, group: 's' })((_event: Event) => handler())
    await expect(remember({ id: 'a' })).rejects.toThrow('store is down')
    await expect(remember({ id: 'a' })).rejects.toThrow('store is down')
    expect(handler).toHaveBeenCalledTimes(2)
  })

  test('needs a name for an anonymous handler', () => {
    const store = memoryInbox()
    expect(() => idempotent({ store })((_event: Event) => {})).toThrow('`group` must be given, received undefined')
  })

  test('is checked', () => {
    expect(() => idempotent({ store: { has: () => true } as never })).toThrow('`store.add` must be a function')
    expect(() => idempotent({ key: 'id' as never })).toThrow('`key` must be a function, received "id"')
  })
})

test('key says what makes two events the same', async () => {
  const handler = vi.fn()
  const wrapped = idempotent({ key: (order: { number: number }) => `order-${order.number}` })(
    (_order: { number: number }) => handler(),
  )
  await wrapped({ number: 1 })
  await wrapped({ number: 1 })
  expect(handler).toHaveBeenCalledTimes(1)
})

test('ids are told apart by the source of the event, where it has one', async () => {
  const handler = vi.fn(async ({ source }: Event) => source)
  const wrapped = idempotent()(handler)
  const events = [
    { id: 'a', source: '/shop' },
    { id: 'a', source: '/depot' },
    { id: 'a' },
    { id: 'a', source: '/shop' },
  ]
  const outcomes = await Promise.all(events.map((event) => wrapped(event)))
  expect(handler).toHaveBeenCalledTimes(3)
  expect(outcomes).toEqual(['/shop', '/depot', undefined, undefined])
})

test('without a store, the last 10,000 events are known at least', async () => {
  const handler = vi.fn()
  const wrapped = idempotent()((_event: Event) => handler())
  for (let id = 0; id < 30_000; id++) await wrapped({ id: String(id) })
  for (let id = 20_000; id < 30_000; id++) await wrapped({ id: String(id) })
  expect(handler).toHaveBeenCalledTimes(30_000)
})

test('an event without a key is refused', async () => {
  const wrapped = idempotent()(function reserve(_event: Event) {}) as (event: unknown) => Promise<unknown>
  for (const wrong of [{}, { id: 7 }, { id: '' }, undefined, 'a']) {
    await expect(wrapped(wrong)).rejects.toThrow('`key of an event for idempotent handler reserve` must be a string')
  }
})
