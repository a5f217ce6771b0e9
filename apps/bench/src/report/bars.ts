import { concessions } from './concessions.ts'
import { brokerBars } from './broker-bars.ts'
import { sqliteBars } from './sqlite-bars.ts'

/** A promise of ours about a figure. */
export interface Bar {
  /** The name that `concessions` uses. */
  readonly id: string
  /** What is promised, in words, without the number. */
  readonly claim: string
  readonly scenario: string
  readonly column: string
  readonly contestant: string
  /** Peers; the fastest of them counts. Default: the yardstick of the scenario. */
  readonly against?: readonly string[]
  /** Takes too long for a quick run: only the whole bench measures it. */
  readonly long?: true
  /** What the design asks for. */
  readonly atLeast: number
  /** What is held instead, where the design's number is known to be missed: the check fails under this one. */
  readonly held?: Held
}

/** A number that stands in for the design's. */
export interface Held {
  readonly atLeast: number
  /** Whom it is a multiple of; default: whom the bar is. */
  readonly against?: readonly string[]
  /** Stands in only on machines that are too slow for a number of the design that is no ratio. */
  readonly slower?: true
}

/** Emitters that are maintained and generate no code. */
const maintained = ['node', 'eventemitter3', 'mitt', 'nanoevents', 'emitix', 'mini-signals']

/** The promises of the design that concern one process. */
const designed: readonly Bar[] = [
  ...['1', '3'].flatMap((count): Bar[] => {
    const scenario = `publish-${count}`
    const what = count === '1' ? '1 handler' : '3 handlers'
    const work = count === '1' ? '1 handler that does real work' : '3 handlers that do real work'
    const handle = { scenario, contestant: 'handle', against: maintained }
    return [
      { ...handle, id: `handle-${count}`, claim: `by handle, ${what}`, column: 'warmed', atLeast: 3 },
      { ...handle, id: `handle-${count}-real`, claim: `by handle, ${work}`, column: 'real', atLeast: 1.1 },
      {
        id: `definition-${count}`,
        claim: `by definition, ${what}`,
        scenario,
        column: 'warmed',
        contestant: 'definition',
        atLeast: 1.1,
      },
    ]
  }),
  {
    id: 'definition-topics',
    claim: 'by definition, 1,000 topics',
    scenario: 'topics-1000',
    column: 'warmed',
    contestant: 'definition',
    atLeast: 1,
  },
  ...['3', '100'].map((others): Bar => ({
    id: `churn-${others}`,
    claim: `subscribe and unsubscribe among ${others} others`,
    scenario: `churn-${others}`,
    column: 'warmed',
    contestant: 'handle',
    atLeast: 1.2,
  })),
  {
    id: 'async-promise-all',
    claim: 'awaited, 3 async handlers',
    scenario: 'async-3',
    column: 'warmed',
    contestant: 'handle',
    atLeast: 1.4,
  },
  {
    id: 'async-emittery',
    claim: 'awaited, 3 async handlers, against isolation',
    scenario: 'async-3',
    column: 'warmed',
    contestant: 'handle',
    against: ['emittery'],
    atLeast: 6,
  },
  {
    id: 'patterns',
    claim: 'patterns, 1,000 subscriptions',
    scenario: 'patterns',
    column: 'warmed',
    contestant: 'handle',
    atLeast: 4,
  },
  {
    id: 'iterator',
    claim: 'async iterator',
    scenario: 'iterators',
    column: 'hot',
    contestant: 'handle',
    atLeast: 1.3,
  },
  ...['flat', 'nested'].flatMap((data) =>
    ['jit', 'jitless'].map((column): Bar => ({
      id: `validation-${data}-${column}`,
      claim: `validation of ${data === 'flat' ? 'an object of 4 fields' : 'an order of 5 lines'}, ${column}`,
      scenario: `create-${data}`,
      column,
      contestant: 'validation',
      atLeast: 0.9,
    })),
  ),
  ...(
    [
      ['default', '', 150_000, 0.3],
      ['idempotent', ', idempotent', 150_000, 0.2],
      ['guarded', ', idempotent and parking keys', 150_000, 0.2],
      ['guarded-async', ', idempotent and parking keys, async handler', 120_000, 0.2],
    ] as const
  ).map(([contestant, how, atLeast, share]): Bar => ({
    id: `bus-${contestant}`,
    claim: `events that memory() delivers in a second of CPU time${how}`,
    scenario: 'bus-throughput',
    column: 'batches of 100',
    contestant,
    atLeast,
    // A share of what encoding and decoding alone come to on the same machine. It is smaller with an inbox, which keeps
    // 100,000 events: we saw 0.44 on one EPYC processor and 0.24 on another, where the code of before was no faster.
    held: { atLeast: share, against: ['codec'], slower: true },
  })),
  ...['with keys', 'without keys'].map((column): Bar => ({
    id: `bus-failing-${column.replace(' ', '-')}`,
    claim: `events of the bus ${column} beside 1,000 that wait for a retry`,
    scenario: 'bus-failing',
    column,
    contestant: 'default',
    atLeast: 0.9,
  })),
  ...['1,000,000', '50,000'].map((events): Bar => ({
    id: `bus-memory-${events}`,
    // Flat as below.
    claim: `memory of the bus in its first half, as a share of that in its second, ${events} events, slow consumer`,
    scenario: 'bus-memory',
    column: events,
    contestant: 'default',
    atLeast: 0.83,
    ...(events === '50,000' ? {} : { long: true }),
  })),
  ...sqliteBars,
  ...brokerBars,
  {
    id: 'replay-speed',
    claim: 'events replayed from the retail file, a second',
    scenario: 'retail',
    column: 'speed',
    contestant: 'shop',
    atLeast: 100_000,
  },
  {
    id: 'replay-memory',
    // Flat is: the second half grows by no more than a fifth.
    claim: 'peak memory of the replay in its first half, as a share of that in its second',
    scenario: 'retail',
    column: 'flatness',
    contestant: 'shop',
    atLeast: 0.83,
  },
]

/** The promises, with what is held instead where one is known to be missed. */
export const bars: readonly Bar[] = designed.map((bar) => {
  const held = concessions[bar.id]?.held
  return held === undefined ? bar : { ...bar, held }
})
