import { type Connection, type Delivery, memory, systemClock, type Transport } from '@tidings/bus'
import { TidingsError } from '@tidings/core'
import type { EncodedEvent } from '@tidings/events'
import { altered, over } from '../../src/conformance/altered.ts'
import type { ConformanceKit } from '../../src/conformance/index.ts'
import { faultProxy, serveTransport, socketTransport } from '../../src/faults/index.ts'
import { claims, nothing } from './tools.ts'

/** A promise broken on purpose, in a transport that has a network and a broker that can be killed. */
export interface FaultMutation {
  readonly breaks: string
  readonly foundBy: string
  /** What is broken at the members' end; `state` is that of their connection. */
  client?(connection: Connection, state: () => string): Partial<Connection>
  delivery?(delivery: Delivery): Delivery
  /** What is broken before it is stored; `lost` aborts when the broker is killed. */
  broker?(connection: Connection, lost: () => AbortSignal): Partial<Connection>
  kit?(kit: ConformanceKit): Partial<ConformanceKit>
}

/** A kit with every ability, on a broker behind a socket; what it writes down outlives a kill. */
export async function kitWithFaults(mutation?: FaultMutation): Promise<ConformanceKit & AsyncDisposable> {
  const disk = claims(memory({ history: 1000 }), { durable: true })
  let life = new AbortController()
  const broker = altered(disk, { connection: (connection) => mutation?.broker?.(connection, () => life.signal) ?? {} })
  let server = await serveTransport(broker)
  const { port } = server
  const proxy = await faultProxy({ target: { port } })
  const options = {
    heartbeat: 100,
    timeout: 1000,
    backoff: { min: 10, max: 50 },
    capabilities: disk.capabilities,
  } as const
  const conflicts = new Set<string>()
  const whole: ConformanceKit = {
    transport: () => sabotaged(socketTransport({ ...options, port: proxy.port }), mutation, conflicts),
    within: '1500ms',
    network: {
      cut: async () => proxy.cut(),
      blackHole: async () => proxy.blackHole(),
      restore: async () => proxy.restore(),
    },
    broker: {
      async kill() {
        life.abort()
        await server.close()
      },
      async start() {
        life = new AbortController()
        server = await serveTransport(broker, { port })
      },
    },
    spawnConsumer: (request) => consumer(disk, request, nothing),
    declareConflict: async (group) => void conflicts.add(group),
    plain: plainClient(disk),
  }
  return {
    ...whole,
    ...mutation?.kit?.(whole),
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]()
      await server.close()
    },
  }
}

function sabotaged(transport: Transport, mutation: FaultMutation | undefined, conflicts: Set<string>): Transport {
  return over(transport, {
    async connect(options) {
      let state = 'connected'
      const { client, delivery } = mutation ?? {}
      const inner = altered(transport, delivery ? { delivery: (given) => delivery(given) } : {})
      const connection = await inner.connect({
        ...options,
        onState(next, error) {
          state = next
          options.onState(next, error)
        },
      })
      const refusing = over(connection, {
        subscribe: async (request, ...rest) => {
          if (conflicts.has(request.group))
            throw new TidingsError('CONFLICT', `group "${request.group}" is another kind`)
          return connection.subscribe(request, ...rest)
        },
      })
      return over(refusing, client?.(refusing, () => state) ?? {})
    },
  })
}

/** A member that can be dropped at once, as one whose process is killed. */
async function consumer(
  transport: Transport,
  request: Parameters<NonNullable<ConformanceKit['spawnConsumer']>>[0],
  settle: (delivery: Delivery) => void,
): Promise<{ received: string[]; kill(): Promise<void> }> {
  const received: string[] = []
  const connection = await connect(transport)
  await connection.subscribe(request, (delivery) => {
    received.push(String(delivery.message.attributes['id']))
    settle(delivery)
  })
  return { received, kill: () => connection.close() }
}

function connect(transport: Transport): Promise<Connection> {
  return transport.connect({ name: 'plain', clock: systemClock, onState: nothing, onUnroutable: nothing })
}

/** The nearest that a broker without a wire format has to a foreign client. */
function plainClient(disk: Transport): NonNullable<ConformanceKit['plain']> {
  return {
    async publish(event) {
      const connection = await connect(disk)
      await connection.publish({ message: { ...event, headers: {} } })
      await connection.close()
    },
    async receive(type) {
      const connection = await connect(disk)
      let take = (_event: EncodedEvent): void => {}
      const got = new Promise<EncodedEvent>((resolve) => (take = resolve))
      const request = { types: [type], prefetch: 1, ordered: false, from: 'latest', temporary: true } as const
      await connection.subscribe({ ...request, group: `plain.${type}` }, ({ message }) => take(message))
      return { next: () => got, close: () => connection.close() }
    },
  }
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
  {
    breaks: 'waits for an answer for ever',
    foundBy: 'C07',
    client: (connection) => ({
      publish: (given) => Promise.resolve(connection.publish(given)).catch(() => new Promise<void>(nothing)),
    }),
  },
  {
    breaks: 'loses what a killed consumer held',
    foundBy: 'C08',
    kit: ({ transport }) => ({
      spawnConsumer: (request) => consumer(transport(), request, (delivery) => delivery.ack()),
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
