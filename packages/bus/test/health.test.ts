import { expect, test, vi } from 'vitest'
import { handler, memory } from '../src/index.ts'
import type { ConnectOptions, Membership } from '../src/transport/index.ts'
import { altered } from './support/altered.ts'
import { OrderPlaced, type Tested, testedBus } from './support/shop.ts'

/** A bus whose broker answers so when it is asked what waits. */
function asking(backlog: Membership['backlog']): Promise<Tested> {
  const transport = altered(memory(), (real) => ({
    subscribe: async (...args) => ({ ...(await real.subscribe(...args)), backlog }),
  }))
  return testedBus({ transport, handlers: [handler(OrderPlaced, { group: 'g' }, () => {})] })
}

test.each([
  ['rejects', () => Promise.reject(new Error('away'))],
  [
    'throws',
    () => {
      throw new Error('away')
    },
  ],
])('health tells what it knows where the broker %s', async (_, backlog) => {
  await using tested = await asking(backlog)
  expect(await tested.bus.health()).toMatchObject({ status: 'ok', groups: [{ waiting: undefined }] })
})

test('health tells what it knows within a second where the broker does not answer', async () => {
  await using tested = await asking(() => new Promise(() => {}))
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const health = tested.bus.health()
    await vi.advanceTimersByTimeAsync(1000)
    expect(await health).toMatchObject({ status: 'ok', groups: [{ waiting: undefined }] })
    expect(vi.getTimerCount()).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})

test('the state of the connection is what the transport has said last, until the bus is closed', async () => {
  let tell: ConnectOptions['onState'] = () => {}
  const real = memory()
  const tested = await testedBus({
    transport: {
      ...real,
      connect: (options) => {
        tell = options.onState
        const connecting = real.connect({ ...options, onState() {} })
        tell('reconnecting')
        return connecting
      },
    },
  })
  expect(await tested.bus.health()).toMatchObject({ status: 'reconnecting', connection: 'reconnecting' })
  tell('connected')
  expect(await tested.bus.health()).toMatchObject({ status: 'ok', connection: 'connected' })
  await tested[Symbol.asyncDispose]()
  tell('connected')
  expect(await tested.bus.health()).toMatchObject({ status: 'closed', connection: 'closed' })
})
