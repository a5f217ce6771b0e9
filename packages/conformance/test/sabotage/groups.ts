import { altered } from '../../src/altered.ts'
import { over } from '@tidings/core/tools'
import { healthy, memberships, type Mutation, nothing, outgoing, requests, settlements } from './tools.ts'

/** Members that get what they should not, or not what they should. */
export const groupsMutations: readonly Mutation[] = [
  {
    breaks: 'gives every message to every group',
    foundBy: ['C24', 'C25'],
    transport: requests(() => ({ types: ['**'] })),
  },
  { breaks: 'begins every group with now', foundBy: ['C23'], transport: requests(() => ({ from: 'latest' })) },
  { breaks: 'begins every group with the past', foundBy: ['C23'], transport: requests(() => ({ from: 'earliest' })) },
  {
    breaks: 'gives every message to the first member of a group',
    foundBy: ['C21'],
    transport: () => {
      const known = new Set<string>()
      return altered(healthy(), {
        membership: (membership, { group }) => {
          if (known.has(group)) membership.pause()
          known.add(group)
          return {}
        },
      })
    },
  },
  {
    breaks: 'lets one member of an ordered group have all of it',
    foundBy: ['C80'],
    transport: () => {
      const known = new Set<string>()
      return altered(healthy(), {
        membership: (membership, { group, ordered }) => {
          if (ordered && known.has(group)) membership.pause()
          known.add(group)
          return {}
        },
      })
    },
  },
  {
    breaks: 'forgets a group of which nobody has settled anything',
    foundBy: ['C88'],
    transport: () => {
      const settled = new Set<string>()
      return altered(healthy(), {
        delivery: (delivery, { group }) =>
          over(delivery, { settle: (settlement) => (settled.add(group), delivery.settle(settlement)) }),
        connection: (connection) => ({
          async close() {
            const { groups } = connection
            await connection.close()
            for (const { group, members } of await groups!.list()) {
              if (members === 0 && !settled.has(group)) await groups!.remove(group)
            }
          },
        }),
      })
    },
  },
  {
    breaks: 'keeps a message of every hundred that are settled',
    foundBy: ['C81'],
    transport: () => {
      let count = 0
      return settlements((settlement) => (++count % 100 === 0 ? undefined : settlement))()
    },
  },
  {
    breaks: 'looks through all that waits at each event',
    foundBy: ['C82'],
    transport: () => {
      let waiting = 0
      return altered(healthy(), {
        connection: (connection) => ({ publish: (given) => (waiting++, connection.publish(given)) }),
        delivery: (delivery) =>
          over(delivery, {
            settle(settlement) {
              // A microsecond for each.
              const end = performance.now() + --waiting / 1000
              while (performance.now() < end);
              return delivery.settle(settlement)
            },
          }),
      })
    },
  },
  { breaks: 'does not pause', foundBy: ['C28'], transport: memberships(() => ({ pause: nothing })) },
  { breaks: 'does not resume', foundBy: ['C28', 'C49'], transport: memberships(() => ({ resume: nothing })) },
  {
    breaks: 'goes on when it was stopped',
    foundBy: ['C51', 'C58'],
    transport: memberships(() => ({ stop: async () => {} })),
  },
  {
    breaks: 'always has an oldest message that waits',
    foundBy: ['C49'],
    transport: memberships((membership) => ({
      async backlog() {
        const backlog = await membership.backlog()
        return backlog && { ...backlog, oldest: Date.now() }
      },
    })),
  },
  {
    breaks: 'takes for the oldest what is gone',
    foundBy: ['C49'],
    transport: memberships((membership) => ({
      async backlog() {
        const backlog = await membership.backlog()
        return backlog && { ...backlog, oldest: backlog.waiting > 0 ? 0 : undefined }
      },
    })),
  },
  { breaks: 'says that nothing waits', foundBy: ['C49'], transport: memberships(() => ({ backlog: () => undefined })) },
  {
    breaks: 'ignores notBefore',
    foundBy: ['C11', 'C46'],
    transport: outgoing((given) => ({ ...given, notBefore: undefined })),
  },
  {
    breaks: 'sends to all groups what is meant for one',
    foundBy: ['C17', 'C25', 'C47'],
    transport: outgoing((given) => ({ ...given, group: undefined })),
  },
  {
    breaks: 'sends to one group what is meant for all',
    foundBy: ['C22'],
    transport: () => {
      const groups = new Map<string, string>()
      return altered(healthy(), {
        connection: (connection) => ({
          subscribe(request, deliver) {
            for (const type of request.types) if (!groups.has(type)) groups.set(type, request.group)
            return connection.subscribe(request, deliver)
          },
          publish: (given) =>
            connection.publish({ group: groups.get(String(given.message.attributes['type'])), ...given }),
        }),
      })
    },
  },
]
