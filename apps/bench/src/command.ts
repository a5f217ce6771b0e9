/** Measures, judges, writes. `--help` tells more. */
import { join } from 'node:path'
import { type Request, requestOf, usage } from './arguments.ts'
import { markdownOf } from './report/markdown.ts'
import { fallsBehind, passed, type Verdict } from './report/judge.ts'
import type { Report } from './report/report.ts'
import { verdictText } from './report/verdicts.ts'
import { jsonOf, writePage } from './report/write.ts'
import { measureAll } from './run/measure-all.ts'
import { scenarios } from './scenarios/scenarios.ts'

const request = requestOf(process.argv.slice(2), scenarios)
if (typeof request === 'string') {
  process.stderr.write(`${request}\n--help tells more.\n`)
  process.exitCode = 2
} else if (request.help) process.stdout.write(usage)
else process.exitCode = await bench(request)

async function bench(request: Request): Promise<number> {
  const report = await measured(request)
  if (!report) return 130
  const writes = !request.check && !request.only && !request.quick
  const docs = join(import.meta.dirname, '../../../docs')
  const written = writes ? request.pages.map((page) => writePage(report, scenarios, page, docs)) : []
  process.stdout.write(request.json ? jsonOf(report) : summaryOf(report, request))
  if (writes) process.stderr.write(`Written, in docs: ${written.join(', ')}\n`)
  for (const { job, message } of report.breakdowns) {
    process.stderr.write(`${job.scenario}, ${job.column}, ${job.contestant} could not be measured: ${message}\n`)
  }
  return report.breakdowns.length > 0 || (request.check && !passes(report)) ? 1 : 0
}

/** The report, or undefined where Ctrl-C came before its end. */
async function measured(request: Request): Promise<Report | undefined> {
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  try {
    return await measureAll(request, scenarios, process.stderr, stop.signal)
  } catch (error) {
    if (!stop.signal.aborted) throw error
    process.stderr.write('\nstopped; nothing is written\n')
    return undefined
  }
}

/** Whether every bar is held that was measured, under load, too, and no other Node is far behind. */
function passes({ verdicts, loaded, nodes }: Report): boolean {
  const keepsUp = (there: Verdict): boolean =>
    !verdicts.some((here) => here.id === there.id && fallsBehind(there, here))
  return (
    passed(verdicts) && (!loaded || passed(loaded.verdicts)) && nodes.every(({ verdicts }) => verdicts.every(keepsUp))
  )
}

/** What a reader at a terminal wants to see. */
function summaryOf(report: Report, { check, only, quick }: Request): string {
  if (only && !check && !quick) return markdownOf(report, scenarios, [], only[0]?.page ?? 'process')
  const { verdicts, loaded, nodes, environment } = report
  const parts = [
    { where: `Node ${environment.node}`, verdicts },
    ...(loaded ? [{ where: `Node ${environment.node}, other cores busy`, verdicts: loaded.verdicts }] : []),
    ...nodes.map((each) => ({ where: `Node ${each.node}`, verdicts: each.verdicts })),
  ]
  const texts = parts.map(({ where, verdicts }) => `${where}\n${verdictText(verdicts, scenarios)}\n`)
  return texts.join('\n')
}
