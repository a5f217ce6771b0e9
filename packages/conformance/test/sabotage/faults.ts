import { type Inbox, memoryInbox, type Transport } from '@tidings/bus'
import { type Connection, type Delivery, handled } from '@tidings/bus/transport'
import { altered } from '../../src/altered.ts'
import { over } from '@tidings/core/tools'
import type { ConformanceKit } from '../../src/index.ts'
import { consumer, durableDisk, durableKit, worker } from '../fixtures/durable-kit.ts'
import { markedIn, nothing } from './tools.ts'

/** A promise broken on purpose, in a transport that has a network and a broker that can be killed. */
export interface FaultMutation {
  readonly breaks: string
  readonly foundBy: string
  /** What is broken at the members' end; `state` is that of their connection. */
  client?(connection: Connection, state: () => string): Partial<Connection>
  delivery?(delivery: Delivery): Delivery
  /** What is broken before it is stored; `lost` aborts when the broker is killed. */
  broker?(connection: Connection, lost: () => AbortSignal): Partial<Connection>
  /** What the broker has when it starts again, where it is not what it had. */
  restarted?(): Transport
  kit?(kit: ConformanceKit): Partial<ConformanceKit>
}

/** A kit with every ability, on a broker behind a socket; what it writes down outlives a kill. */
export async function kitWithFaults(mutation?: FaultMutation): Promise<ConformanceKit & AsyncDisposable> {
  const { restarted, broker } = mutation ?? {}
  const kit = await durableKit({
    // Where nothing is broken a busy machine must not be taken for a fault; what is broken need not be waited for.
    heartbeat: mutation ? 100 : '1s',
    timeout: mutation ? 1000 : '5s',
    within: mutation ? '1500ms' : '15s',
    ...(restarted && { restarted: () => restarted() }),
    served: (disk, life) => altered(disk, { connection: (connection) => broker?.(connection, life) ?? {} }),
    reached: (transport) => sabotaged(transport, mutation),
  })
  return { ...kit, ...mutation?.kit?.(kit) }
}

function sabotaged(transport: Transport, { client, delivery }: Partial<FaultMutation> = {}): Transport {
  return over(transport, {
    async connect(options) {
      let state = 'connected'
      const inner = altered(transport, delivery ? { delivery: (given) => delivery(given) } : {})
      const connection = await inner.connect({
        ...options,
        onState(next, error) {
          state = next
          options.onState(next, error)
        },
      })
      return over(connection, client?.(connection, () => state) ?? {})
    },
  })
}

