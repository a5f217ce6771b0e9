import { on, register, type Registration, resequenced } from '@tidings/decorators'
import { OrderConfirmed, ParcelMoved } from '../events.ts'
import type { Surroundings } from './module.ts'

// The couriers number what they report. By the order in which reports come in, the first place would be held back
// behind those that wait for it.
const asNumbered = { name: 'Shipping.track', ordering: 'none' } as const

/** Sends the parcels and follows them, in the order in which they moved. Written as a class, to show the method form. */
export function shipping({ events, narrator }: Surroundings): Registration {
  const told = narrator.told('shipping')

  class Shipping {
    readonly #places = new Map<number, string[]>()

    @on(OrderConfirmed)
    @told
    callCourier(event: OrderConfirmed): string {
      this.#places.set(event.data.order, [])
      return 'courier called'
    }

    @on(ParcelMoved, asNumbered)
    @resequenced({ gapTimeout: '1s' })
    @told
    async track(event: ParcelMoved): Promise<string | undefined> {
      const places = this.#places.get(event.data.order) ?? []
      places.push(event.data.place)
      return `seen at: ${places.join(', ')}`
    }
  }

  return register(events, new Shipping())
}
