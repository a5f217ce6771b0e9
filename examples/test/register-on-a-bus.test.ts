import { createBus, memory } from '@tidings/bus'
import { on, register } from '@tidings/decorators'
import { defineEvent, type EventOf } from '@tidings/events'
import { expect, test } from 'vitest'
import { z } from 'zod'

// Neither package knows the other, so what they promise of each other is tested where both are at hand.
const OrderPlaced = defineEvent('shop.order.placed', z.object({ order: z.int() }))

test('an instance with @on is registered on a bus as on a dispatcher', async () => {
  const got: string[] = []
  class Warehouse {
    readonly #told: (() => void)[] = []

    @on(OrderPlaced)
    reserve(event: EventOf<typeof OrderPlaced>): void {
      got.push(`reserve ${event.data.order}`)
      for (const tell of this.#told) tell()
    }

    /** Resolves when the next order has been reserved. */
    reserved(): Promise<void> {
      return new Promise((resolve) => this.#told.push(resolve))
    }
  }
  const warehouse = new Warehouse()
  await using bus = await createBus({ source: '/shop', transport: memory() })
  using registration = register(bus, warehouse)
  await bus.ready()
  const reserved = warehouse.reserved()
  await bus.publish(OrderPlaced, { order: 1 })
  await reserved
  expect(got).toEqual(['reserve 1'])
  expect(bus.describe().handlers).toMatchObject([{ group: 'shop.Warehouse-reserve', name: 'Warehouse.reserve' }])
  expect(registration.size).toBe(1)
})
