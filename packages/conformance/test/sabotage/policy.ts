import { systemClock } from '@tidings/bus'
import { altered } from '../../src/altered.ts'
import { over } from '../../src/over.ts'
import { claims, healthy, type Mutation, nothing } from './tools.ts'

/** Dead letters that are forgotten, and policies that are not kept. */
export const policyMutations: readonly Mutation[] = [
  {
    breaks: 'promises to drop duplicates, and does not',
    foundBy: ['C38'],
    transport: () => claims(healthy(), { deduplication: true }),
  },
  {
    breaks: 'forgets dead letters',
    foundBy: ['C13', 'C14', 'C15', 'C39', 'C50'],
    transport: () => altered(healthy(), { store: { add: nothing } }),
  },
  {
    breaks: 'lists dead letters from the first one again and again',
    foundBy: ['C50'],
    transport: () => {
      const broker = healthy()
      return altered(broker, {
        connection: ({ deadLetters }) => ({
          deadLetters: over(deadLetters!, { list: (query) => deadLetters!.list({ ...query, after: undefined }) }),
        }),
      })
    },
  },
  {
    breaks: 'does not remove dead letters',
    foundBy: ['C17', 'C50'],
    transport: () => altered(healthy(), { store: { remove: () => true } }),
  },
  {
    breaks: 'finds no letter by its key',
    foundBy: ['C50', 'C60'],
    transport: () => altered(healthy(), { store: { firstOfKey: () => undefined } }),
  },
  { breaks: 'lets chance lengthen the waits without bound', foundBy: ['C59'], bus: { random: () => -50 } },
  {
    breaks: 'does not wait between attempts',
    foundBy: ['C59'],
    bus: { clock: { now: () => systemClock.now(), after: (_delay, callback) => systemClock.after(0, callback) } },
  },
  {
    breaks: 'does not know how long nothing has happened',
    foundBy: ['C42'],
    bus: { clock: { now: () => 0, after: (delay, callback) => systemClock.after(delay, callback) } },
  },
  {
    breaks: 'lets no time run out',
    foundBy: ['C56', 'C57'],
    bus: { clock: { now: () => systemClock.now(), after: () => nothing } },
  },
  {
    breaks: 'takes a failure for a success',
    foundBy: ['C13', 'C14', 'C16', 'C18', 'C59'],
    bus: { middleware: [{ name: 'swallow', receive: ({ message }, next) => next(message).catch(nothing) }] },
  },
  {
    breaks: 'calls every handler twice',
    foundBy: ['C13', 'C14'],
    bus: {
      middleware: [
        {
          name: 'twice',
          async receive({ message }, next) {
            await next(message).catch(nothing)
            await next(message)
          },
        },
      ],
    },
  },
]
