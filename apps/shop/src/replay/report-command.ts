import { parseArgs } from 'node:util'
import { isTidingsError } from '@tidings/core'
import { Archive } from './archive.ts'
import type { ReplayIo } from './cli.ts'
import { quoted } from './input/printable.ts'
import { parseTimestamp } from './input/timestamp.ts'
import { archiveReport } from './report/human.ts'
import { jsonFigures, rounded } from './report/json.ts'
import { print, styleFor, widthOf } from './report/terminal.ts'
import { exitCodes, reportSynopsis, reportUsage } from './usage.ts'

/** The `report` command. Resolves to its exit code, after all output has been handed over; never throws. */
export async function report(args: readonly string[], io: Pick<ReplayIo, 'stdout' | 'stderr'>): Promise<number> {
  const request = parse(args)
  if (typeof request === 'string') {
    io.stderr.write(`${request}\n${reportSynopsis}\n--help tells more.\n`)
    return exitCodes.usage
  }
  if (request.help) {
    await print(io.stdout, reportUsage)
    return exitCodes.complete
  }
  const fail = (text: string): number => {
    io.stderr.write(`${styleFor(io.stderr)('red', 'error')} ${text}\n`)
    return exitCodes.failed
  }
  try {
    const start = performance.now()
    await using archive = await Archive.open(request.data)
    const shop = await archive.report(request.asOf)
    const seconds = (performance.now() - start) / 1000
    const title = `Retail data in ${request.data}${request.asOf === undefined ? '' : `, as of ${request.asOf}`}`
    const text = request.json
      ? `${JSON.stringify({ as_of: request.asOf ?? null, ...jsonFigures(shop), seconds: rounded(seconds) })}\n`
      : archiveReport(title, shop, seconds, styleFor(io.stdout), widthOf(io.stdout))
    const unwritten = await print(io.stdout, text)
    return unwritten ? fail(`the report cannot be written: ${unwritten.message}`) : exitCodes.complete
  } catch (error) {
    return fail(isTidingsError(error) ? error.message : error instanceof Error ? error.stack! : String(error))
  }
}

interface Request {
  readonly help: boolean
  readonly json: boolean
  readonly data: string
  /** The beginning of a time, as `invoicedAt` has it. */
  readonly asOf: string | undefined
}

/** The request, or what is wrong with it. */
function parse(args: readonly string[]): Request | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        json: { type: 'boolean', default: false },
        data: { type: 'string', default: '' },
        'as-of': { type: 'string' },
      },
    })
    const { help, json, data, 'as-of': date } = values
    if (!help && data === '') return 'report: --data must name the folder that demo replay FILE --data DIR has filled'
    const asOf = date === undefined ? undefined : beginningOf(date)
    if (date !== undefined && asOf === undefined) {
      return `report: --as-of must be a month, a day or a time that exists, as 2011-01, 2011-01-31 or "2011-01-31 16:59", not ${quoted(date)}`
    }
    return { help, json, data, asOf }
  } catch (error) {
    return `report: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** `2011-01`, `2011-01-31` or a time of that day, if there is such a one. */
function beginningOf(date: string): string | undefined {
  if (!/^\d{4}-\d\d(?:-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?)?$/.test(date)) return undefined
  const whole = `${date}${'YYYY-01-01 00:00:00'.slice(date.length)}`
  return parseTimestamp(whole) === undefined ? undefined : date.replace('T', ' ')
}
