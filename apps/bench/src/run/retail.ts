import { execFile } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { short, type Retail } from '../report/report.ts'
import { summarise } from '../report/statistics.ts'

const shop = fileURLToPath(new URL('../../../shop/', import.meta.url))
// Imported before the demo: tells its peak resident memory in bytes when it ends.
const report = "process.stderr.write('\\npeak-memory ' + process.resourceUsage().maxRSS * 1024 + '\\n')"
const meter = `data:text/javascript,${encodeURIComponent(`process.on('exit', () => ${report})`)}`
const patience = 600_000

/** What the parts of the demo's JSON report that we read look like. */
interface ReplayReport {
  readonly accepted: number
  readonly rejected: number
  readonly seconds: number
}

/** Replays a retail file through the demo, as many times as told, each in a new process of `node`. */
export async function replayRetail(file: string | undefined, rounds: number, node: string): Promise<Retail> {
  if (file === undefined) return { leftOut: 'no file was given; name one with `--retail FILE`' }
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return { leftOut: `there is no file ${basename(file)}` }
  const runs: { report: ReplayReport; peak: number }[] = []
  for (let round = 0; round < rounds; round++) {
    try {
      runs.push(await replayOnce(file, node))
    } catch (error) {
      return { leftOut: `the demo could not replay ${basename(file)}: ${(error as Error).message}` }
    }
  }
  const { accepted, rejected } = runs[0]!.report
  return {
    file: basename(file),
    events: accepted,
    rejected,
    speed: short(summarise(runs.map(({ report }) => report.accepted / report.seconds))),
    memory: short(summarise(runs.map(({ peak }) => peak / 2 ** 20))),
  }
}

function replayOnce(file: string, node: string): Promise<{ report: ReplayReport; peak: number }> {
  const built = join(shop, 'dist/main.js')
  const main = existsSync(built) ? [built] : ['--conditions=@tidings/source', join(shop, 'src/main.ts')]
  const flags = ['--disable-warning=ExperimentalWarning', '--import', meter]
  return new Promise((resolve, reject) => {
    const args = [...flags, ...main, 'replay', file, '--json', '--show-rejects', '0']
    execFile(node, args, { timeout: patience, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      const peak = /^peak-memory (\d+)$/m.exec(stderr)?.[1]
      // 3: it read the whole file, and rejected some rows.
      if ((error && error.code !== 3) || peak === undefined) {
        reject(new Error(stderr.trim().split('\n').at(-1) ?? 'it ended without a word'))
      } else resolve({ report: JSON.parse(stdout) as ReplayReport, peak: Number(peak) })
    })
  })
}
