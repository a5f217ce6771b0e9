import { type EventIdentity, type Inbox, memoryInbox, type Transport } from '@tidings/bus'
import { altered } from '../../src/altered.ts'
import { connections, healthy, markedIn, type Mutation, settlements } from './tools.ts'

/** Inboxes that take one event for another, forget, fail, or do not answer. */
export const inboxMutations: readonly Mutation[] = [
  {
    breaks: 'keeps what a group has handled for one connection alone',
    foundBy: ['C63', 'C64'],
    transport: connections((connection) => {
      const inbox = memoryInbox()
      return {
        subscribe: (request, deliver) =>
          connection.subscribe(request, (delivery) => deliver(markedIn(inbox, delivery, request))),
      }
    }),
  },
  {
    breaks: 'forgets half of what comes to the inbox at once',
    foundBy: ['C64'],
    transport: () => {
      let added = 0
      return settlements((settlement) => {
        const isForgotten = settlement.as === 'handled' && settlement.mark !== undefined && ++added % 2 === 0
        return isForgotten ? { ...settlement, mark: undefined } : settlement
      })()
    },
  },
  ...['', ' ', '/', ':', '|', '-', '.', ','].flatMap((separator) => [
    confuses(`joins group, source and id by "${separator}"`, ({ source, id }, group) =>
      [group, source, id].join(separator),
    ),
    confuses(`joins source, id and group by "${separator}"`, ({ source, id }, group) =>
      [source, id, group].join(separator),
    ),
    confuses(`joins id, group and source by "${separator}"`, ({ source, id }, group) =>
      [id, group, source].join(separator),
    ),
  ]),
  confuses('joins group and source', ({ source, id }, group) => JSON.stringify([group + source, id])),
  confuses('joins source and group', ({ source, id }, group) => JSON.stringify([source + group, id])),
  confuses('joins group and id by a dot', ({ source, id }, group) => JSON.stringify([`${group}.${id}`, source])),
  confuses('looks at source and id alone', ({ source, id }) => JSON.stringify([source, id])),
  confuses('looks at group and id alone', ({ id }, group) => JSON.stringify([group, id])),
  confuses('looks at group and source alone', ({ source }, group) => JSON.stringify([group, source])),
  ...(
    [
      ['takes capital letters for small ones', (text) => text.toLowerCase()],
      ['takes an accent for none', (text) => text.normalize('NFD').replaceAll(/\p{M}/gu, '')],
      ['takes ways to write an accent for one', (text) => text.normalize()],
      ['writes Latin-1', (text) => text.replaceAll(/[^\u0000-\u00ff]/g, '?')],
      ['drops spaces at the end', (text) => text.trimEnd()],
      ['drops spaces at the beginning', (text) => text.trimStart()],
      ['drops a slash at the end', (text) => text.replace(/\/$/, '')],
      ['reads percents', (text) => (/%[0-9a-f]{2}/i.test(text) ? decodeURIComponent(text) : text)],
      ['cuts at 64 characters', (text) => text.slice(0, 64)],
      ['cuts at 190 characters', (text) => text.slice(0, 190)],
      ['keeps the last 64 characters', (text) => text.slice(-64)],
    ] as readonly (readonly [string, (text: string) => string])[]
  ).flatMap(([how, change]) => [
    confuses(`${how} in a source`, ({ source, id }, group) => JSON.stringify([group, change(source), id])),
    confuses(`${how} in an id`, ({ source, id }, group) => JSON.stringify([group, source, change(id)])),
  ]),
  confuses('takes capital letters for small ones in a group', ({ source, id }, group) =>
    JSON.stringify([group.toLowerCase(), source, id]),
  ),
  confuses('cuts a group at 190 characters', ({ source, id }, group) =>
    JSON.stringify([group.slice(0, 190), source, id]),
  ),
  confuses('leaves the query out of a source', ({ source, id }, group) =>
    JSON.stringify([group, source.split('?')[0], id]),
  ),
  confuses('leaves the fragment out of a source', ({ source, id }, group) =>
    JSON.stringify([group, source.split('#')[0], id]),
  ),
  confuses('takes the numbers in ids for numbers', ({ source, id }, group) =>
    JSON.stringify([group, source, Number.isNaN(Number(id)) ? id : Number(id)]),
  ),
  {
    breaks: 'takes what every object has for events',
    foundBy: ['C64'],
    bus: () => {
      const known: Record<string, Record<string, boolean>> = {}
      return {
        inbox: {
          has: ({ source, id }, group) => Boolean(known[JSON.stringify([group, source])]?.[id]),
          add: ({ source, id }, group) => ((known[JSON.stringify([group, source])] ??= {})[id] = true),
        },
      }
    },
  },
  given('remembers nothing that was handled', ['C38', 'C63', 'C64'], { has: () => false, add: () => {} }),
  given('never says whether it knows an event', ['C38', 'C63', 'C64'], {
    has: () => new Promise(() => {}),
    add: () => {},
  }),
  given('never has noted an event', ['C64'], { has: () => false, add: () => new Promise(() => {}) }),
  given('says 1 and 0', ['C38', 'C63', 'C64'], { has: () => 0 as never, add: () => {} }),
  given('throws when it is asked', ['C38', 'C63', 'C64'], {
    has: () => {
      throw new Error('no such table')
    },
    add: () => {},
  }),
  given('fails when it is told', ['C64'], { has: () => false, add: () => Promise.reject(new Error('disk full')) }),
]

/** A transport whose inbox knows events by a key. */
function confuses(breaks: string, keyOf: (event: EventIdentity, group: string) => string): Mutation {
  const transport = (): Transport => {
    const keys = new Set<string>()
    const inbox: Inbox = {
      has: (event, group) => keys.has(keyOf(event, group)),
      add: (event, group) => void keys.add(keyOf(event, group)),
    }
    return altered(healthy(), { delivery: (delivery, request) => markedIn(inbox, delivery, request) })
  }
  return { breaks: `in the inbox, ${breaks}`, foundBy: ['C64'], transport }
}

/** An inbox that the kit gives. */
function given(breaks: string, foundBy: readonly string[], inbox: Inbox): Mutation {
  return { breaks: `is given an inbox that ${breaks}`, foundBy, bus: () => ({ inbox }) }
}
