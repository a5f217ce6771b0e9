import { type Delivery, handled } from '@tidings/bus/transport'
import { afterAll, describe, expect, test } from 'vitest'
import { rabbitmq } from '../src/index.ts'
import { connectTo, group, type Line } from './fixtures/connect.ts'
import { anyServer } from './fixtures/server.ts'

const rabbit = await anyServer()
afterAll(() => rabbit?.close())

/** How often a member comes and another one goes: 60 by `TIDINGS_REBALANCES=60`. */
const rounds = Number(process.env['TIDINGS_REBALANCES'] ?? 6)
const partitions = 8
const keys = 40

describe.runIf(rabbit !== undefined)('on a broker', () => {
  const transport = rabbitmq({ url: rabbit!.url, prefix: 'rebalance', partitions, heartbeat: '2s' })
  const request = group('rolling', { types: ['test.rolling'], ordered: true, prefetch: 20 })

  test(
    'INVARIANT: members that come and go under load lose nothing, share the work, and keep the order of each key',
    { timeout: 120_000 + rounds * 5000 },
    async () => {
      const last = new Map<string, number>()
      const seen = new Set<string>()
      const outOfOrder: string[] = []
      const shares = new Map<number, number>()
      let again = 0
      let members = 0

      /** Works as the bus does: one of a key after the other, each some time under way. */
      const join = async (): Promise<{ leave(): Promise<void> }> => {
        const number = members++
        const line = await connectTo(transport)
        const lanes = new Map<string, Promise<void>>()
        const work = async ({ message, lost, settle }: Bound): Promise<void> => {
          if (lost.aborted) return
          const [key, n] = [String(message.attributes['subject']), Number(message.attributes['id'])]
          await new Promise((resolve) => setTimeout(resolve, n % 5))
          if (lost.aborted) return
          if (seen.has(`${key} ${n}`)) again++
          else if (n !== (last.get(key) ?? -1) + 1) outOfOrder.push(`${key}: ${n} behind ${last.get(key)}`)
          seen.add(`${key} ${n}`)
          last.set(key, Math.max(n, last.get(key) ?? -1))
          shares.set(number, (shares.get(number) ?? 0) + 1)
          await settle(handled)
        }
        const membership = await line.subscribe(request, (delivery) => {
          const key = String(delivery.message.attributes['subject'])
          lanes.set(
            key,
            (lanes.get(key) ?? Promise.resolve()).then(() => work(bound(delivery))),
          )
        })
        return {
          async leave() {
            await membership.stop()
            // What it was handed it ends, as the bus does.
            await Promise.all(lanes.values())
            await line.close()
          },
        }
      }

      const publisher: Line = await connectTo(transport)
      const running = [await join(), await join()]
      const done = new AbortController()
      const counts = new Map<string, number>()
      const publish = async (key: string): Promise<void> => {
        for (let n = 0; !done.signal.aborted; n++) {
          await publisher.publish({ message: publisher.message({ key, id: String(n), type: 'test.rolling' }) })
          counts.set(key, n)
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
      }
      const publishing = Array.from({ length: keys }, (_, index) => publish(`key-${index}`))
      for (let round = 0; round < rounds; round++) {
        await new Promise((resolve) => setTimeout(resolve, 500))
        running.push(await join())
        await new Promise((resolve) => setTimeout(resolve, 500))
        await running.shift()!.leave()
      }
      done.abort()
      await Promise.all(publishing)
      const total = [...counts.values()].reduce((sum, n) => sum + n + 1, 0)
      await expect.poll(() => seen.size, { timeout: 30_000 }).toBe(total)
      expect(outOfOrder).toEqual([])
      // Nothing is handed out twice where everybody leaves in order.
      expect(again).toBe(0)
      expect(shares.size).toBe(members)
      console.log(
        `${rounds} rounds: ${total} handled, by each of ${members} members: ${[...shares.values()].join(', ')}`,
      )
      await Promise.all(running.map((member) => member.leave()))
      await publisher.close()
    },
  )
})

interface Bound extends Pick<Delivery, 'message' | 'lost'> {
  settle(settlement: typeof handled): unknown
}

function bound(delivery: Delivery): Bound {
  return {
    message: delivery.message,
    lost: delivery.lost,
    settle: (settlement) => delivery.settle(settlement),
  }
}
