import { systemClock } from '@tidings/bus'
import { discarded } from '@tidings/bus/transport'
import { claims, healthy, letters, type Mutation, nothing } from './tools.ts'

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
    transport: letters(
      () => ({ add: nothing }),
      (settlement) => (settlement.as === 'dead-lettered' ? { ...discarded, effects: settlement.effects } : settlement),
    ),
  },
  {
    breaks: 'lists dead letters from the first one again and again',
    foundBy: ['C50'],
    transport: letters((store) => ({ list: (query) => store.list({ ...query, after: undefined }) })),
  },
  {
    breaks: 'does not remove dead letters',
    foundBy: ['C17', 'C50'],
    transport: letters(
      () => ({ remove: () => true }),
      (settlement) => ('replayed' in settlement ? { ...settlement, replayed: undefined } : settlement),
    ),
  },
  {
    breaks: 'finds no letter by its key',
    foundBy: ['C50', 'C60'],
    transport: letters(() => ({ firstOfKey: () => undefined })),
  },
  { breaks: 'lets chance lengthen the waits without bound', foundBy: ['C59'], bus: { random: () => -50 } },
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
