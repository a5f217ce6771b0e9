import { expect, test } from 'vitest'
import { handler, memory } from '../src/index.ts'
import { deliveryHeaders } from '../src/transport/index.ts'
import { connectTo, quiet, RecordingMember } from './support/recording-member.ts'
import { OrderPlaced, testedBus } from './support/shop.ts'

test('an event that could not be parked bears why its handler failed, not why its letter was refused', async () => {
  const transport = memory({ maxDeadLetters: 0 })
  const tested = await testedBus({
    transport,
    handlers: [
      handler(OrderPlaced, { group: 'billing', retry: false }, () => {
        throw new TypeError('the bank is closed')
      }),
    ],
  })
  await tested.bus.publish(OrderPlaced, { order: 1 })
  await quiet()
  expect((await tested.bus.health()).groups).toMatchObject([{ retrying: 1, held: 0 }])
  await tested.bus.close()
  const { connection } = await connectTo(transport, tested.clock)
  const member = await RecordingMember.join(connection, { group: 'shop.billing', types: [OrderPlaced.type] })
  tested.clock.advance(1000)
  await quiet()
  const { headers } = member.deliveries[0]!.message
  expect(JSON.parse(headers[deliveryHeaders.lastError]!)).toEqual({ name: 'TypeError', message: 'the bank is closed' })
})
