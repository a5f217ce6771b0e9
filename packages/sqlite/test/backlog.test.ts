import { createBus, handler } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { sqlite } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'

const Placed = defineEvent('test.order.placed', { schema: z.object({ n: z.int() }), key: ({ n }) => n })
let tmp: ReturnType<typeof fileInTmp>

beforeEach(() => void (tmp = fileInTmp()))
afterEach(() => tmp.remove())

test('a group tells when the oldest came of what waits, is handed out, or is tried again; and nothing of the rest', async () => {
  const transport = sqlite({ file: tmp.file })
  let end = (): void => {}
  const orders = handler(
    Placed,
    { group: 'orders', concurrency: 1, prefetch: 1, retry: { attempts: 2, delay: '1h' } },
    ({ data }) => {
      if (data.n === 2) throw new Error('not yet')
      return new Promise<void>((resolve) => (end = resolve))
    },
  )
  await using bus = await createBus({ source: '/test', transport, handlers: [orders], log: false })
  const oldest = async (): Promise<number | undefined> => (await bus.groups.list())[0]!.oldest
  expect(await oldest()).toBeUndefined()
  /** Publishes, and says between which times. */
  const times: (readonly [number, number])[] = []
  for (const n of [1, 2, 3]) {
    const before = Date.now()
    await bus.publish(Placed, { n })
    times.push([before, Date.now()])
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const isOf = (at: number | undefined, n: number): boolean => at! >= times[n - 1]![0] && at! <= times[n - 1]![1]
  expect(isOf(await oldest(), 1), 'the first, which is handed out').toBe(true)
  end()
  await expect.poll(async () => (await bus.groups.list())[0]!.retrying, { interval: 10 }).toBe(1)
  expect(isOf(await oldest(), 2), 'the second, which is tried again').toBe(true)
  await bus.publish(Placed, { n: 4 }, { delay: '1h' })
  end()
  expect(isOf(await oldest(), 2)).toBe(true)
})
