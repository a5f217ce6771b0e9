import type { Handler } from '@tidings/bus'
import type { Contender } from './duel.ts'
import { contentsOf, type Durability, hold, openAsOurs } from './files.ts'
import { log, quantity } from './limit.ts'
import { inFlight, orderAt, type OrderPlaced, orderPlaced, sumOf } from '../run/orders.ts'
import { jobsIn, keeping, logged, plainjobQueue, type PublisherOptions, silent } from './publishers.ts'

/** What a handler is asked to do besides counting. */
export interface HandlingOptions extends PublisherOptions {
  readonly idempotent?: boolean
  /** Whether it writes a row of its own, in the commit of its settlement. */
  readonly writes?: boolean
}

/** A bus on `sqlite()` that handles what it publishes, in one process; all defaults but for what is asked for. */
export async function tidingsHandling(options: HandlingOptions): Promise<Contender> {
  const { createBus } = await import('@tidings/bus')
  const { sqlite } = await import('@tidings/sqlite')
  const { file, durability, inFlight: callers, idempotent = false, writes = false } = options
  const definition = await orderPlaced()
  makeWrites(file, durability)
  const sink = { count: 0 }
  let published = 0
  const handlers = [await handlerOf(definition, { idempotent, writes }, () => sink.count++)]
  const transport = sqlite({ file, synchronous: durability, ...keeping(options) })
  const bus = await createBus({ source: '/bench', handlers, transport, log: false })
  return {
    subject: {
      sink,
      run: async (count) => {
        const from = published
        published += count * callers
        await inFlight(callers, count * callers, (at) => bus.publish(definition, orderAt(from + at)))
        // The last are settled with the next commit, in the next turn: what is late in one turn is done in another.
        while (sink.count < published) await new Promise((resolve) => setImmediate(resolve))
      },
      deliveries: (count) => count * callers,
      units: callers,
    },
    close: async () => {
      await bus.idle({ timeout: '10s' })
      await bus.close()
      const all = { rows: published, sum: sumOf(published) }
      hold('tidings', contentsOf(file, log, quantity), logged(options, published))
      if (writes) hold('the handler', contentsOf(file, 'writes', 'quantity'), all)
      if (idempotent) hold('the inbox', contentsOf(file, 'tidings_marks', '0'), { rows: published, sum: 0 })
    },
  }
}

/** As {@link tidingsHandling}, while so many others wait before what is published: those are handled first. */
export async function tidingsBehind(options: PublisherOptions & { readonly waiting: number }): Promise<Contender> {
  const { createBus, handler } = await import('@tidings/bus')
  const { sqlite } = await import('@tidings/sqlite')
  const { file, durability, inFlight: callers, waiting } = options
  const definition = await orderPlaced()
  const sink = { count: 0 }
  const gate = new Gate()
  const handle = async (): Promise<void> => {
    await gate.pass()
    sink.count++
  }
  const handlers = [handler(definition, { group: 'orders' }, handle)]
  const transport = sqlite({ file, synchronous: durability })
  const bus = await createBus({ source: '/bench', handlers, transport, log: false })
  let published = 0
  const publish = (count: number, by: number): Promise<void> => {
    const from = published
    published += count
    return inFlight(by, count, (at) => bus.publish(definition, orderAt(from + at)))
  }
  await publish(waiting, 1000)
  return {
    subject: {
      sink,
      // As many come as are let through.
      run: async (count) => {
        gate.open(count * callers)
        await publish(count * callers, callers)
        while (sink.count < published - waiting) await new Promise((resolve) => setImmediate(resolve))
      },
      deliveries: (count) => count * callers,
      units: callers,
    },
    close: async () => {
      const handled = sink.count
      gate.open(Infinity)
      await bus.idle({ timeout: '60s' })
      await bus.close()
      hold('tidings', contentsOf(file, log, quantity), logged({}, published))
      if (handled !== published - waiting || sink.count !== published) {
        throw new Error(`${sink.count} of ${published} events were handled, ${handled} of them while ${waiting} waited`)
      }
    },
  }
}

/** Lets through as many as it is opened for. */
class Gate {
  #open = 0
  readonly #waiting: (() => void)[] = []

  open(count: number): void {
    this.#open += count
    while (this.#open > 0 && this.#waiting.length > 0) {
      this.#open--
      this.#waiting.shift()!()
    }
  }

  async pass(): Promise<void> {
    if (this.#open > 0) this.#open--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }
}

/** A table of the application's own in the file. */
function makeWrites(file: string, durability: Durability): void {
  const database = openAsOurs(file, durability)
  database.exec(
    'CREATE TABLE writes (id INTEGER PRIMARY KEY, order_id TEXT NOT NULL, quantity INTEGER NOT NULL) STRICT',
  )
  database.close()
}

async function handlerOf(
  definition: OrderPlaced,
  { idempotent, writes }: { readonly idempotent: boolean; readonly writes: boolean },
  count: () => void,
): Promise<Handler> {
  const { handler } = await import('@tidings/bus')
  const { sqliteTransaction } = await import('@tidings/sqlite')
  const options = { group: 'orders', idempotent }
  if (!writes) return handler(definition, options, count)
  return handler(definition, { ...options, transaction: sqliteTransaction }, ({ data }, { transaction }) => {
    transaction((tx) => {
      tx.run('INSERT INTO writes (order_id, quantity) VALUES (?, ?)', data.orderId, data.quantity)
    })
    count()
  })
}

/** plainjob: as many jobs as would be in flight are added at once, and its worker, which is one, is waited for. */
export async function plainjobHandling(options: HandlingOptions): Promise<Contender> {
  const { defineWorker, JobStatus } = await import('plainjob')
  const { queue, type, close } = await plainjobQueue(options)
  const sink = { count: 0 }
  let added = 0
  let handledAll = (): void => {}
  const worker = defineWorker(
    type,
    () => {
      if (++sink.count === added) handledAll()
    },
    { queue, logger: silent, pollIntervall: 1 },
  )
  const working = worker.start()
  return {
    subject: {
      sink,
      run: async (count) => {
        for (let op = 0; op < count; op++) {
          queue.addMany(
            type,
            Array.from({ length: options.inFlight }, () => orderAt(added++)),
          )
          await new Promise<void>((resolve) => (handledAll = resolve))
        }
      },
      deliveries: (count) => count * options.inFlight,
      units: options.inFlight,
    },
    close: async () => {
      await worker.stop()
      await working
      const done = queue.countJobs({ status: JobStatus.Done })
      close()
      hold('plainjob', jobsIn(options.file), { rows: added, sum: sumOf(added) })
      if (done !== added) throw new Error(`plainjob has done ${done} of ${added} jobs`)
    },
  }
}
