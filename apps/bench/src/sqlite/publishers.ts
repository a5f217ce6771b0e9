import { createRequire } from 'node:module'
import type { Bus } from '@tidings/bus'
import type { Contender } from './duel.ts'
import { type Contents, contentsOf, type Durability, hold } from './files.ts'
import { log, quantity } from './limit.ts'
import { inFlight, orderAt, orderPlaced, sumOf } from '../run/orders.ts'

/** How it is published: so many callers, each of whom waits for its own before it publishes the next. */
export interface PublisherOptions {
  readonly file: string
  readonly durability: Durability
  readonly inFlight: number
  /** Events that are in the log before, as the loop has left them there; default 0. */
  readonly before?: number | undefined
}

/** What a file has before is to stay, whatever comes to it: it is counted at the end. */
export function keeping({ before = 0 }: Pick<PublisherOptions, 'before'>): { readonly retention?: { count: number } } {
  return before === 0 ? {} : { retention: { count: Infinity } }
}

/** What the log is to hold at the end. */
export function logged({ before = 0 }: Pick<PublisherOptions, 'before'>, count: number): Contents {
  return { rows: before + count, sum: sumOf(before) + sumOf(count) }
}

/** `bus.publish` on `sqlite()`, for a group that is handled elsewhere. */
export async function tidingsPublisher(options: PublisherOptions): Promise<Contender> {
  const { createBus } = await import('@tidings/bus')
  const { sqlite } = await import('@tidings/sqlite')
  const definition = await orderPlaced()
  const { file, durability } = options
  await makeGroup(options)
  const transport = sqlite({ file, synchronous: durability, ...keeping(options) })
  const bus = await createBus({ source: '/bench', transport, log: false })
  return publishing(options, (at) => bus.publish(definition, orderAt(at)), bus)
}

/** The transport alone: it is handed messages that were made before. */
export async function transportPublisher(options: PublisherOptions): Promise<Contender> {
  const { createBus, systemClock } = await import('@tidings/bus')
  const { encodeEvent } = await import('@tidings/events')
  const { sqlite } = await import('@tidings/sqlite')
  const definition = await orderPlaced()
  await makeGroup(options)
  const transport = sqlite({ file: options.file, synchronous: options.durability })
  const connection = await transport.connect({
    name: '/bench',
    clock: systemClock,
    onState: () => {},
    onUnroutable: () => {},
  })
  const messages = Array.from({ length: 1000 }, (_, at) => {
    return { message: { ...encodeEvent(definition.create(orderAt(at), { source: '/bench' })), headers: {} } }
  })
  const bus = await createBus({ source: '/bench', transport, log: false })
  const close = async (): Promise<void> => {
    await connection.close()
    await bus.close()
  }
  return publishing(options, async (at) => connection.publish(messages[at % 1000]!), { groups: bus.groups, close })
}

/** Makes the group that all of it waits for: nobody reads the log while it is published to. */
async function makeGroup({ file, durability, before }: PublisherOptions): Promise<void> {
  const { createBus, handler } = await import('@tidings/bus')
  const { sqlite } = await import('@tidings/sqlite')
  const handlers = [handler(await orderPlaced(), { group: 'orders' }, () => {})]
  const transport = sqlite({ file, synchronous: durability, ...keeping({ before }) })
  const consumer = await createBus({ source: '/bench', handlers, transport, log: false })
  await consumer.close()
}

function publishing(
  options: PublisherOptions,
  publish: (at: number) => Promise<unknown>,
  bus: Pick<Bus, 'groups' | 'close'>,
): Contender {
  const { file, inFlight: callers } = options
  const sink = { count: 0 }
  return {
    subject: {
      sink,
      run: async (count) => {
        const from = sink.count
        await inFlight(callers, count * callers, async (at) => {
          await publish(from + at)
          sink.count++
        })
      },
      deliveries: (count) => count * callers,
      units: callers,
    },
    close: async () => {
      const [group] = await bus.groups.list()
      await bus.close()
      hold('tidings', contentsOf(file, log, quantity), logged(options, sink.count))
      if (group?.waiting !== sink.count) throw new Error(`${group?.waiting} of ${sink.count} events wait for the group`)
    },
  }
}

/** plainjob: `add` is synchronous and commits by itself; `addMany` puts the jobs of one caller into one commit. */
export async function plainjobPublisher(options: PublisherOptions, call: 'add' | 'addMany'): Promise<Contender> {
  const { queue, close } = await plainjobQueue(options)
  const sink = { count: 0 }
  return {
    subject: {
      sink,
      run: (count) => {
        for (let op = 0; op < count; op++) {
          const jobs = Array.from({ length: options.inFlight }, () => orderAt(sink.count++))
          if (call === 'addMany') queue.addMany(type, jobs)
          else for (const job of jobs) queue.add(type, job)
        }
      },
      deliveries: (count) => count * options.inFlight,
      units: options.inFlight,
    },
    close: async () => {
      close()
      hold('plainjob', jobsIn(options.file), { rows: sink.count, sum: sumOf(sink.count) })
    },
  }
}

const type = 'bench.order.placed'

export function jobsIn(file: string): ReturnType<typeof contentsOf> {
  return contentsOf(file, 'plainjob_jobs', `json_extract(data, '$.quantity')`)
}

/** A queue of plainjob with the settings of the other contestants. */
export async function plainjobQueue({ file, durability }: Pick<PublisherOptions, 'file' | 'durability'>): Promise<{
  readonly queue: import('plainjob').Queue
  readonly type: string
  readonly close: () => void
}> {
  const { better, defineQueue } = await import('plainjob')
  const require = createRequire(import.meta.url)
  const Database = require('better-sqlite3') as new (file: string) => Parameters<typeof better>[0]
  const database = new Database(file)
  database.pragma('page_size = 8192')
  const queue = defineQueue({ connection: better(database), logger: silent })
  // It has set NORMAL itself.
  database.pragma(`synchronous = ${durability}`)
  database.pragma('wal_autocheckpoint = 4000')
  database.pragma('cache_size = -65536')
  return { queue, type, close: () => queue.close() }
}

export const silent = { error: console.error, warn: () => {}, info: () => {}, debug: () => {} }
