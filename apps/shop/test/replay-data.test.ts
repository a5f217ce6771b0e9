import { EventEmitter } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Writable } from 'node:stream'
import { gunzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { replay } from '../src/replay/cli.ts'
import { report } from '../src/replay/report-command.ts'
import type { JsonFigures, JsonReport } from '../src/replay/report/json.ts'
import { csv, DemoProcess, type Ended, Folder, HEADER, row } from './fixtures/demo-process.ts'

const folder = new Folder()
afterAll(() => folder[Symbol.dispose]())

let folders = 0
/** A data folder that is not there yet. */
const newData = (): string => join(folder.path, `data-${++folders}`)

/** Runs `demo replay` or `demo report` in this process: most of what is tried here takes many of them. */
async function run(command: string, ...args: string[]): Promise<Ended> {
  const outputs = { stdout: new Written(), stderr: new Written() }
  const io = { ...outputs, signals: new EventEmitter(), raise: () => {} }
  const code = await (command === 'replay' ? replay : report)(args, io)
  return { code, stdout: outputs.stdout.text, stderr: outputs.stderr.text }
}

const replayed = (...args: string[]): Promise<Ended> => run('replay', ...args)

class Written extends Writable {
  text = ''

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

async function filled(path: string, data: string): Promise<JsonReport> {
  const { code, stdout, stderr } = await replayed(path, '--data', data, '--json')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as JsonReport
}

type Answer = JsonFigures & { readonly as_of: string | null; readonly seconds: number }

async function reported(data: string, asOf?: string): Promise<Answer> {
  const { code, stdout, stderr } = await run('report', '--data', data, '--json', ...(asOf ? ['--as-of', asOf] : []))
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as Answer
}

function figuresOf(report: JsonFigures): JsonFigures {
  const { rows_by_kind, totals, by_country, by_month, top20, rows_failing_rule, ledgers } = report
  return { rows_by_kind, totals, by_country, by_month, top20, rows_failing_rule, ledgers }
}

describe('the made-up file, of two months', () => {
  const path = join(import.meta.dirname, 'fixtures/made-up.csv')
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  /** A file with only the rows of up to a time, which is what there was then. */
  const upTo = (time: string): string => {
    const rows = lines
      .slice(1)
      .filter((line) => /\d{4}-\d\d-\d\d \d\d:\d\d/.exec(line)![0].slice(0, time.length) <= time)
    return folder.write(`up to ${time.replaceAll(':', '')}.csv`, `${[HEADER, ...rows].join('\n')}\n`)
  }

  test('INVARIANT: a report as of a date says what a file that ends there says', async () => {
    const data = newData()
    const whole = await filled(path, data)
    expect(figuresOf(await reported(data))).toEqual(figuresOf(whole))
    for (const date of [
      '2023-12',
      '2024-01',
      '2024-02',
      '2024-01-30',
      '2024-02-02',
      '2024-01-31 10:00',
      '2024-02-03T10:59',
    ]) {
      const { stdout } = await replayed(upTo(date.replace('T', ' ')), '--json')
      expect(figuresOf(await reported(data, date)), date).toEqual(figuresOf(JSON.parse(stdout) as JsonReport))
    }
  })

  test('a file that is not in the order of time is cut by time all the same', async () => {
    const data = newData()
    await filled(folder.write('backwards.csv', `${[HEADER, ...lines.slice(1).toReversed()].join('\n')}\n`), data)
    const { totals } = await reported(data, '2024-01')
    const { stdout } = await replayed(upTo('2024-01'), '--json')
    expect(totals).toEqual((JSON.parse(stdout) as JsonReport).totals)
  })
})

describe('what is kept', () => {
  test('is not taken in again, and a file that has grown goes on', async () => {
    const data = newData()
    const path = folder.write('grows.csv', csv(row(), row({ units: 'six' })))
    const first = await replayed(path, '--data', data, '--json')
    expect(JSON.parse(first.stdout)).toMatchObject({ accepted: 1, rejected: 1, kept: { before: 0, added: 1 } })
    const again = await replayed(path, '--data', data, '--json')
    expect(JSON.parse(again.stdout)).toMatchObject({ accepted: 1, kept: { before: 1, added: 0 }, totals: { rows: 1 } })
    folder.write('grows.csv', csv(row(), row({ units: 'six' }), row({ units: '7' })))
    const { stdout } = await replayed(path, '--data', data)
    expect(stdout).toContain('kept         1 added, 1 were there')
    expect((await reported(data)).totals).toMatchObject({ rows: 2, units_net: 13 })
  })

  test.for([
    ['another file', csv(row({ units: '8' }), row())],
    ['a file that is shorter', csv(row())],
  ])('is not mixed with %s', async ([what, text]) => {
    const data = newData()
    await filled(folder.write('one.csv', csv(row(), row({ units: '7' }))), data)
    const path = folder.write(`${what!}.csv`, text!)
    const { code, stderr } = await replayed(path, '--data', data)
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `error ${path} differs from the file that the folder was filled from, whose 2 rows up to row 3 are there\nReplay that one again, or name another folder with --data: one holds one file.\n`,
    })
    expect((await reported(data)).totals).toMatchObject({ rows: 2, units_net: 13 })
  })
})

