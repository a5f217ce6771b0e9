import { setImmediate as macrotask } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type AsyncDispatcherOptions, AsyncEventDispatcher, type Failure } from '../src/index.ts'

// From the second event of a type on, while its subscriptions stay the same, the asynchronous dispatcher goes a leaner way.

/** A dispatcher whose handlers of `a` have had an event, and do as `act` says with all further ones. */
async function warmed(
  options: AsyncDispatcherOptions,
  handlers: number,
  act: (id: number, payload: number) => unknown,
) {
  const told: Failure[] = []
  const dispatcher = new AsyncEventDispatcher<Record<string, number>>({
    onError: (failure) => told.push(failure),
    ...options,
  })
  const subscriptions = Array.from({ length: handlers }, (_, id) =>
    dispatcher.subscribe('a', (payload) => (payload < 0 ? undefined : act(id, payload)) as void, { name: `${id}` }),
  )
  await dispatcher.publish('a', -1)
  return { dispatcher, told, subscriptions }
}

test.for(['012', '021', '102', '120', '201', '210'])(
  'a publish resolves after its slowest handler, and names who rejects: settled in the order %s',
  async (order) => {
    const settle: (() => void)[] = []
    const { dispatcher, told } = await warmed(
      {},
      3,
      (id) => new Promise((_, reject) => settle.push(() => reject(new Error(`${id}`)))),
    )
    const publish = dispatcher.publish('a', 1)
    let done = false
    void publish.then(() => (done = true))
    for (const id of order) {
      expect(done).toBe(false)
      settle[Number(id)]!()
      await macrotask()
    }
    expect(await publish).toBe(3)
    expect(told.map(({ handler, error }) => [handler, (error as Error).message])).toEqual(
      Array.from(order, (id) => [id, id]),
    )
  },
)

test.for(['throws', 'rejects'])('in turn: a handler that %s is named, and stops nobody', async (how) => {
  const { dispatcher, told, subscriptions } = await warmed({ mode: 'serial' }, 4, (id) => {
    subscriptions[2]!.unsubscribe()
    if (how === 'throws') throw new Error('on purpose')
    return Promise.reject(new Error(`on purpose ${id}`))
  })
  expect(await dispatcher.publish('a', 1)).toBe(3)
  expect(told.map(({ handler }) => handler)).toEqual(['0', '1', '3'])
})

test.for([64, Infinity])(
  'in turn: what is published meanwhile begins at an await or the end: maxDepth %s',
  async (depth) => {
    const seen: string[] = []
    const options: AsyncDispatcherOptions = depth === 64 ? {} : { maxDepth: depth }
    const { dispatcher } = await warmed({ mode: 'serial', ...options }, 2, (id, payload) => {
      seen.push(`a${id}, ${dispatcher.pending} wait`)
      void dispatcher.publish('b', 1)
      return payload === 2 ? Promise.resolve() : undefined
    })
    dispatcher.subscribe('b', () => void seen.push('b'))
    await dispatcher.publish('b', 1)
    seen.length = 0
    await dispatcher.publish('a', 1)
    expect(seen.splice(0)).toEqual(['a0, 1 wait', 'a1, 1 wait', 'b', 'b'])
    await dispatcher.publish('a', 2)
    expect(seen).toEqual(['a0, 1 wait', 'b', 'a1, 0 wait', 'b'])
  },
)

test('in turn: whoever awaits an event goes on before the handlers of the next one do', async () => {
  const seen: string[] = []
  const { dispatcher } = await warmed({ mode: 'serial', concurrency: 1 }, 1, async (_, payload) => {
    await Promise.resolve()
    seen.push(`handled ${payload}`)
  })
  await Promise.all([1, 2].map((id) => dispatcher.publish('a', id).then(() => seen.push(`published ${id}`))))
  expect(seen).toEqual(['handled 1', 'published 1', 'handled 2', 'published 2'])
})

test.for([0, 1])('INVARIANT: in turn: a storm is refused, though %s awaits stand before it', async (awaits) => {
  const { dispatcher, told } = await warmed({ mode: 'serial' }, 1 + awaits, (id, payload) => {
    if (id < awaits) return Promise.resolve()
    if (payload < 500) void dispatcher.publish('a', payload + 1)
    return undefined
  })
  await dispatcher.publish('a', 0)
  await dispatcher.drain()
  expect(told.map(({ error, payload }) => [(error as Error).name, payload])).toEqual([['EventStormError', 64]])
})

test.for(['throws', 'rejects'])(
  'in turn: what onError publishes, when a handler %s, is not caused by the event',
  async (how) => {
    let told = 0
    const { dispatcher } = await warmed(
      { mode: 'serial', onError: ({ payload }) => ++told <= 100 && void dispatcher.publish('a', payload as number) },
      1,
      () => {
        if (how === 'throws') throw new Error('on purpose')
        return Promise.reject(new Error('on purpose'))
      },
    )
    await dispatcher.publish('a', 0)
    await dispatcher.drain()
    expect(told).toBe(101)
  },
)

test("in turn: with overflow: 'reject' an event is refused while too many wait, though a slot is free", async () => {
  const { dispatcher } = await warmed({ mode: 'serial', concurrency: 2, maxPending: 1, overflow: 'reject' }, 2, () =>
    macrotask(),
  )
  const one = dispatcher.publish('a', 1)
  await expect(dispatcher.publish('a', 2)).rejects.toMatchObject({ code: 'PENDING_OVERFLOW' })
  expect(await one).toBe(2)
})

test.for([0, 1])(
  'INVARIANT: in turn: all branches of a storm are refused as one, with %s awaits between them',
  async (awaits) => {
    const { dispatcher, told } = await warmed({ mode: 'serial' }, 2, (_, payload) => {
      if (payload < 500) void dispatcher.publish('a', payload + 1)
      return awaits === 1 ? Promise.resolve() : undefined
    })
    await dispatcher.publish('a', 0)
    await dispatcher.drain()
    expect(told.map(({ error }) => (error as Error).name)).toEqual(['EventStormError'])
  },
)

test('in turn: what onError publishes comes after the event, and has the whole depth before it', async () => {
  const seen: string[] = []
  let refused = -1
  const { dispatcher } = await warmed(
    {
      mode: 'serial',
      onError: ({ type, payload, handler }) => {
        if (type === 'b') refused = payload as number
        else {
          seen.push(handler!)
          void dispatcher.publish('b', 0)
        }
      },
    },
    0,
    () => {},
  )
  const subscription = dispatcher.subscribe('a', function reserve(payload) {
    if (payload < 0) return
    subscription.unsubscribe()
    throw new Error('on purpose')
  })
  dispatcher.subscribe('a', (payload) => void (payload < 0 || seen.push('second')))
  dispatcher.subscribe('b', (payload) => {
    if (payload === 0) seen.push('b')
    if (payload >= 0 && payload < 500) void dispatcher.publish('b', payload + 1)
  })
  for (const type of ['a', 'b']) await dispatcher.publish(type, -1)
  await dispatcher.publish('a', 0)
  await dispatcher.drain()
  expect(seen).toEqual(['reserve', 'second', 'b'])
  expect(refused).toBe(64)
})
