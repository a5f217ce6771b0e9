import { type Handler, handler } from '@tidings/bus'
import { resequencer } from '@tidings/bus/integration'
import { OrderConfirmed, ParcelMoved } from '../events.ts'

/** Where the parcel of each order was seen, oldest first. */
export type Parcels = Map<number, string[]>

/** Sends the parcels and follows them, in the order in which they moved. */
export function shipping(parcels: Parcels): Handler[] {
  const placesOf = (order: number): string[] => {
    const places = parcels.get(order) ?? []
    parcels.set(order, places)
    return places
  }
  return [
    handler(OrderConfirmed, { group: 'shipping' }, function callCourier({ data: { order } }, { log }) {
      placesOf(order)
      log.info('courier called')
    }),
    handler(
      ParcelMoved,
      // The couriers number what they report. By the order in which reports come in, the first place would be held back
      // behind those that wait for it; so this is a group of its own.
      { group: 'tracking', ordering: 'none', idempotent: true },
      resequencer({ gapTimeout: '1s' }, function track({ data: { order, place } }: ParcelMoved, { log }) {
        const places = placesOf(order)
        places.push(place)
        log.info(`seen at: ${places.join(', ')}`)
      }),
    ),
  ]
}
