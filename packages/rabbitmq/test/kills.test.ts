import { type Bus, createBus, handler, PermanentError } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { isTidingsError } from '@tidings/core'
import { afterAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { rabbitmq } from '../src/index.ts'
import { onChannel } from './fixtures/broker.ts'
import { privateServer } from './fixtures/server.ts'

const server = await privateServer()
afterAll(() => server?.stop())

/** How often the broker is killed: a few times in each run, 200 by `TIDINGS_KILLS=200`. */
const kills = Number(process.env['TIDINGS_KILLS'] ?? 2)
const publishers = 100

const Counted = defineEvent('kills.counted', {
  schema: z.object({ key: z.string(), n: z.int() }),
  key: ({ key }) => key,
})

/** What came of all events. */
class Book {
  readonly confirmed = new Set<string>()
  readonly handled = new Set<string>()
  readonly parked = new Set<string>()
  /** How often a publish was made again, and an event handled again. */
  republished = 0
  duplicates = 0
  readonly outOfOrder: string[] = []
  readonly #last = new Map<string, number>()

  handle(key: string, n: number): void {
    const name = `${key} ${n}`
    const isDeclined = n % 20 === 19
    const isNew = !this.handled.has(name) && !this.parked.has(name)
    if (isNew) this.#note(key, n)
    else this.duplicates++
    const { parked, handled } = this
    ;(isDeclined ? parked : handled).add(name)
    if (isDeclined) throw new PermanentError('one in twenty is declined')
  }

  /** The first time is what counts: a broker hands out again what it has no answer to. */
  #note(key: string, n: number): void {
    const name = `${key} ${n}`
    const last = this.#last.get(key) ?? -1
    if (n < last) this.outOfOrder.push(`${name} came behind ${last}`)
    this.#last.set(key, Math.max(last, n))
  }
}

describe.runIf(server !== undefined)('on a broker', () => {
  const transport = (partitions: number) =>
    rabbitmq({
      url: server!.url,
      prefix: `kills-${partitions}`,
      partitions,
      heartbeat: '2s',
      backoff: { min: 20, max: 500 },
      delays: ['250ms', '1s'],
    })

  test.each([1, 4])(
    'INVARIANT: every confirmed event is handled or parked, in the order of its key, however often the broker is killed; %i partitions',
    { timeout: 120_000 + kills * 60_000 },
    async (partitions) => {
      const book = new Book()
      const counting = handler(
        Counted,
        { group: 'counting', concurrency: 50, retry: { attempts: 3, delay: '20ms' } },
        ({ data: { key, n } }) => book.handle(key, n),
      )
      const start = (handlers: readonly (typeof counting)[]): Promise<Bus> =>
        createBus({ source: '/kills', transport: transport(partitions), handlers, log: false })
      const [consumer, other] = [await start([counting]), await start([counting])]
      const lines = await Promise.all([start([]), start([]), start([]), start([])])
      const done = new AbortController()

      /** One key, one event after the other; what nobody knows of is published again. */
      const publish = async (index: number): Promise<void> => {
        const bus = lines[index % lines.length]!
        const key = `key-${index}`
        for (let n = 0; !done.signal.aborted; n++) {
          const event = Counted.create({ key, n }, { source: '/kills' })
          for (let isKnown = false; !isKnown;) {
            try {
              await bus.publish(event, { timeout: '30s' })
              isKnown = true
            } catch (error) {
              if (!isTidingsError(error)) throw error
              book.republished++
            }
          }
          book.confirmed.add(`${key} ${n}`)
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
      }
      const publishing = Array.from({ length: publishers }, (_, index) => publish(index))
      // What a quorum queue takes until it keeps what it confirms.
      await new Promise((resolve) => setTimeout(resolve, 2000))
      for (let kill = 0; kill < kills; kill++) {
        await new Promise((resolve) => setTimeout(resolve, 500 + 1000 * Math.random()))
        await server!.kill()
        await server!.start()
      }
      await new Promise((resolve) => setTimeout(resolve, 500))
      done.abort()
      await Promise.all(publishing)

      const missing = (): string[] =>
        [...book.confirmed].filter((name) => !book.handled.has(name) && !book.parked.has(name))
      await expect.poll(missing, { timeout: 60_000, interval: 200 }).toEqual([])
      const dead = await onChannel(server!.url, async (channel) => {
        const queue = `kills-${partitions}.dead.kills.counting`
        const ids = new Set<string>()
        for (let letter = await channel.get(queue); letter; letter = await channel.get(queue)) {
          const { key, n } = JSON.parse(letter.content.toString()) as { key: string; n: number }
          ids.add(`${key} ${n}`)
        }
        return ids
      })
      console.log(
        `${kills} kills, ${partitions} partitions: ${book.confirmed.size} confirmed, ${book.handled.size} handled, ${dead.size} dead letters, ${book.duplicates} handled again, ${book.republished} published again`,
      )
      expect(book.outOfOrder).toEqual([])
      expect([...book.parked].filter((name) => !dead.has(name))).toEqual([])
      expect(book.confirmed.size).toBeGreaterThan(publishers)
      await Promise.all([consumer, other, ...lines].map((bus) => bus.close()))
    },
  )
})
