import { describe, expect, expectTypeOf, test } from 'vitest'
import { createBus, handler, memory } from '../src/index.ts'
import { quiet } from './support/recording-member.ts'
import { OrderPlaced, PaymentTaken, testedBus } from './support/shop.ts'

describe('pulling events', () => {
  test('an event counts as handled when the next one is asked for', async () => {
    await using tested = await testedBus()
    const events = tested.bus.events(OrderPlaced, { group: 'audit' })
    for (const order of [1, 2]) await tested.bus.publish(OrderPlaced, { order })
    const first = await events.next()
    expectTypeOf(first.value!.data.order).toEqualTypeOf<number>()
    await quiet()
    expect(tested.hooks('handled')).toHaveLength(0)
    expect((await events.next()).value!.data.order).toBe(2)
    await quiet()
    expect(tested.hooks('handled')).toHaveLength(1)
    await events.return!()
  })

  test('INVARIANT: leaving the loop early gives the last event back', async () => {
    const transport = memory()
    await using tested = await testedBus({ transport })
    const events = tested.bus.events(OrderPlaced, { group: 'audit' })
    for (const order of [1, 2, 3]) await tested.bus.publish(OrderPlaced, { order })
    const seen: number[] = []
    for await (const { data } of events) {
      seen.push(data.order)
      if (data.order === 2) break
    }
    await quiet()
    const other = await createBus({ source: '/shop', transport, clock: tested.clock })
    const rest = other.events(OrderPlaced, { group: 'audit' })
    const again = [(await rest.next()).value!.data.order, (await rest.next()).value!.data.order]
    expect(seen).toEqual([1, 2])
    expect(again.toSorted((a, b) => a - b)).toEqual([2, 3])
    await rest.return!()
    await other.close()
  })

  test('the signal ends the iteration, and what was taken counts once the loop goes on', async () => {
    await using tested = await testedBus()
    const controller = new AbortController()
    const seen: number[] = []
    const events = tested.bus.events(OrderPlaced, { group: 'audit', signal: controller.signal })
    const reading = (async () => {
      for await (const { data } of events) {
        seen.push(data.order)
        controller.abort()
      }
    })()
    for (const order of [1, 2]) await tested.bus.publish(OrderPlaced, { order })
    await reading
    await quiet()
    expect(seen).toEqual([1])
    expect(tested.hooks('handled')).toHaveLength(1)
    expect(await events.next()).toEqual({ value: undefined, done: true })
  })

  test('closing the bus ends the iteration without an error', async () => {
    const tested = await testedBus()
    const events = tested.bus.events(OrderPlaced, { group: 'audit' })
    const next = events.next()
    await quiet()
    await tested.bus.close()
    expect(await next).toEqual({ value: undefined, done: true })
  })

  test('a reader that is slow holds no more than its prefetch', async () => {
    await using tested = await testedBus()
    const events = tested.bus.events(OrderPlaced, { group: 'audit', prefetch: 5 })
    for (let order = 0; order < 100; order++) await tested.bus.publish(OrderPlaced, { order })
    await events.next()
    await quiet()
    const [group] = (await tested.bus.health()).groups
    expect(group).toMatchObject({ running: 1, held: 4, waiting: 95 })
    await events.return!()
  })

  test('asked twice at once, each call gets an event, and the first one counts as handled', async () => {
    await using tested = await testedBus()
    const events = tested.bus.events(OrderPlaced, { group: 'audit' })
    const both = Promise.all([events.next(), events.next()])
    for (const order of [1, 2]) await tested.bus.publish(OrderPlaced, { order })
    expect((await both).map(({ value }) => value!.data.order)).toEqual([1, 2])
    await quiet()
    expect(tested.hooks('handled')).toHaveLength(1)
    await events.return!()
  })

  test('whoever pulls may take longer than the broker waits, which is no reason to refuse', async () => {
    const real = memory()
    const transport = { ...real, capabilities: { ...real.capabilities, maxHold: 60_000 } }
    await using tested = await testedBus({ transport })
    const events = tested.bus.events(OrderPlaced, { group: 'audit' })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    expect(await events.next()).toMatchObject({ value: { data: { order: 1 } } })
    await events.return!()
  })

  test('a group that the transport refuses ends the iteration with the reason, told once', async () => {
    const transport = memory()
    const unordered = handler(OrderPlaced, { group: 'audit', ordering: 'none' }, () => {})
    await using tested = await testedBus({ transport, handlers: [unordered] })
    await using other = await testedBus({ transport, clock: tested.clock })
    const events = other.bus.events(OrderPlaced, { group: 'audit' })
    await expect(events.next()).rejects.toThrow('`ordered` is false')
    expect(await events.next()).toEqual({ value: undefined, done: true })
    const later = other.bus.events(OrderPlaced, { group: 'audit' })
    await quiet()
    await expect(later.next()).rejects.toThrow('`ordered` is false')
    expect(await later.next()).toEqual({ value: undefined, done: true })
  })
})

test('a group that is pulled has no other handler, since what an iterator gives back would go to it', async () => {
  await using tested = await testedBus({ handlers: [handler(OrderPlaced, { group: 'billing' }, () => {})] })
  expect(() => tested.bus.events(PaymentTaken, { group: 'billing' })).toThrow(
    'group "shop.billing" cannot be pulled by events() and have another handler',
  )
  const events = tested.bus.events(PaymentTaken, { group: 'audit' })
  expect(() => tested.bus.subscribe(OrderPlaced, () => {}, { group: 'audit' })).toThrow('cannot be pulled')
  await events.return!()
  tested.bus.subscribe(OrderPlaced, () => {}, { group: 'audit' })
})
