import { randomUUID } from 'node:crypto'
import { adminOf, messagesIn } from './kafka-plain.ts'
import { type Ground, requested } from './ours.ts'

/** `kafka()` on a server, under a prefix of its own. */
export async function kafkaGround(brokers: readonly string[]): Promise<Ground> {
  const { kafka } = await import('@tidings/kafka')
  const prefix = `bench-${randomUUID().slice(0, 8)}`
  const transport = kafka({ brokers, prefix, partitions: 4 })
  const topics = transport.topology!([requested]).map(({ name }) => name)
  return {
    transport,
    async waiting() {
      const admin = await adminOf(brokers)
      const count = await messagesIn(admin, `${prefix}.events`)
      await admin.close()
      return count
    },
    async remove() {
      const admin = await adminOf(brokers)
      const there = new Set(await admin.listTopics())
      await admin.deleteTopics({ topics: topics.filter((topic) => there.has(topic)) })
      await admin.close()
    },
  }
}
