import type { Halves } from '../run/flatness.ts'
import type { Breakdown, Job, Sample } from '../run/job.ts'
import type { PageName, Scenario } from '../scenarios/scenario.ts'
import type { Verdict } from './judge.ts'
import { median, type Summary, summarise } from './statistics.ts'

/** All that a run came to; `report.json` is one. */
export interface Report {
  /** `quick` and `partial` leave scenarios out. */
  readonly mode: 'full' | 'quick' | 'partial'
  readonly environment: Environment
  readonly rounds: number
  readonly seed: number
  readonly minutes: number
  readonly results: readonly Result[]
  readonly retail: Retail
  readonly verdicts: readonly Verdict[]
  /** The bars once more while other cores were busy, where that was asked for. */
  readonly loaded?: Loaded
  /** The bars once more on other Nodes. */
  readonly nodes: readonly OtherNode[]
  readonly breakdowns: readonly Breakdown[]
}

/** Where and when it was measured. */
export interface Environment {
  readonly date: string
  /** Of this repository, with `-dirty` where files have changed since. */
  readonly commit: string
  readonly node: string
  readonly v8: string
  readonly cpu: string
  readonly cores: number
  readonly memory: number
  readonly system: string
  /** The file system that temporary files are on. */
  readonly files: string
  /** The load of the machine over one minute, before and after. */
  readonly load: readonly [number, number]
  /** Packages and their versions. */
  readonly versions: Readonly<Record<string, string>>
}

/** The bars on a loaded machine. */
export interface Loaded {
  /** Processes that did nothing but keep a core busy. */
  readonly busy: number
  /** The load of the machine over one minute, at the end. */
  readonly load: number
  readonly verdicts: readonly Verdict[]
}

/** The bars on another Node. */
export interface OtherNode {
  readonly node: string
  readonly v8: string
  readonly verdicts: readonly Verdict[]
}

/** One cell of a table. */
export interface Result {
  readonly scenario: string
  readonly column: string
  readonly contestant: string
  /** Over the rounds: a ratio to the yardstick, or bytes. */
  readonly figure: Summary
  /** The median nanoseconds of the contestant and of its yardstick, where the scenario is a race. */
  readonly nanoseconds?: number
  readonly yardstick?: number
  /** The median nanoseconds of CPU time of both, where a disk was waited for. */
  readonly cpu?: { readonly contestant: number; readonly yardstick: number }
}

/** The replay of a retail file, or why there is none. */
export type Retail =
  | { readonly leftOut: string }
  | {
      readonly file: string
      readonly events: number
      readonly rejected: number
      /** Events per second of the command's own count. */
      readonly speed: Summary
      /** Peak resident memory in MiB. */
      readonly memory: Summary
      /** Of one pass over the file. */
      readonly once: Halves
      /** How often the rows were repeated for `repeated` and `flatness`. */
      readonly passes: number
      readonly repeated: Halves
      /** The first half as a share of the second, of that which grows more. */
      readonly flatness: Summary
      /** Through an event store in a file, FULL, and the figures held to a truth file, or to those in memory. */
      readonly durable: {
        readonly speed: Summary
        readonly memory: Summary
        readonly checked: 'truth file' | 'memory'
      }
    }

/** What one page of a report tells. */
export function partOf(report: Report, scenarios: readonly Scenario[], page: PageName): Report {
  const isHere = ({ scenario: id }: { readonly scenario: string }): boolean =>
    // The replay has no scenario of its own.
    (scenarios.find((scenario) => scenario.id === id)?.page ?? 'process') === page
  const { loaded } = report
  return {
    ...report,
    results: report.results.filter(isHere),
    verdicts: report.verdicts.filter(isHere),
    ...(loaded ? { loaded: { ...loaded, verdicts: loaded.verdicts.filter(isHere) } } : {}),
    nodes: report.nodes.map((node) => ({ ...node, verdicts: node.verdicts.filter(isHere) })),
    breakdowns: report.breakdowns.filter(({ job }) => isHere(job)),
  }
}

