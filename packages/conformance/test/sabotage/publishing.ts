import { memory } from '@tidings/bus'
import type { Delivery, GroupRequest, Outgoing } from '@tidings/bus/transport'
import { altered } from '../../src/altered.ts'
import { over } from '@tidings/core/tools'
import { claims, connections, healthy, message, type Mutation, nothing } from './tools.ts'

/** Messages that are mangled or lost on their way, and connections that do not end. */
export const publishingMutations: readonly Mutation[] = [
  { breaks: 'forgets the headers', foundBy: ['C01', 'C02', 'C17'], transport: message(() => ({ headers: {} })) },
  {
    breaks: 'forgets the extensions',
    foundBy: ['C01', 'C40', 'C41', 'C48'],
    transport: message(({ attributes: { specversion, id, source, type, time, subject } }) => ({
      attributes: Object.fromEntries(
        Object.entries({ specversion, id, source, type, time, subject }).filter(
          (entry): entry is [string, string | number | boolean] => entry[1] !== undefined,
        ),
      ),
    })),
  },
  {
    breaks: 'writes headers as Latin-1',
    foundBy: ['C02'],
    transport: message(({ headers }) => ({
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, latin1(value)])),
    })),
  },
  {
    breaks: 'forgets the content type',
    foundBy: ['C01', 'C04'],
    transport: message(() => ({ contentType: undefined })),
  },
  {
    breaks: 'reads JSON and writes it again',
    foundBy: ['C04'],
    transport: message(({ contentType, body }) =>
      contentType?.includes('json') && typeof body === 'string' ? { body: JSON.stringify(JSON.parse(body)) } : {},
    ),
  },
  {
    breaks: 'cuts bodies at 64 KiB',
    foundBy: ['C03'],
    transport: message(({ body }) => ({ body: body?.slice(0, 65_535) })),
  },
  {
    breaks: 'takes messages beyond its limit',
    foundBy: ['C03'],
    transport: () => claims(memory({ maxMessageSize: Infinity }), { maxMessageSize: 1024 * 1024 }),
  },
  {
    breaks: 'loses every hundredth message',
    foundBy: ['C19', 'C37', 'C45', 'C52'],
    transport: connections((connection) => {
      let count = 0
      return { publish: (given) => (++count % 100 === 0 ? undefined : connection.publish(given)) }
    }),
  },
  {
    breaks: 'lets every tenth message be overtaken by the next',
    foundBy: ['C19', 'C52'],
    transport: connections((connection) => {
      let count = 0
      let late: Outgoing | undefined
      return {
        async publish(given) {
          if (++count % 10 === 0) {
            late = given
            return
          }
          await connection.publish(given)
          const [held] = [late]
          late = undefined
          if (held) await connection.publish(held)
        },
      }
    }),
  },
  {
    breaks: 'confirms before it has stored anything',
    foundBy: ['C37'],
    transport: connections((connection) => {
      const pending = new Set<ReturnType<typeof setTimeout>>()
      return {
        publish(given) {
          pending.add(setTimeout(() => void connection.publish(given), 20))
        },
        async close() {
          for (const timer of pending) clearTimeout(timer)
          await connection.close()
        },
      }
    }),
  },
  {
    breaks: 'hands out a message while it is being published',
    foundBy: ['C66'],
    transport: () => {
      const members: { readonly request: GroupRequest; readonly deliver: (delivery: Delivery) => void }[] = []
      return altered(healthy(), {
        connection: (connection) => ({
          subscribe(request, deliver) {
            members.push({ request, deliver })
            return connection.subscribe(request, nothing)
          },
          publish({ message, group }) {
            const type = String(message.attributes['type'])
            const lost = new AbortController().signal
            for (const { request, deliver } of members) {
              if (group === undefined ? request.types.includes(type) : request.group === group)
                deliver({ message, redeliveries: 0, handledBefore: undefined, lost, settle: nothing })
            }
          },
        }),
      })
    },
  },
  {
    breaks: 'sends what it says it has not sent',
    foundBy: ['C53'],
    transport: connections((connection) => ({
      async publish(given, options) {
        await connection.publish(given)
        options?.signal?.throwIfAborted()
      },
    })),
  },
  {
    breaks: 'keeps unsettled deliveries, and members, when the connection closes',
    foundBy: ['C12', 'C33', 'C36'],
    transport: connections(() => ({ close: async () => {} })),
  },
  {
    breaks: 'does not end closing',
    foundBy: ['C33', 'C36', 'C37'],
    transport: connections(() => ({ close: () => new Promise(nothing) })),
  },
  {
    breaks: 'leaves a timer behind with each connection',
    foundBy: ['C36'],
    transport: () => {
      const broker = healthy()
      return over(broker, {
        connect(options) {
          options.clock.after(60_000, nothing)
          return broker.connect(options)
        },
      })
    },
  },
  {
    breaks: 'keeps to itself what reached no group',
    foundBy: ['C06'],
    transport: () => {
      const broker = healthy()
      return over(broker, { connect: (options) => broker.connect({ ...options, onUnroutable: nothing }) })
    },
  },
  {
    breaks: 'drops what is for a group that it does not have',
    foundBy: ['C62'],
    transport: connections((connection) => ({
      publish: async (given) => {
        try {
          await connection.publish(given)
        } catch (error) {
          if (given.group === undefined) throw error
        }
      },
    })),
  },
  {
    breaks: 'says that it took back what it did not',
    foundBy: ['C46'],
    transport: connections(() => ({ cancel: async () => true })),
  },
]

function latin1(text: string): string {
  return text.replaceAll(/[^\u0000-\u00ff]/g, '?')
}
