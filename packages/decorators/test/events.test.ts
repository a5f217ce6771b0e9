import { EventDispatcher } from '@tidings/core'
import { defineEvent, type EventOf } from '@tidings/events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { filtered, idempotent, on, register, resequenced } from '../src/index.ts'

// With the events of @tidings/events, which are what these decorators are for.

const OrderPlaced = defineEvent('shop.order.placed', z.object({ item: z.string(), quantity: z.int() }))
type OrderPlaced = EventOf<typeof OrderPlaced>
const OrderShipped = defineEvent('shop.order.shipped', z.object({ item: z.string() }))
type OrderShipped = EventOf<typeof OrderShipped>

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

class Warehouse {
  readonly seen: string[] = []

  @on(OrderPlaced) @idempotent() async reserve(event: OrderPlaced): Promise<void> {
    this.seen.push(`reserve ${event.data.quantity}`)
  }

  @on(OrderPlaced) @filtered((event: OrderPlaced) => event.data.quantity > 10) inspect(event: OrderPlaced): void {
    this.seen.push(`inspect ${event.data.item}`)
  }

  @on(OrderPlaced) @on(OrderShipped) @resequenced() async log(event: OrderPlaced | OrderShipped): Promise<void> {
    this.seen.push(`log ${event.sequence}`)
  }

  // @ts-expect-error -- the payload of another event
  @on(OrderPlaced) wrong(event: OrderShipped): void {
    this.seen.push(`wrong ${event.type}`)
  }
}

test('events reach the methods typed and validated, once, and in order over their types', async () => {
  const source = '/test/warehouse'
  const events = [
    OrderPlaced.create({ item: 'Book', quantity: 20 }, { source }),
    OrderShipped.create({ item: 'Book' }, { source }),
    OrderPlaced.create({ item: 'Pen', quantity: 2 }, { source }),
  ] as const
  expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3])

  const warehouse = new Warehouse()
  const dispatcher = new EventDispatcher()
  using _ = register(dispatcher, warehouse)
  for (const event of [events[2], events[0], events[1], events[0]]) dispatcher.publish(event)
  await vi.runAllTimersAsync()

  const of = (word: string) => warehouse.seen.filter((line) => line.startsWith(word))
  expect(of('reserve')).toEqual(['reserve 2', 'reserve 20'])
  expect(of('inspect')).toEqual(['inspect Book', 'inspect Book'])
  expect(of('log')).toEqual(['log 1', 'log 2', 'log 3', 'log 1'])
})
