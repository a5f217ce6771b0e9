import { describe, expect, test } from 'vitest'
import { createBus, handler, memory, memoryDeadLetters } from '../src/index.ts'
import { quiet } from './support/recording-member.ts'
import { OrderPlaced, testedBus } from './support/shop.ts'
import { withSink } from './support/with-sink.ts'

describe('a transport whose dead letters go to a sink', () => {
  test('takes the default policy, keeps what failed there, and replays it as a whole, in order', async () => {
    const { transport, queues } = withSink(memory())
    let broken = true
    const handledOrders: number[] = []
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(OrderPlaced, { group: 'billing', retry: false }, ({ data }) => {
          if (broken) throw new Error('the bank is closed')
          handledOrders.push(data.order)
        }),
      ],
    })
    for (const order of [1, 2, 3]) await tested.bus.publish(OrderPlaced, { order })
    await quiet()
    expect(queues.get('shop.billing')).toMatchObject(
      [1, 2, 3].map(() => ({ reason: 'attempts-exhausted', error: { message: 'the bank is closed' } })),
    )
    expect(tested.hooks('deadLettered')).toHaveLength(3)
    broken = false
    expect(await tested.bus.deadLetters.replay({ group: 'billing' }, { limit: 2 })).toMatchObject({
      replayed: 2,
      ended: 'limit',
    })
    // By its whole name too, as `health()` gives it.
    expect(await tested.bus.deadLetters.replay({ group: 'shop.billing' })).toMatchObject({
      replayed: 1,
      ended: 'complete',
    })
    await quiet()
    expect(handledOrders).toEqual([1, 2, 3])
    expect(queues.get('shop.billing')).toEqual([])
  })

  test('names the store that it takes to list, to choose and to edit', async () => {
    await using tested = await testedBus({ transport: withSink(memory()).transport })
    const { deadLetters } = tested.bus
    await expect(deadLetters.count()).rejects.toThrow("lacks deadLetters: 'store' (wanted by bus.deadLetters)")
    await expect(deadLetters.replay({ group: 'g', type: 'a' })).rejects.toThrow(
      "'store' (wanted by a replay by `type`)",
    )
    await expect(deadLetters.replay({})).rejects.toThrow("'store' (wanted by a replay of all groups at once)")
    const edit = (data: unknown): unknown => data
    await expect(deadLetters.replay({ group: 'g' }, { edit })).rejects.toThrow('`edit` must be left out')
  })

  test('refuses to park a key at start-up, unless it is given a store', async () => {
    const { transport } = withSink(memory())
    const handlers = [handler(OrderPlaced, { group: 'g', deadLetter: 'park-key' }, () => {})]
    await expect(createBus({ source: '/shop', transport, handlers })).rejects.toMatchObject({
      code: 'CAPABILITY_MISSING',
      missing: [{ capability: "deadLetters: 'store'" }],
    })
    const bus = await createBus({ source: '/shop', transport, handlers, deadLetters: memoryDeadLetters() })
    await bus.close()
  })
})