export const faultMutations: readonly FaultMutation[] = [
  ...['C05', 'C31'].map((foundBy) => ({
    breaks: 'confirms what it has not written down',
    foundBy,
    broker: (connection: Connection, lost: () => AbortSignal): Partial<Connection> => ({
      publish(given) {
        const life = lost()
        setTimeout(() => life.aborted || void connection.publish(given), 100)
      },
    }),
  })),
  ...['C05', 'C65', 'C72', 'C85', 'C86', 'C87'].map((foundBy) => ({
    breaks: 'loses what it has when it is killed',
    foundBy,
    restarted: durableDisk,
  })),
  {
    breaks: 'keeps messages alone when it is killed, and not what was handled',
    foundBy: 'C65',
    broker: (connection, life) => ({
      subscribe: (request, deliver) =>
        connection.subscribe(request, (delivery) => deliver(markedIn(inboxOfLife(life()), delivery, request))),
    }),
  },
  {
    breaks: 'waits for an answer for ever',
    foundBy: 'C07',
    client: (connection) => ({
      publish: (given) => Promise.resolve(connection.publish(given)).catch(() => new Promise<void>(nothing)),
    }),
  },
  {
    breaks: 'has two processes each work on all of a group',
    foundBy: 'C92',
    kit: ({ transport }) => ({
      spawnWorker: (request) => worker(transport(), { ...request, group: `${request.group}-too` }),
    }),
  },
  {
    breaks: 'confirms before it has the message',
    foundBy: 'C93',
    kit: () => ({
      // Told at once, and killed before anything was sent.
      spawnPublisher: async (messages) => ({
        confirmed: messages.map(({ attributes }) => String(attributes['id'])),
        kill: async () => {},
      }),
    }),
  },
  {
    breaks: 'loses what a killed consumer held',
    foundBy: 'C08',
    kit: ({ transport }) => ({
      spawnConsumer: (request) => consumer(transport(), request, (delivery) => delivery.settle(handled)),
    }),
  },
  {
    breaks: 'does not come back to its groups',
    foundBy: 'C29',
    client: (connection, state) => ({
      async subscribe(request, deliver, signal) {
        let broke = false
        return connection.subscribe(
          request,
          (delivery) => {
            broke ||= state() !== 'connected' || delivery.lost.aborted
            if (!broke) deliver(delivery)
            delivery.lost.addEventListener('abort', () => (broke = true))
          },
          signal,
        )
      },
    }),
  },
  {
    breaks: 'confirms what it cannot send',
    foundBy: 'C30',
    client: (connection, state) => ({
      publish: (given, options) => (state() === 'connected' ? connection.publish(given, options) : undefined),
    }),
  },
  {
    breaks: 'queues in secret what it says it has not sent',
    foundBy: 'C30',
    client: (connection) => ({
      publish: (given, options) =>
        new Promise((resolve, reject) => {
          Promise.resolve(connection.publish(given)).then(resolve, reject)
          options?.signal?.addEventListener('abort', () => reject(options.signal?.reason as Error))
        }),
    }),
  },
  {
    breaks: 'does not say what a broken connection has lost',
    foundBy: 'C32',
    delivery: (delivery) => over(delivery, { lost: new AbortController().signal }),
  },
  {
    breaks: 'waits with closing until the broker is back',
    foundBy: 'C35',
    client: (connection) => ({
      close: () =>
        Promise.resolve(connection.publish(probe)).then(
          () => connection.close(),
          () => new Promise<void>(nothing),
        ),
    }),
  },
  {
    breaks: 'hands on what its driver throws',
    foundBy: 'C83',
    client: (connection, state) => ({
      publish(given, options) {
        if (state() !== 'connected') throw new Error('connect ECONNREFUSED 127.0.0.1:5672')
        return connection.publish(given, options)
      },
    }),
  },
  {
    breaks: 'sends again in secret what may be there',
    foundBy: 'C84',
    client: (connection) => ({
      publish: async (given, options) => {
        await Promise.all([connection.publish(given, options), connection.publish(given, options)])
      },
    }),
  },
  { breaks: 'takes a group as it finds it', foundBy: 'C43', kit: () => ({ declareConflict: async () => {} }) },
  {
    breaks: 'loses extensions in structured mode',
    foundBy: 'C44',
    kit: ({ plain }) => ({
      plain: over(plain!, {
        publish(event, mode) {
          const { tenantid: _tenant, ...attributes } = event.attributes
          return plain!.publish(mode === 'structured' ? { ...event, attributes } : event, mode)
        },
      }),
    }),
  },
  {
    breaks: 'writes something else than it was given',
    foundBy: 'C44',
    broker: (connection) => ({
      publish: (given) => connection.publish({ ...given, message: { ...given.message, contentType: 'text/plain' } }),
    }),
  },
]

const probe = {
  group: 'probe',
  message: {
    attributes: { specversion: '1.0', id: '1', source: '/', type: 'probe' },
    headers: {},
    contentType: undefined,
    body: undefined,
  },
} as const

const inboxes = new WeakMap<AbortSignal, Inbox>()

function inboxOfLife(life: AbortSignal): Inbox {
  const inbox = inboxes.get(life) ?? memoryInbox()
  inboxes.set(life, inbox)
  return inbox
}
