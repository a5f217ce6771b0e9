import { altered } from '../../src/altered.ts'
import { healthy, memberships, type Mutation, nothing, outgoing, requests } from './tools.ts'

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
  { breaks: 'does not pause', foundBy: ['C28'], transport: memberships(() => ({ pause: nothing })) },
  { breaks: 'does not resume', foundBy: ['C28', 'C49'], transport: memberships(() => ({ resume: nothing })) },
  {
    breaks: 'goes on when it was stopped',
    foundBy: ['C51', 'C58'],
    transport: memberships(() => ({ stop: async () => {} })),
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
