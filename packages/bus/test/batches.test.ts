import { describe, expect, test } from 'vitest'
import { handler, PermanentError } from '../src/index.ts'
import { quiet } from './support/recording-member.ts'
import { OrderPlaced, PaymentTaken, ShelfScanned, testedBus } from './support/shop.ts'

const batch = { size: 3, wait: '50ms' } as const

describe('batch handlers', () => {
  test('events come together, up to the size, or when the first has waited long enough', async () => {
    const batches: number[][] = []
    await using tested = await testedBus({
      handlers: [
        handler(
          ShelfScanned,
          { group: 'g', batch },
          (events) => void batches.push(events.map(({ data }) => data.shelf)),
        ),
      ],
    })
    for (let shelf = 0; shelf < 7; shelf++) await tested.bus.publish(ShelfScanned, { shelf })
    await quiet()
    expect(batches).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ])
    await tested.pass(60)
    expect(batches).toEqual([[0, 1, 2], [3, 4, 5], [6]])
  })

  test('INVARIANT: a bad item fails alone', async () => {
    const handled: number[] = []
    const sizes: number[] = []
    await using tested = await testedBus({
      handlers: [
        handler(ShelfScanned, { group: 'g', batch, retry: false }, (events) => {
          sizes.push(events.length)
          if (events.some(({ data }) => data.shelf === 1)) throw new Error('shelf 1 is broken')
          handled.push(...events.map(({ data }) => data.shelf))
        }),
      ],
    })
    for (let shelf = 0; shelf < 3; shelf++) await tested.bus.publish(ShelfScanned, { shelf })
    await tested.pass(100)
    expect(sizes).toEqual([3, 1, 1, 1])
    expect(handled).toEqual([0, 2])
    expect(tested.hooks('deadLettered')).toMatchObject([{ error: { message: 'shelf 1 is broken' }, attempts: 1 }])
  })

  test('the handler can name the events that failed', async () => {
    let calls = 0
    await using tested = await testedBus({
      handlers: [
        handler(ShelfScanned, { group: 'g', batch }, (events, { fail }) => {
          calls++
          for (const event of events) if (event.data.shelf === 1) fail(event, new PermanentError('no such shelf'))
        }),
      ],
    })
    for (let shelf = 0; shelf < 3; shelf++) await tested.bus.publish(ShelfScanned, { shelf })
    await tested.pass(100)
    expect(calls).toBe(1)
    expect(tested.hooks('handled')).toHaveLength(2)
    expect(tested.hooks('deadLettered')).toMatchObject([{ reason: 'permanent-error' }])
  })

  test('duplicates and what cannot be read do not hold up the rest', async () => {
    const batches: number[][] = []
    await using tested = await testedBus({
      handlers: [
        handler(
          ShelfScanned,
          { group: 'g', batch, idempotent: true },
          (events) => void batches.push(events.map(({ data }) => data.shelf)),
        ),
      ],
    })
    const event = await tested.bus.publish(ShelfScanned, { shelf: 1 })
    await tested.bus.publish(event)
    await tested.bus.publish(ShelfScanned, { shelf: 2 })
    await tested.pass(200)
    expect(batches.flat()).toEqual([1, 2])
    expect(tested.hooks('duplicate')).toHaveLength(1)
  })

  test('events of one key are never in two batches at a time, and keep their order', async () => {
    const orders: string[] = []
    await using tested = await testedBus({
      handlers: [
        handler(OrderPlaced, { group: 'g', batch, retry: { delay: 1, jitter: false } }, async (events) => {
          await quiet(2)
          orders.push(...events.map(({ data }) => `${data.order}${data.item}`))
        }),
      ],
    })
    for (const item of ['a', 'b', 'c'])
      for (const order of [1, 2]) await tested.bus.publish(OrderPlaced, { order, item })
    await tested.pass(1_000)
    expect(orders.filter((each) => each.startsWith('1'))).toEqual(['1a', '1b', '1c'])
    expect(orders.filter((each) => each.startsWith('2'))).toEqual(['2a', '2b', '2c'])
  })

  test('an effect names the event of the batch that caused it', async () => {
    await using tested = await testedBus({
      handlers: [
        handler(ShelfScanned, { group: 'g', batch }, async (events, { publish }) => {
          await publish(events[1]!, PaymentTaken, { order: 1 })
        }),
      ],
    })
    const events = await Promise.all([1, 2, 3].map((shelf) => tested.bus.publish(ShelfScanned, { shelf })))
    await quiet()
    expect(tested.hooks('published').at(-1)).toMatchObject({ type: PaymentTaken.type, causationId: events[1]!.id })
  })

  test('a batch that takes too long is aborted, and its events are tried again', async () => {
    let calls = 0
    await using tested = await testedBus({
      handlers: [
        handler(
          ShelfScanned,
          { group: 'g', batch, timeout: '1s', retry: { delay: 10, jitter: false } },
          (_events, { signal }) => {
            if (++calls > 1) return undefined
            return new Promise((_resolve, reject) =>
              signal.addEventListener('abort', () => reject(new Error('stopped'))),
            )
          },
        ),
      ],
    })
    for (let shelf = 0; shelf < 3; shelf++) await tested.bus.publish(ShelfScanned, { shelf })
    await tested.pass(3_000)
    expect(tested.hooks('handled')).toHaveLength(3)
    expect(tested.hooks('failed')).toMatchObject([1, 2, 3].map(() => ({ error: { code: 'ATTEMPT_TIMEOUT' } })))
  })

  test('INVARIANT: an event that makes its batch take too long does not take its neighbours with it', async () => {
    const batches: string[] = []
    await using tested = await testedBus({
      handlers: [
        handler(ShelfScanned, { group: 'g', batch, timeout: '1s', retry: false }, (events, { signal }) => {
          batches.push(events.map(({ data }) => data.shelf).join())
          if (!events.some(({ data }) => data.shelf === 2)) return undefined
          return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))))
        }),
      ],
    })
    for (const shelf of [1, 2, 3]) await tested.bus.publish(ShelfScanned, { shelf })
    await tested.pass(10_000)
    expect(batches[0]).toBe('1,2,3')
    expect(batches.slice(1).toSorted()).toEqual(['1', '2', '3'])
    expect(tested.hooks('deadLettered')).toMatchObject([{ error: { code: 'ATTEMPT_TIMEOUT' }, attempts: 1 }])
    expect(tested.hooks('handled')).toHaveLength(2)
  })

  test('a size beyond the prefetch would never be full, and is refused', () => {
    expect(() => handler(ShelfScanned, { group: 'g', prefetch: 10, batch: { size: 11 } }, () => {})).toThrow(
      '`batch.size` must be at most `prefetch`, 10, received 11',
    )
  })
})
