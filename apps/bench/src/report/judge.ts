import type { Bar } from './bars.ts'
import { resultOf, type Result } from './report.ts'
import type { Summary } from './statistics.ts'

/** What became of a bar. */
export interface Verdict extends Bar {
  /** Against the design's number. `near`: so close to it that two runs on one machine would disagree. */
  readonly outcome: 'holds' | 'near' | 'missed' | 'not measured'
  /** The multiple of the opponent's speed. */
  readonly figure?: Summary
  /** The fastest of `against`. */
  readonly opponent?: string
  /** The multiple of the speed that what is held instead is about, where that is another's. */
  readonly instead?: Summary
  /** What the same figure is for the least code that isolates errors, where that was measured: about what is possible. */
  readonly byHand?: number
}

/** Whether a figure reaches the bar of the design, by its median, which other load on the machine hardly moves. */
export function judge(bar: Bar, results: readonly Result[]): Verdict {
  const reached = against(bar, bar.against, results)
  if (!reached) return { ...bar, outcome: 'not measured' }
  const { figure, opponent, speed } = reached
  const outcome = outcomeOf(figure.median / bar.atLeast)
  const instead = bar.held?.against && against(bar, bar.held.against, results)?.figure
  const loop = resultOf(results, { ...bar, contestant: 'loop' })?.figure
  return {
    ...bar,
    outcome,
    figure,
    ...(opponent === undefined ? {} : { opponent }),
    ...(instead ? { instead } : {}),
    ...(loop ? { byHand: quotient(loop, speed).median } : {}),
  }
}

/**
 * By how much the medians of two runs on one machine differ: of one commit we saw 0.97 and 1.02 by definition with 1,000
 * topics, 1.39 and 1.46 awaited, quiet and with others at work.
 */
const sameness = 0.05

function outcomeOf(share: number): Verdict['outcome'] {
  if (Math.abs(share - 1) <= sameness) return 'near'
  return share > 1 ? 'holds' : 'missed'
}

/** Our speed as a multiple of the fastest rival's, or of the yardstick's; undefined where one was not measured. */
function against(
  bar: Bar,
  rivals: readonly string[] | undefined,
  results: readonly Result[],
): { figure: Summary; opponent?: string; speed: Summary } | undefined {
  const ours = resultOf(results, bar)?.figure
  if (!ours) return undefined
  if (!rivals) return { figure: ours, speed: one }
  const measured = rivals.flatMap((contestant) => {
    // The yardstick against itself is 1, whatever its own rounds say.
    const speed = contestant === 'node' ? one : resultOf(results, { ...bar, contestant })?.figure
    return speed ? { contestant, speed } : []
  })
  const [fastest] = measured.toSorted((a, b) => b.speed.median - a.speed.median)
  if (!fastest || measured.length < rivals.length) return undefined
  return { figure: quotient(ours, fastest.speed), opponent: fastest.contestant, speed: fastest.speed }
}

/** Whether a bar lies under what is held (the design's number, unless said otherwise) by more than its spread. */
export function fails(verdict: Verdict): boolean {
  const { figure, held, atLeast } = verdict
  // Whoever reaches the design's number need not reach the one that stands in for it.
  if (figure === undefined || figure.high >= atLeast) return false
  const reached = heldFigure(verdict)
  return held === undefined || reached === undefined || reached.high < held.atLeast
}

/** The figure that what is held is about. */
function heldFigure({ figure, held, instead }: Verdict): Summary | undefined {
  return held?.against ? instead : figure
}

/** Whether no bar fails that was measured; false where none was. */
export function passed(verdicts: readonly Verdict[]): boolean {
  return verdicts.some(({ figure }) => figure !== undefined) && !verdicts.some(fails)
}

/** What to do about a held number that is clearly exceeded; undefined where it is not. */
export function hintOf(verdict: Verdict): string | undefined {
  const { id, figure, held, atLeast } = verdict
  const reached = heldFigure(verdict)
  if (held === undefined || held.slower || figure === undefined || reached === undefined) return undefined
  if (figure.low >= atLeast) return `${id} reaches ${atLeast} by more than its spread: end its concession`
  const low = Math.floor(reached.low * 100) / 100
  if (low <= held.atLeast * (1 + room)) return undefined
  return `${id} reaches ${low} by more than its spread: raise what is held, ${held.atLeast}, if other machines do, too`
}

/** What a held number may leave to other machines before there is a hint to raise it. */
const room = 0.25

/** Share of Node 24's figure that other Nodes are to reach. */
export const likeness = 0.8

/** Whether a bar's figure on another Node lies under Node 24's by more than a fifth. */
export function fallsBehind(there: Verdict, here: Verdict): boolean {
  return there.figure !== undefined && here.figure !== undefined && there.figure.median < here.figure.median * likeness
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
