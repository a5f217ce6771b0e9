import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { MemorySample } from './flatness.ts'

/** What the parts of the demo's JSON report that we read look like. */
export interface ReplayReport {
  readonly accepted: number
  readonly rejected: number
  readonly seconds: number
  /** What the views of the shop came to, by the names that a truth file has too. */
  readonly [figure: string]: unknown
}

/** One replay: what the demo said of it, and its memory every 10 ms, at its end, and at its peak. */
export interface Replay {
  readonly report: ReplayReport
  readonly samples: readonly MemorySample[]
  readonly peak: number
}

const shop = fileURLToPath(new URL('../../../shop/', import.meta.url))
// Imported before the demo: watches its memory and tells of it at the end.
const watch = `const samples = []
const timer = setInterval(() => {
  const { rss, heapUsed } = process.memoryUsage()
  samples.push({ resident: rss, heap: heapUsed })
}, 10).unref()
process.on('exit', () => {
  const memory = { samples, peak: process.resourceUsage().maxRSS * 1024 }
  process.stderr.write('\\nmemory ' + JSON.stringify(memory) + '\\n')
})`
const meter = `data:text/javascript,${encodeURIComponent(watch)}`
const patience = 600_000

/** Replays a retail file through the demo in a new process of `node`; with `data`, into an event store in that folder. */
export function replay(file: string, node: string, data?: string): Promise<Replay> {
  const built = join(shop, 'dist/main.js')
  const main = existsSync(built) ? [built] : ['--conditions=@tidings/source', join(shop, 'src/main.ts')]
  const flags = ['--disable-warning=ExperimentalWarning', '--import', meter]
  return new Promise((resolve, reject) => {
    const kept = data === undefined ? [] : ['--data', data]
    const args = [...flags, ...main, 'replay', file, '--json', '--show-rejects', '0', ...kept]
    execFile(node, args, { timeout: patience, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      const memory = /^memory (.+)$/m.exec(stderr)?.[1]
      // 3: it read the whole file, and rejected some rows.
      if ((error && error.code !== 3) || memory === undefined) {
        reject(new Error(stderr.trim().split('\n').at(-1) ?? 'it ended without a word'))
      } else {
        const watched = JSON.parse(memory) as Pick<Replay, 'samples' | 'peak'>
        resolve({ report: JSON.parse(stdout) as ReplayReport, ...watched })
      }
    })
  })
}
