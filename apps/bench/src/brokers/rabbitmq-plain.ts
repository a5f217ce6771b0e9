import { randomUUID } from 'node:crypto'
import type { Channel, ChannelModel, ConsumeMessage, Options } from 'amqplib'
import { inFlight } from '../run/orders.ts'
import type { BrokerClient } from './client.ts'
import { plainMessage } from './message.ts'

/** Acknowledgements that are gathered at most. */
const perAck = 100

/**
 * amqplib at its best: no Nagle, a topic exchange with one quorum queue, mandatory publishes that are confirmed, and
 * acknowledgements of many at once.
 */
export function plainRabbitmq(url: string): BrokerClient {
  return {
    async publisher() {
      const connection = await connect(url)
      const { exchange, queue } = await place(connection)
      const channel = await connection.createConfirmChannel()
      const publish = (at: number): Promise<void> => {
        const { body, options } = messageOf(at)
        return new Promise((resolve, reject) => {
          channel.publish(exchange, 'bench.order.placed', body, options, (error) => {
            if (error) reject(error as Error)
            else resolve()
          })
        })
      }
      return {
        publish,
        kept: () => messagesIn(connection, queue),
        close: () => remove(connection, exchange, queue),
      }
    },
    async consumer({ prefetch, waiting, handle }) {
      const connection = await connect(url)
      const { exchange, queue } = await place(connection)
      const filling = await connection.createConfirmChannel()
      await inFlight(1000, waiting, (at) => {
        const { body, options } = messageOf(at)
        return new Promise<void>((resolve, reject) => {
          filling.publish(exchange, 'bench.order.placed', body, options, (error) => {
            if (error) reject(error as Error)
            else resolve()
          })
        })
      })
      await filling.close()
      const channel = await connection.createChannel()
      await channel.prefetch(prefetch)
      const acks = new Acks(channel, Math.min(perAck, prefetch))
      await channel.consume(queue, (message) => {
        const handled = handle()
        if (handled === undefined) acks.add(message!)
        else void handled.then(() => acks.add(message!))
      })
      return {
        async close() {
          await channel.close()
          await remove(connection, exchange, queue)
        },
      }
    },
  }
}

/** In the order of the deliveries, so that one acknowledgement may stand for all before it. */
class Acks {
  readonly #channel: Channel
  readonly #most: number
  #last: ConsumeMessage | undefined
  #count = 0

  constructor(channel: Channel, most: number) {
    this.#channel = channel
    this.#most = most
  }

  add(message: ConsumeMessage): void {
    this.#last = message
    if (++this.#count >= this.#most) this.#send()
    else if (this.#count === 1) setImmediate(() => this.#send())
  }

  #send(): void {
    if (this.#last === undefined) return
    this.#channel.ack(this.#last, true)
    this.#last = undefined
    this.#count = 0
  }
}

export async function connect(url: string): Promise<ChannelModel> {
  const amqp = await import('amqplib')
  return amqp.connect(`${url}?heartbeat=10`, { noDelay: true })
}

async function place(connection: ChannelModel): Promise<{ exchange: string; queue: string }> {
  const [exchange, queue] = [`bench-${randomUUID()}`, `bench-${randomUUID()}`]
  const channel = await connection.createChannel()
  await channel.assertExchange(exchange, 'topic', { durable: true })
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
  await channel.bindQueue(queue, exchange, 'bench.order.placed')
  await channel.close()
  return { exchange, queue }
}

function messageOf(at: number): { body: Buffer; options: Options.Publish } {
  const { body, headers } = plainMessage(at)
  return {
    body: Buffer.from(body),
    options: {
      persistent: true,
      mandatory: true,
      contentType: 'application/json',
      messageId: headers['id']!,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [`cloudEvents:${name}`, value])),
    },
  }
}

/** A quorum queue counts a moment after it has confirmed. */
export async function messagesIn(connection: ChannelModel, queue: string): Promise<number> {
  const channel = await connection.createChannel()
  let count = -1
  for (let look = 0; look < 100; look++) {
    const { messageCount } = await channel.checkQueue(queue)
    if (messageCount === count) break
    count = messageCount
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  await channel.close()
  return count
}

async function remove(connection: ChannelModel, exchange: string, queue: string): Promise<void> {
  const channel = await connection.createChannel()
  await channel.deleteQueue(queue)
  await channel.deleteExchange(exchange)
  await connection.close()
}
