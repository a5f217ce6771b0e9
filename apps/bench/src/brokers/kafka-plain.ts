import { randomUUID } from 'node:crypto'
import type { Admin, Consumer as KafkaConsumer, Message, Producer } from '@platformatic/kafka'
import { inFlight } from '../run/orders.ts'
import type { BrokerClient } from './client.ts'
import { plainMessage } from './message.ts'

/** Messages in one request at most: larger ones are slower. */
const perRequest = 200
const requests = 5
/** Bytes of one fetch at most: with the default the whole backlog is in memory, and most of the speed is gone. */
const maxBytes = 2 ** 18
const partitions = 4

/**
 * The client of Platformatic at its best: publishes are gathered into requests by hand, with `acks: -1`; consumed from one
 * group, whose offsets are committed every 100 ms.
 */
export function plainKafka(brokers: readonly string[]): BrokerClient {
  return {
    async publisher() {
      const admin = await adminOf(brokers)
      const topic = await place(admin)
      const sender = await Sender.open(brokers, topic)
      return {
        publish: (at) => sender.send(at),
        kept: () => messagesIn(admin, topic),
        async close() {
          await sender.close()
          await remove(admin, topic)
        },
      }
    },
    async consumer({ waiting, handle }) {
      const admin = await adminOf(brokers)
      const topic = await place(admin)
      const sender = await Sender.open(brokers, topic)
      await inFlight(1000, waiting, (at) => sender.send(at))
      await sender.close()
      const consumer = await consume(brokers, topic, handle)
      return {
        async close() {
          await consumer.close(true)
          await remove(admin, topic)
        },
      }
    },
  }
}

/** Gathers what is sent in one turn of the event loop, and while all requests are under way. */
class Sender {
  readonly #producer: Producer<string, string, string, string>
  readonly #topic: string
  #waiting: { readonly at: number; readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = []
  #underWay = 0
  #isAsked = false

  private constructor(producer: Producer<string, string, string, string>, topic: string) {
    this.#producer = producer
    this.#topic = topic
  }

  static async open(brokers: readonly string[], topic: string): Promise<Sender> {
    const { compatibilityPartitioner, Producer, stringSerializers } = await import('@platformatic/kafka')
    const producer = new Producer({
      clientId: 'bench',
      bootstrapBrokers: [...brokers],
      serializers: stringSerializers,
      acks: -1,
      partitioner: compatibilityPartitioner,
      maxInflights: requests,
    })
    return new Sender(producer, topic)
  }

  send(at: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ at, resolve, reject })
      if (this.#isAsked) return
      this.#isAsked = true
      setImmediate(() => {
        this.#isAsked = false
        this.#flush()
      })
    })
  }

  close(): Promise<void> {
    return this.#producer.close()
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#underWay < requests) {
      const batch = this.#waiting.splice(0, perRequest)
      this.#underWay++
      const messages = batch.map(({ at }) => {
        const { key, body, headers } = plainMessage(at)
        const named = Object.entries(headers).map(([name, value]) => [`ce_${name}`, value])
        return { topic: this.#topic, key, value: body, headers: Object.fromEntries(named) as Record<string, string> }
      })
      this.#producer.send({ messages }).then(
        () => {
          this.#underWay--
          for (const { resolve } of batch) resolve()
          this.#flush()
        },
        (error: unknown) => {
          this.#underWay--
          for (const { reject } of batch) reject(error)
          this.#flush()
        },
      )
    }
  }
}

async function consume(
  brokers: readonly string[],
  topic: string,
  handle: () => void | Promise<void>,
): Promise<KafkaConsumer<string, string, string, string>> {
  const { Consumer, stringDeserializers } = await import('@platformatic/kafka')
  const consumer = new Consumer({
    clientId: 'bench',
    groupId: `bench-${randomUUID()}`,
    bootstrapBrokers: [...brokers],
    deserializers: stringDeserializers,
    autocommit: 100,
    maxBytes,
    highWaterMark: 1024,
  })
  consumer.on('error', () => {})
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest' })
  stream.on('error', () => {})
  stream.on('data', (message: Message<string, string, string, string>) => {
    // As whoever uses it reads it.
    JSON.parse(message.value)
    const handled = handle()
    if (handled === undefined) return
    stream.pause()
    void handled.then(() => stream.resume())
  })
  return consumer
}

export async function adminOf(brokers: readonly string[]): Promise<Admin> {
  const { Admin } = await import('@platformatic/kafka')
  return new Admin({ clientId: 'bench', bootstrapBrokers: [...brokers] })
}

async function place(admin: Admin): Promise<string> {
  const topic = `bench-${randomUUID()}`
  await admin.createTopics({ topics: [topic], partitions, replicas: 1 })
  return topic
}

/** The ends of all partitions of a topic, added up. */
export async function messagesIn(admin: Admin, topic: string): Promise<number> {
  const metadata = await admin.metadata({ topics: [topic] })
  const indexes = [...metadata.topics.get(topic)!.partitions.keys()]
  const latest = -1n
  const [listed] = await admin.listOffsets({
    topics: [{ name: topic, partitions: indexes.map((partitionIndex) => ({ partitionIndex, timestamp: latest })) }],
  })
  return listed!.partitions.reduce((sum, { offset }) => sum + Number(offset), 0)
}

async function remove(admin: Admin, topic: string): Promise<void> {
  await admin.deleteTopics({ topics: [topic] })
  await admin.close()
}
