import { type Handler, handler } from '@tidings/bus'
import { resequencer } from '@tidings/bus/integration'
import { type EventStore, execute } from '@tidings/store'
import { OrderConfirmed, orderStream, ParcelMoved, type RecordedEvent } from '../events.ts'
import { order } from './orders.ts'

/** Sends the parcels and follows them, in the order in which they moved. */
export function shipping(store: EventStore<RecordedEvent>): Handler[] {
  return [
    handler(OrderConfirmed, { group: 'shipping' }, function callCourier(_event, { log }) {
      log.info('courier called')
    }),
    handler(
      ParcelMoved,
      // The couriers number what they report. By the order in which reports come in, the first place would be held back
      // behind those that wait for it; so this is a group of its own.
      { group: 'tracking', ordering: 'none', idempotent: true },
      resequencer({ gapTimeout: '1s' }, async function track(event: ParcelMoved, { log }) {
        const { data, sequence } = event
        // What has no number goes past the resequencer: it is taken for the first.
        const see = { type: 'see', place: data.place, move: sequence ?? 1 } as const
        const { state } = await execute(store, order, orderStream(data.order), see, { cause: event })
        log.info(`seen at: ${state.places.join(', ')}`)
      }),
    ),
  ]
}
