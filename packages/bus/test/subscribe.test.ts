import { AsyncEventDispatcher } from '@tidings/core'
import type { TidingsEvent } from '@tidings/events'
import { describe, expect, test } from 'vitest'
import { handler, memory } from '../src/index.ts'
import { quiet } from './support/recording-member.ts'
import { OrderPlaced, PaymentTaken, testedBus } from './support/shop.ts'

describe('subscribing while the bus runs', () => {
  test('the name of the function is the group', async () => {
    const got: number[] = []
    await using tested = await testedBus()
    const subscription = tested.bus.subscribe(OrderPlaced, function reserve({ data }) {
      got.push(data.order)
    })
    expect(subscription).toMatchObject({ group: 'shop.reserve', name: 'reserve', active: true })
    await subscription.ready
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    subscription.unsubscribe()
    subscription.unsubscribe()
    await tested.bus.publish(OrderPlaced, { order: 2 })
    await quiet()
    expect(got).toEqual([1])
    expect(subscription.active).toBe(false)
  })

  test('what an unsubscribed group missed waits for it', async () => {
    const got: number[] = []
    await using tested = await testedBus()
    const reserve = ({ data }: { data: { order: number } }): void => void got.push(data.order)
    tested.bus.subscribe(OrderPlaced, reserve).unsubscribe()
    await quiet()
    await tested.bus.publish(OrderPlaced, { order: 1 })
    tested.bus.subscribe(OrderPlaced, reserve)
    await quiet()
    expect(got).toEqual([1])
  })

  test('several handlers of one group are told apart by the event type', async () => {
    const got: string[] = []
    await using tested = await testedBus()
    tested.bus.subscribe('shop.order.*', function audit(event: TidingsEvent) {
      got.push(`order ${event.type}`)
    })
    tested.bus.subscribe('shop.payment.*', function audit(event: TidingsEvent) {
      got.push(`payment ${event.type}`)
    })
    await tested.bus.ready()
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.bus.publish(PaymentTaken, { order: 1 })
    await quiet()
    expect(got.toSorted()).toEqual(['order shop.order.placed', 'payment shop.payment.taken'])
  })

  test('a signal unsubscribes', async () => {
    await using tested = await testedBus()
    const controller = new AbortController()
    const subscription = tested.bus.subscribe(OrderPlaced, function f() {}, { signal: controller.signal })
    controller.abort()
    expect(subscription.active).toBe(false)
    expect(tested.bus.subscribe(OrderPlaced, function g() {}, { signal: controller.signal }).active).toBe(false)
  })

  test('with a signal that has aborted no group is made, which would gather events for nobody', async () => {
    await using tested = await testedBus({ transport: memory({ capacity: 2 }) })
    const signal = AbortSignal.abort()
    const subscription = tested.bus.subscribe(OrderPlaced, () => {}, { group: 'g', signal })
    await subscription.ready
    expect(await tested.bus.events(OrderPlaced, { group: 'pulled', signal }).next()).toEqual({
      value: undefined,
      done: true,
    })
    for (let order = 0; order < 5; order++) await tested.bus.publish(OrderPlaced, { order })
    expect(tested.hooks('unroutable')).toHaveLength(5)
  })

  test('a handler that uses its first argument works on a dispatcher and on a bus', async () => {
    const got: number[] = []
    const reserve = ({ data }: { readonly data: { readonly order: number } }): void => void got.push(data.order)
    await using dispatcher = new AsyncEventDispatcher()
    dispatcher.subscribe(OrderPlaced, reserve)
    await dispatcher.publish(OrderPlaced, { order: 1 })
    await using tested = await testedBus({ handlers: [handler(OrderPlaced, reserve)] })
    await tested.bus.publish(OrderPlaced, { order: 2 })
    await quiet()
    expect(got).toEqual([1, 2])
  })
})
