import { createBus, handler, memory, PermanentError } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { z } from 'zod'

const ParcelSent = defineEvent('shop.parcel.sent', z.object({ parcel: z.int(), country: z.string() }))

const customs = handler(ParcelSent, { group: 'customs' }, ({ data }) => {
  if (data.country === 'Utopia') throw new PermanentError(`there is no ${data.country}`)
  console.log(`Customs: parcel ${data.parcel} to ${data.country}`)
})
const insurance = handler(ParcelSent, { group: 'insurance' }, ({ data }) =>
  console.log(`Insured: parcel ${data.parcel}`),
)

await using bus = await createBus({
  source: '/shop',
  transport: memory(),
  handlers: [customs, insurance],
  log: false,
  observer: { deadLettered: ({ group, reason }) => console.log(`Parked for ${group}: ${reason}`) },
})
await bus.publish(ParcelSent, { parcel: 1, country: 'Utopia' })
await bus.idle()

for await (const { error, message } of bus.deadLetters.list()) {
  console.log(`${String(message.attributes['type'])}: ${error?.message}`)
}
// Only the group that gave it up gets it again; nothing is insured twice.
await bus.deadLetters.replay({ group: 'customs' }, { edit: (data) => ({ ...(data as object), country: 'Iceland' }) })
await bus.idle()
console.log(`${await bus.deadLetters.count()} dead letters left`)