describe('what is asked wrongly is told with what would be right', () => {
  test.for<[args: [command: string, ...rest: string[]], told: string]>([
    [['report'], 'report: --data must name the folder that demo replay FILE --data DIR has filled'],
    [
      ['report', '--data', 'x', '--as-of', '2011-02-30'],
      'report: --as-of must be a month, a day or a time that exists, as 2011-01, 2011-01-31 or "2011-01-31 16:59", not "2011-02-30"',
    ],
    [['report', '--data', 'x', '--as-of', '31.1.2011'], 'not "31.1.2011"'],
    [['report', '--data', 'x', '--until', '2011'], "report: Unknown option '--until'"],
    [['replay', 'FILE', '--data', ''], 'replay: --data takes the folder to keep the events in'],
  ])('%s', async ([args, told]) => {
    const { code, stdout, stderr } = await run(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(told)
  })

  test('a folder without retail data', async () => {
    const missing = await run('report', '--data', join(folder.path, 'nowhere'))
    expect(missing).toMatchObject({ code: 1, stdout: '' })
    expect(missing.stderr).toMatch(
      /^error the data folder ".*nowhere" does not exist\nFill it first: demo replay FILE --data DIR\.\n$/,
    )
    expect((await run('report', '--data', folder.path)).stderr).toContain('has no retail.db')
    const file = folder.write('no-folder', '')
    expect((await run('report', '--data', file)).stderr).toContain('is no folder')
    const replay = await replayed(folder.write('fine.csv', csv(row())), '--data', file)
    expect({ code: replay.code, stdout: replay.stdout }).toEqual({ code: 1, stdout: '' })
    expect(replay.stderr).toMatch(/^error ".*no-folder" cannot be a data folder \(EEXIST/)
  })

  test('a file that is no store, or of a newer release', async () => {
    folder.write('retail.db', 'no database, but some text that is long enough for a header of one, and then some more')
    expect(await run('report', '--data', folder.path)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error the file ".*retail\.db" is damaged, or no SQLite file/) as string,
    })
    const data = newData()
    await filled(folder.write('fine.csv', csv(row())), data)
    const database = new DatabaseSync(join(data, 'retail.db'))
    database.exec('INSERT INTO tidings_schema VALUES (99)')
    database.close()
    const newer = await run('report', '--data', data)
    expect(newer).toMatchObject({ code: 1, stdout: '' })
    expect(newer.stderr).toContain('was written by a newer @tidings/sqlite: its schema is 99')
  })
})

describe('the file of January', () => {
  const data = resolve(import.meta.dirname, '../../../../shared/data')
  const path = join(data, 'online_retail_2011-01.csv.gz')
  const missing = existsSync(path) ? undefined : `cannot run: ${basename(path)} must lie in ../shared/data`

  test('INVARIANT: a replay that is killed goes on where it was, and gives every figure exactly', async (context) => {
    if (missing !== undefined) {
      // The default reporter counts a skipped test and keeps its reason to itself.
      console.info(`${context.task.name}: ${missing}`)
      context.skip(missing)
    }
    const truth = JSON.parse(readFileSync(path.replace('.csv.gz', '.truth.json'), 'utf8')) as JsonFigures
    const kept = newData()
    let kills = 0
    const came: number[] = []
    // Killed when a few more commits are there each time.
    for (let size = 1_000_000; kills < 4; size += 4_000_000) {
      const demo = new DemoProcess(['replay', path, '--data', kept])
      const watch = setInterval(() => {
        if (sizeOf(join(kept, 'retail.db-wal')) + sizeOf(join(kept, 'retail.db')) > size) demo.child.kill('SIGKILL')
      }, 5)
      const { code } = await demo.ended
      clearInterval(watch)
      if (code !== null) break
      kills++
      came.push(rowsIn(kept))
    }
    console.info(`killed ${kills} times, with ${came.join(', ')} rows kept`)
    expect(kills).toBeGreaterThan(1)
    expect(came.at(-1)).toBeGreaterThan(0)
    const { kept: counts, ...last } = await filled(path, kept)
    expect(counts!.before).toBe(came.at(-1))
    expect(counts!.before + counts!.added).toBe(truth.totals.rows)
    expect(figuresOf(last)).toEqual(figuresOf(truth))
    expect(figuresOf(await reported(kept, '2011-01'))).toEqual(figuresOf(truth))

    const day = '2011-01-17'
    expect((await reported(kept, day)).totals).toMatchObject(
      simpleTotals(gunzipSync(readFileSync(path)).toString(), day),
    )
  })
})

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

function rowsIn(data: string): number {
  const database = new DatabaseSync(join(data, 'retail.db'))
  try {
    const row = database.prepare(`SELECT count(*) AS rows FROM tidings_log WHERE type != 'retail.file.read'`).get()
    return Number(row!['rows'])
  } finally {
    database.close()
  }
}

/** Another way to the same figures: as one would do it for this file alone, in hundredths, which its prices are in. */
function simpleTotals(text: string, day: string): Record<string, number> {
  const rows = text
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) =>
      /^(\w+),(?:[^,]*),(?:"(?:[^"]|"")*"|[^,]*),(-?\d+),(\d{4}-\d\d-\d\d) [^,]*,([\d.]+),([\d.]*),/.exec(line)!,
    )
    .filter(([, , , date]) => date! <= day)
  const sum = (of: readonly RegExpExecArray[]): number =>
    of.reduce((total, [, , quantity, , price]) => total + Number(quantity) * Math.round(Number(price) * 100) * 10, 0)
  const cancelled = rows.filter(([, invoice]) => invoice!.startsWith('C'))
  return {
    rows: rows.length,
    invoices: new Set(rows.map(([, invoice]) => invoice)).size,
    customers: new Set(rows.map(([, , , , , customer]) => customer).filter((customer) => customer !== '')).size,
    units_net: rows.reduce((total, [, , quantity]) => total + Number(quantity), 0),
    revenue_net_mills: sum(rows),
    revenue_cancelled_mills: sum(cancelled),
  }
}
