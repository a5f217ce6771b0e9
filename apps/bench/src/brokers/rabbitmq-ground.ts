import { randomUUID } from 'node:crypto'
import { type Ground, requested } from './ours.ts'
import { connect, messagesIn } from './rabbitmq-plain.ts'

/** `rabbitmq()` on a server, under a prefix of its own. */
export async function rabbitmqGround(url: string): Promise<Ground> {
  const { rabbitmq } = await import('@tidings/rabbitmq')
  const prefix = `bench-${randomUUID().slice(0, 8)}`
  const transport = rabbitmq({ url, prefix })
  const parts = transport.topology!([requested])
  return {
    transport,
    async waiting() {
      const connection = await connect(url)
      const queue = parts.find(({ kind, name }) => kind === 'queue' && name.startsWith(`${prefix}.group.`))!
      const count = await messagesIn(connection, queue.name)
      await connection.close()
      return count
    },
    async remove() {
      const connection = await connect(url)
      const channel = await connection.createChannel()
      for (const { kind, name } of parts) {
        if (kind === 'queue') await channel.deleteQueue(name)
        if (kind === 'exchange') await channel.deleteExchange(name)
      }
      await connection.close()
    },
  }
}
