// Shipping events arrive in any order; each carries its number in the sequence of its source.
import { EventDispatcher } from '@tidings/core'
import { resequenced } from '@tidings/decorators'
import { defineEvent, type EventOf } from '@tidings/events'
import { z } from 'zod'

const ParcelMoved = defineEvent('shipping.parcel.moved', z.object({ place: z.string() }))
type ParcelMoved = EventOf<typeof ParcelMoved>

const dispatcher = new EventDispatcher()
const track = resequenced({ gapTimeout: '5s' })((event: ParcelMoved) => {
  console.log(`${event.sequence}: ${event.data.place}`)
})
dispatcher.subscribe(ParcelMoved, track)

const places = ['warehouse', 'harbour', 'train', 'doorstep']
const events = places.map((place, i) => ParcelMoved.create({ place }, { source: '/parcels/7', sequence: i + 1 }))
for (const i of [1, 0, 3, 2]) {
  console.log(`arrives: ${events[i]!.data.place}`)
  dispatcher.publish(events[i]!)
}