/** The cells that the samples of all rounds make. */
export function resultsOf(samples: readonly (Sample & { readonly job: Job })[]): Result[] {
  const cells = Map.groupBy(samples, ({ job }) => keyOf(job))
  return [...cells.values()].map((cell) => {
    const { scenario, column, contestant } = cell[0]!.job
    const own = cell.flatMap(({ contestant }) => contestant ?? [])
    const yardstick = cell.flatMap(({ yardstick }) => yardstick ?? [])
    const cpu = cell.flatMap(({ cpu }) => cpu ?? [])
    return {
      scenario,
      column,
      contestant,
      figure: short(summarise(cell.map(({ value }) => value))),
      ...(own.length === 0 ? {} : { nanoseconds: rounded(median(own)) }),
      ...(yardstick.length === 0 ? {} : { yardstick: rounded(median(yardstick)) }),
      ...(cpu.length === 0
        ? {}
        : {
            cpu: {
              contestant: rounded(median(cpu.map(({ contestant }) => contestant))),
              yardstick: rounded(median(cpu.map(({ yardstick }) => yardstick))),
            },
          }),
    }
  })
}

/** The result of a cell, where it was measured. */
export function resultOf(
  results: readonly Result[],
  cell: Pick<Result, 'scenario' | 'column' | 'contestant'>,
): Result | undefined {
  return results.find((result) => keyOf(result) === keyOf(cell))
}

/** A place where somebody is faster, or smaller, than we are. */
export interface Ahead {
  readonly scenario: Scenario
  readonly column: string
  readonly peer: Result
  readonly ours: Result
  /** Whether the spreads of the two lie apart. */
  readonly clear: boolean
}

/** Every peer that is ahead of the form of ours that `pick` chooses. */
export function peersAhead(
  scenarios: readonly Scenario[],
  results: readonly Result[],
  pick: (ours: readonly Result[], better: (a: Result, b: Result) => boolean) => readonly Result[],
): Ahead[] {
  return scenarios.flatMap((scenario) => {
    // There, each contestant races itself.
    if (scenario.group === 'growth') return []
    const small = scenario.kind === 'memory'
    const better = (a: Result, b: Result): boolean =>
      small ? a.figure.median < b.figure.median : a.figure.median > b.figure.median
    const side = (result: Result) => scenario.contestants[result.contestant]?.side
    return scenario.columns.flatMap((column) => {
      const cells = results.filter((result) => result.scenario === scenario.id && result.column === column)
      const peers = cells.filter((cell) => side(cell) === 'peer').toSorted((a, b) => (better(a, b) ? -1 : 1))
      return pick(
        cells.filter((cell) => side(cell) === 'ours'),
        better,
      ).flatMap((ours) =>
        peers
          .filter((peer) => better(peer, ours))
          .map((peer) => {
            const clear = small ? peer.figure.high < ours.figure.low : peer.figure.low > ours.figure.high
            return { scenario, column, peer, ours, clear }
          }),
      )
    })
  })
}

/** The fastest of our forms. */
export function best(ours: readonly Result[], better: (a: Result, b: Result) => boolean): readonly Result[] {
  return ours.length === 0 ? [] : [ours.reduce((a, b) => (better(b, a) ? b : a))]
}

/** All of our forms but the fastest. */
export function others(ours: readonly Result[], better: (a: Result, b: Result) => boolean): readonly Result[] {
  const [first] = best(ours, better)
  return ours.filter((each) => each !== first)
}

function keyOf({ scenario, column, contestant }: Pick<Result, 'scenario' | 'column' | 'contestant'>): string {
  return JSON.stringify([scenario, column, contestant])
}

/** Four digits are more than the spread allows. */
function rounded(value: number): number {
  return Number(value.toPrecision(4))
}

export function short({ median, low, high, rounds }: Summary): Summary {
  return { median: rounded(median), low: rounded(low), high: rounded(high), rounds }
}
