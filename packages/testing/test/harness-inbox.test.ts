import { handler, type HandlerLog, type Inbox, memory, memoryInbox } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { type NotSettledError, testBus, type TestBus } from '../src/index.ts'

const OrderPlaced = defineEvent('shop.order.placed', z.object({ orderId: z.string() }))
const billing = handler(OrderPlaced, { group: 'billing', idempotent: true }, () => {})

const failing: Inbox = {
  has: () => {
    throw new Error('no such table')
  },
  add: () => {},
}

/** Each answer takes 30 real milliseconds. */
function slowInbox(): Inbox {
  const known = memoryInbox()
  const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30))
  return {
    has: async (event, group) => later().then(() => known.has(event, group)),
    add: async (event, group) => later().then(() => known.add(event, group)),
  }
}

async function notSettled(t: TestBus): Promise<NotSettledError> {
  const error = await t.settled({ maxTimers: 5 }).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toMatchObject({ code: 'NOT_SETTLED' })
  return error as NotSettledError
}

test('an inbox that does real I/O is waited for, before any virtual time passes', async () => {
  await using t = await testBus({ handlers: [billing], inbox: slowInbox() })
  const begun = t.clock.now()
  const event = await t.publish(OrderPlaced, { orderId: 'o-1' })
  await t.publish(event)
  await t.settled()
  expect(t.handled(OrderPlaced).length).toBe(1)
  expect(t.clock.now()).toBe(begun)
})

test("a transport's own inbox is waited for as well", async () => {
  const broker = memory()
  const inbox = slowInbox()
  const transport: typeof broker = {
    name: broker.name,
    capabilities: broker.capabilities,
    async connect(options) {
      const connection = await broker.connect(options)
      return new Proxy(connection, {
        get: (target, key) => {
          const value: unknown = key === 'inbox' ? inbox : Reflect.get(target, key, target)
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    },
  }
  await using t = await testBus({ handlers: [billing], transport })
  const event = await t.publish(OrderPlaced, { orderId: 'o-1' })
  await t.publish(event)
  await t.settled()
  expect(t.handled(OrderPlaced).length).toBe(1)
})

test('what fails outside of a handler is logged, and named where the bus does not come to rest', async () => {
  await using t = await testBus({ handlers: [billing], inbox: failing })
  await t.publish(OrderPlaced, { orderId: 'o-1' })
  const { message } = await notSettled(t)
  expect(message.split('\n')[0]).toMatch(/; what failed last: has\(\) of the inbox, by Error: no such table$/)
  expect(t.attempts(OrderPlaced)).toEqual([])
  expect(t.logged()[0]).toMatchObject({
    level: 'warn',
    message: 'an attempt failed',
    facts: { group: 'test.billing', error: { message: 'no such table' } },
  })
})

test('an inbox that cannot note anything is named as well', async () => {
  const inbox: Inbox = { has: () => false, add: () => Promise.reject(new Error('disk full')) }
  await using t = await testBus({ handlers: [billing], inbox })
  await t.publish(OrderPlaced, { orderId: 'o-1' })
  const { message } = await notSettled(t)
  expect(message).toContain('what failed last: add() of the inbox, by Error: disk full')
  expect(t.logged().map(({ facts }) => (facts['error'] as Error).message)).toContain('disk full')
})

test('a middleware that fails before the handler is logged, and a log of your own is told', async () => {
  const lines: string[] = []
  const log: HandlerLog = { debug() {}, info() {}, warn: (message) => lines.push(message), error() {} }
  const refusing = { name: 'refusing', receive: () => Promise.reject(new Error('no tenant')) }
  await using t = await testBus({ handlers: [billing], middleware: [refusing], log })
  await t.publish(OrderPlaced, { orderId: 'o-1' })
  await t.settled()
  expect(lines).toContain('an attempt failed')
  expect(t.logged()).toEqual([])
})

test('a handler that fails for ever is named as what failed last, and logged once for each attempt', async () => {
  const retry = { attempts: 1000, delay: '1s', factor: 1 } as const
  const declining = handler(OrderPlaced, { group: 'declining', retry }, () => {
    throw new Error('declined')
  })
  await using t = await testBus({ handlers: [declining] })
  await t.publish(OrderPlaced, { orderId: 'o-1' })
  const { message } = await notSettled(t)
  expect(message).toContain('what failed last: an attempt of group "test.declining", by Error: declined')
  expect(t.logged().map((line) => line.facts['attempt'])).toEqual(t.attempts(OrderPlaced).map(({ attempt }) => attempt))
})

test.for([
  ['null', null],
  ['no `add`', { has: () => false }],
] as const)('an inbox that is none (%s) is refused by createBus', async ([, inbox]) => {
  await expect(testBus({ inbox: inbox as never })).rejects.toThrow(/`inbox(\.add)?` must be/)
})
