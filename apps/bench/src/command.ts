/** Measures, judges, writes. `--help` tells more. */
import { join } from 'node:path'
import { type Request, requestOf, usage } from './arguments.ts'
import { passed } from './report/bars.ts'
import { markdownOf, verdictLines } from './report/markdown.ts'
import type { Report } from './report/report.ts'
import { jsonOf, writeReport } from './report/write.ts'
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
  if (!request.check && !request.only) writeReport(report, scenarios, join(import.meta.dirname, '../../../docs'))
  process.stdout.write(request.json ? jsonOf(report) : summaryOf(report, request))
  for (const { job, message } of report.breakdowns) {
    process.stderr.write(`${job.scenario}, ${job.column}, ${job.contestant} could not be measured: ${message}\n`)
  }
  return report.breakdowns.length > 0 || (request.check && !passed(report.verdicts)) ? 1 : 0
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

/** What a reader at a terminal wants to see. */
function summaryOf(report: Report, { check, only }: Request): string {
  if (only && !check) return markdownOf(report, scenarios, [], '')
  const verdicts = verdictLines(report.verdicts, scenarios).join('\n')
  return `${verdicts}\n${check ? '' : 'Written: docs/benchmarks.md, docs/benchmarks/\n'}`
}
