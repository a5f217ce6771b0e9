import { resultOf, type Result } from './report.ts'
import type { Summary } from './statistics.ts'

/** A promise of ours about a figure. */
export interface Bar {
  /** What is promised, in words, without the number. */
  readonly claim: string
  readonly scenario: string
  readonly column: string
  readonly contestant: string
  /** Peers; the fastest of them counts. Default: the yardstick of the scenario. */
  readonly against?: readonly string[]
  readonly atLeast: number
}

/** What became of a bar. */
export interface Verdict extends Bar {
  /** `near`: under the bar, but by less than the spread of the rounds. */
  readonly outcome: 'holds' | 'near' | 'missed' | 'not measured'
  /** The multiple of the opponent's speed. */
  readonly figure?: Summary
  /** The fastest of `against`. */
  readonly opponent?: string
  /** What the same figure is for the least code that isolates errors, where that was measured: about what is possible. */
  readonly byHand?: number
}

/** Emitters that are maintained and generate no code. */
const maintained = ['node', 'eventemitter3', 'mitt', 'nanoevents', 'emitix', 'mini-signals']

/** The promises of the design that concern one process. */
export const bars: readonly Bar[] = [
  ...['publish-1', 'publish-3'].flatMap((scenario): Bar[] => {
    const what = scenario === 'publish-1' ? '1 handler' : '3 handlers'
    const handle = { scenario, contestant: 'handle', against: maintained }
    return [
      { ...handle, claim: `by handle, ${what}, warmed library`, column: 'warmed', atLeast: 3 },
      { ...handle, claim: `by handle, ${what} that do real work`, column: 'real', atLeast: 1.1 },
      { scenario, contestant: 'definition', claim: `by definition, ${what}`, column: 'warmed', atLeast: 1.1 },
    ]
  }),
  {
    claim: 'by definition, 1,000 topics',
    scenario: 'topics-1000',
    column: 'warmed',
    contestant: 'definition',
    atLeast: 1,
  },
  ...['3', '100'].map((others): Bar => ({
    claim: `subscribe and unsubscribe among ${others} others`,
    scenario: `churn-${others}`,
    column: 'warmed',
    contestant: 'handle',
    atLeast: 1.2,
  })),
  { claim: 'awaited, 3 async handlers', scenario: 'async-3', column: 'warmed', contestant: 'handle', atLeast: 1.4 },
  {
    claim: 'awaited, 3 async handlers',
    scenario: 'async-3',
    column: 'warmed',
    contestant: 'handle',
    against: ['emittery'],
    atLeast: 6,
  },
  {
    claim: 'patterns, 1,000 subscriptions',
    scenario: 'patterns',
    column: 'warmed',
    contestant: 'handle',
    atLeast: 4,
  },
  { claim: 'async iterator', scenario: 'iterators', column: 'hot', contestant: 'handle', atLeast: 1.3 },
  ...['create-flat', 'create-nested'].flatMap((scenario) =>
    ['jit', 'jitless'].map((column): Bar => ({
      claim: `validation of ${scenario === 'create-flat' ? 'an object of 4 fields' : 'an order of 5 lines'}, ${column}`,
      scenario,
      column,
      contestant: 'validation',
      atLeast: 0.9,
    })),
  ),
  {
    claim: 'events replayed from the retail file, a second',
    scenario: 'retail',
    column: 'speed',
    contestant: 'shop',
    atLeast: 100_000,
  },
]

/** Whether a figure reaches the bar. It misses only where even its favourable quartile lies below. */
export function judge(bar: Bar, results: readonly Result[]): Verdict {
  const ours = resultOf(results, bar)?.figure
  if (!ours) return { ...bar, outcome: 'not measured' }
  const rivals = (bar.against ?? []).map((contestant) => {
    // The yardstick against itself is 1, whatever its own rounds say.
    const figure = contestant === 'node' ? one : resultOf(results, { ...bar, contestant })?.figure
    return { contestant, figure }
  })
  if (rivals.some(({ figure }) => figure === undefined)) return { ...bar, outcome: 'not measured' }
  const fastest = rivals.toSorted((a, b) => (b.figure?.median ?? 0) - (a.figure?.median ?? 0))[0]
  const figure = quotient(ours, fastest?.figure ?? one)
  const outcome = figure.median >= bar.atLeast ? 'holds' : figure.high >= bar.atLeast ? 'near' : 'missed'
  const loop = resultOf(results, { ...bar, contestant: 'loop' })?.figure
  return {
    ...bar,
    outcome,
    figure,
    ...(fastest ? { opponent: fastest.contestant } : {}),
    ...(loop ? { byHand: quotient(loop, fastest?.figure ?? one).median } : {}),
  }
}

/** Whether every bar that was measured is reached, or missed by less than its spread; false where none was measured. */
export function passed(verdicts: readonly Verdict[]): boolean {
  const measured = verdicts.filter(({ outcome }) => outcome !== 'not measured')
  return measured.length > 0 && measured.every(({ outcome }) => outcome !== 'missed')
}

const one: Summary = { median: 1, low: 1, high: 1, rounds: 1 }

/** The one as a multiple of the other, with the spread of both. */
function quotient(a: Summary, b: Summary): Summary {
  return {
    median: a.median / b.median,
    low: a.low / b.high,
    high: a.high / b.low,
    rounds: a.rounds,
  }
}
