import { median, percentile } from '../report/statistics.ts'
import { Counted, type Race } from './subject.ts'

/** How long a race takes. */
export interface Pace {
  /** Timed slices of each subject. */
  readonly slices: number
  /** Slices of each that run before, untimed, so that both are compiled. */
  readonly warmUp: number
  /** Milliseconds of one slice, about. */
  readonly slice: number
  /** Milliseconds after which no more turns are taken, for operations that take many slices; five are always. */
  readonly limit: number
}

const defaultPace: Pace = { slices: 31, warmUp: 24, slice: 1, limit: 1000 }

/** What a race came to. */
export interface Timed {
  /** The contestant's speed as a multiple of the yardstick's. */
  readonly ratio: number
  /** Nanoseconds of one operation, or of one of its units. */
  readonly contestant: number
  readonly yardstick: number
}

/**
 * Times two subjects in turns, so that whatever else the machine does falls on both. Of each, the 20th percentile
 * counts: below it lie lucky slices, above it disturbed ones.
 */
export async function race({ contestant, yardstick }: Race, pace: Pace = defaultPace): Promise<Timed> {
  const { slices, warmUp, slice, limit } = pace
  const first = new Counted(contestant, 'the contestant')
  const second = new Counted(yardstick, 'the yardstick')
  const prepare = async (): Promise<[number, number]> => {
    const early = await turns(first, second, await tuned(first, slice), await tuned(second, slice), warmUp, limit)
    return [fitting(early.counts[0], early.first, slice), fitting(early.counts[1], early.second, slice)]
  }
  let counts = await prepare()
  first.check('before')
  second.check('before')
  if (contestant.change && yardstick.change) {
    // The loops are compiled by now for the subscriptions that were.
    contestant.change()
    yardstick.change()
    counts = await prepare()
  }
  const timed = await turns(first, second, counts[0], counts[1], slices, limit)
  first.check('after')
  second.check('after')
  const ns = (times: number[], count: number, units = 1): number => (percentile(times, 0.2) / count / units) * 1e6
  const result = {
    contestant: ns(timed.first, counts[0], contestant.units),
    yardstick: ns(timed.second, counts[1], yardstick.units),
  }
  return { ratio: result.yardstick / result.contestant, ...result }
}

interface Turns {
  readonly counts: readonly [number, number]
  readonly first: number[]
  readonly second: number[]
}

/** Lets both run by turns, each as often. */
async function turns(
  first: Counted,
  second: Counted,
  one: number,
  two: number,
  slices: number,
  limit: number,
): Promise<Turns> {
  const times: Turns = { counts: [one, two], first: [], second: [] }
  const start = performance.now()
  for (let turn = 0; turn < slices; turn++) {
    if (turn >= 5 && performance.now() - start > limit) break
    // Who begins changes, so that what the one leaves behind does not always fall on the other.
    if (turn % 2 === 0) times.first.push(await first.time(one))
    times.second.push(await second.time(two))
    if (turn % 2 === 1) times.first.push(await first.time(one))
  }
  return times
}

/** How many operations fill a slice, for code that has hardly run. */
export async function tuned(subject: Counted, slice: number): Promise<number> {
  for (let count = 1; ; count *= 2) {
    const elapsed = await subject.time(count)
    if (elapsed >= slice / 2 || count >= 2 ** 24) return fitting(count, [elapsed], slice)
  }
}

export function fitting(count: number, times: readonly number[], slice: number): number {
  return Math.max(1, Math.round((count * slice) / Math.max(median(times.slice(-9)), 1e-4)))
}
