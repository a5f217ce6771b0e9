import { type Bus, createBus, handler, memoryInbox, PermanentError } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { afterAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { rabbitmq } from '../src/index.ts'
import { onChannel } from './fixtures/broker.ts'
import { anyServer } from './fixtures/server.ts'

const rabbit = await anyServer()
afterAll(() => rabbit?.close())

const OrderPlaced = defineEvent('dead.order.placed', {
  schema: z.object({ id: z.string() }),
  key: ({ id }) => id,
})

describe.runIf(rabbit !== undefined)('on a broker', () => {
  const { url } = rabbit!
  const transport = () => rabbitmq({ url, prefix: 'letters', delays: ['100ms', '1s'] })
  const start = (run: (id: string) => void): Promise<Bus> =>
    createBus({
      source: '/dead',
      transport: transport(),
      inbox: memoryInbox(),
      log: false,
      handlers: [
        handler(
          OrderPlaced,
          { group: 'billing', idempotent: true, retry: { attempts: 2, delay: '10ms' } },
          ({ data }) => run(data.id),
        ),
      ],
    })

  test('handlers with the default policies start, and what they give up is seen with its reason by any tool of the broker', async () => {
    const bus = await start((id) => {
      if (id === 'declined') throw new PermanentError('card declined', { details: { card: '4242' } })
      throw new TypeError('no such customer')
    })
    await bus.publish(OrderPlaced, { id: 'declined' })
    const event = await bus.publish(OrderPlaced, { id: 'unknown' })
    const queue = 'letters.dead.dead.billing'
    const letters = await onChannel(url, async (channel) => {
      await expect.poll(async () => (await channel.checkQueue(queue)).messageCount).toBe(2)
      const [first, second] = [await channel.get(queue), await channel.get(queue)]
      return [first, second].map((letter) => letter || undefined)
    })
    const byId = letters.find((letter) => letter?.properties.messageId === event.id)
    const headers = byId?.properties.headers as Record<string, string>
    expect(JSON.parse(String(byId?.content))).toEqual({ id: 'unknown' })
    expect(headers).toMatchObject({
      cloudEvents_type: 'dead.order.placed',
      'x-tidings-dead-group': 'dead.billing',
      'x-tidings-dead-reason': 'attempts-exhausted',
      'x-tidings-dead-attempts': '2',
      'x-tidings-dead-id': `dead.billing~~~2fdead~~${event.id}`,
    })
    expect(JSON.parse(headers['x-tidings-dead-error']!)).toMatchObject({
      name: 'TypeError',
      message: 'no such customer',
    })
    const declined = letters.find((letter) => letter?.properties.messageId !== event.id)?.properties.headers
    expect(declined?.['x-tidings-dead-reason']).toBe('permanent-error')
    expect(JSON.stringify(declined)).not.toContain('4242')
    await bus.close()
  })

  test('they are replayed as a whole to their group, and handled once', async () => {
    const handled: string[] = []
    const bus = await start((id) => void handled.push(id))
    const result = await bus.deadLetters.replay({ group: 'billing' }, { rate: 1000 })
    expect(result).toEqual({ replayed: 2, skipped: 0, failed: [], ended: 'complete' })
    await expect.poll(() => handled.toSorted()).toEqual(['declined', 'unknown'])
    expect(await bus.deadLetters.replay({ group: 'billing' })).toMatchObject({ replayed: 0, ended: 'complete' })
    await bus.close()
  })

  test('a letter whose queue was deleted underneath is kept nevertheless: its event stays, and is parked when the queue is back', async () => {
    const bus = await start(() => {
      throw new PermanentError('declined')
    })
    await onChannel(url, async (channel) => {
      await channel.deleteQueue('letters.dead.dead.billing')
      await bus.publish(OrderPlaced, { id: 'late' })
      await new Promise((resolve) => setTimeout(resolve, 300))
      await channel.assertQueue('letters.dead.dead.billing', {
        durable: true,
        arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000_000_000 },
      })
      await expect
        .poll(async () => (await channel.checkQueue('letters.dead.dead.billing')).messageCount, { timeout: 20_000 })
        .toBe(1)
    })
    await bus.close()
  })
})
