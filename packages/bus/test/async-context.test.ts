import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, test } from 'vitest'
import { handler, memory } from '../src/index.ts'
import { quiet } from './support/recording-member.ts'
import { OrderPlaced, ShelfScanned, testedBus } from './support/shop.ts'

test('INVARIANT: a handler runs in the async context of its broker, never in that of whoever published', async () => {
  const storage = new AsyncLocalStorage<string>()
  const seen: (string | undefined)[] = []
  const transport = storage.run('the application', () => memory())
  await using tested = await testedBus({
    transport,
    handlers: [
      // More events than slots and than deliveries of a turn, and some that come again.
      handler(
        ShelfScanned,
        { group: 'shelves', concurrency: 2, retry: { attempts: 2, delay: 10 } },
        async (event, context) => {
          seen.push(storage.getStore())
          await Promise.resolve()
          seen.push(storage.getStore())
          if (context.attempt === 1 && event.data.shelf % 100 === 0) throw new Error('once more')
          await context.publish(OrderPlaced, { order: event.data.shelf })
        },
      ),
      handler(OrderPlaced, { group: 'orders' }, () => void seen.push(storage.getStore())),
    ],
  })
  await Promise.all(
    Array.from({ length: 300 }, (_, shelf) =>
      storage.run(`publisher ${shelf}`, () => tested.bus.publish(ShelfScanned, { shelf })),
    ),
  )
  await storage.run('whoever moves the clock', () => tested.pass(1_000))
  expect(seen).toHaveLength(906)
  expect(new Set(seen)).toEqual(new Set(['the application']))
})

test('what a publisher does after its publish goes on in its own async context', async () => {
  const storage = new AsyncLocalStorage<string>()
  await using tested = await testedBus({ handlers: [handler(ShelfScanned, { group: 'g' }, () => {})] })
  const after = await storage.run('acme', async () => {
    await Promise.all(Array.from({ length: 1000 }, (_, shelf) => tested.bus.publish(ShelfScanned, { shelf })))
    await quiet(2)
    return storage.getStore()
  })
  expect(after).toBe('acme')
})
