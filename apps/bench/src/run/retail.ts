import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { type Retail, short } from '../report/report.ts'
import { median, summarise } from '../report/statistics.ts'
import { flatnessOf, type Halves, halvesOf, mebibytes } from './flatness.ts'
import { repeatRows } from './repeat.ts'
import { type Replay, replay, type ReplayReport } from './replay.ts'

/**
 * How often the rows are repeated where memory is to be flat. The views of the demo remember each distinct row, invoice
 * and customer: one pass grows by these, the passes after it by nothing.
 */
const passes = 4

/** Replays a retail file through the demo, as many times as told, each in a new process of `node`. */
export async function replayRetail(file: string | undefined, rounds: number, node: string): Promise<Retail> {
  if (file === undefined) return { leftOut: 'no file was given; name one with `--retail FILE`' }
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return { leftOut: `there is no file ${basename(file)}` }
  const folder = mkdtempSync(join(tmpdir(), 'tidings-retail-'))
  try {
    const repeated = join(folder, 'repeated.csv.gz')
    await repeatRows(file, passes, repeated)
    const once = await times(rounds, () => replay(file, node))
    const often = await times(rounds, () => replay(repeated, node))
    const kept = await times(rounds, (time) => replay(file, node, join(folder, `data-${time}`)))
    return retailOf(file, once, often, kept)
  } catch (error) {
    return { leftOut: `the demo could not replay ${basename(file)}: ${(error as Error).message}` }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function times(count: number, run: (time: number) => Promise<Replay>): Promise<Replay[]> {
  const replays: Replay[] = []
  for (let time = 0; time < count; time++) replays.push(await run(time))
  return replays
}

/** What a truth file tells, and each replay is to find. */
const figures = ['rows_by_kind', 'totals', 'by_country', 'by_month', 'top20', 'rows_failing_rule', 'ledgers']

/**
 * Holds a replay through a file to the truth file beside the retail file (`x.truth.json` of `x.csv.gz`), or, where there is
 * none, to the replay in memory. Which of them it was; throws where a figure is another.
 */
export function checkFigures(file: string, kept: ReplayReport, inMemory: ReplayReport): 'truth file' | 'memory' {
  const path = file.replace(/\.csv(\.gz)?$/, '.truth.json')
  const hasTruth = path !== file && existsSync(path)
  const truth = hasTruth ? (JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>) : inMemory
  const wrong = figures.filter((name) => !isDeepStrictEqual(kept[name], truth[name]))
  if (wrong.length > 0) throw new Error(`through sqlite() it came to other figures: ${wrong.join(', ')}`)
  return hasTruth ? 'truth file' : 'memory'
}

function retailOf(path: string, once: readonly Replay[], often: readonly Replay[], kept: readonly Replay[]): Retail {
  const [checked] = kept.map(({ report }) => checkFigures(path, report, once[0]!.report))
  const halves = often.map(({ samples }) => halvesOf(samples))
  const { accepted, rejected } = once[0]!.report
  return {
    file: basename(path),
    events: accepted,
    rejected,
    speed: short(summarise(once.map(({ report }) => report.accepted / report.seconds))),
    memory: short(summarise(once.map(({ peak }) => mebibytes(peak)))),
    once: medianOf(once.map(({ samples }) => halvesOf(samples))),
    passes,
    repeated: medianOf(halves),
    flatness: short(summarise(halves.map(flatnessOf))),
    durable: {
      speed: short(summarise(kept.map(({ report }) => report.accepted / report.seconds))),
      memory: short(summarise(kept.map(({ peak }) => mebibytes(peak)))),
      checked: checked!,
    },
  }
}

function medianOf(halves: readonly Halves[]): Halves {
  const of = (pick: (half: Halves) => number): number => Math.round(median(halves.map(pick)))
  return {
    resident: [of(({ resident }) => resident[0]), of(({ resident }) => resident[1])],
    heap: [of(({ heap }) => heap[0]), of(({ heap }) => heap[1])],
  }
}
