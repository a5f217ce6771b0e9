import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test, type TestContext, vi } from 'vitest'
import type { JsonReport } from '../src/replay/report/json.ts'
import { Folder, OTHER_HEADER, replayed } from './fixtures/demo-process.ts'

// Processes start slowly where the machine is busy.
vi.setConfig({ testTimeout: 60_000 })

const folder = new Folder()
afterAll(() => folder[Symbol.dispose]())

const compared = ['rows_by_kind', 'totals', 'by_country', 'by_month', 'top20', 'rows_failing_rule', 'ledgers'] as const

/** Replays a file and expects exactly these figures, and that no row was rejected. */
async function expectFigures(path: string, truth: Readonly<Partial<Record<keyof JsonReport, unknown>>>): Promise<void> {
  const { code, stdout, stderr } = await replayed(path, '--json')
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('rejected') })
  const { seconds, accepted, rejected, ...figures } = JSON.parse(stdout) as JsonReport
  expect(figures).toEqual(Object.fromEntries(compared.map((key) => [key, truth[key]])))
  expect({ accepted, rejected }).toEqual({ accepted: figures.totals.rows, rejected: 0 })
  expect(seconds).toBeGreaterThan(0)
}

describe('the made-up file, worked out by hand', () => {
  const text = readFileSync(join(import.meta.dirname, 'fixtures/made-up.csv'), 'utf8')
  const { ledger_lines, ...figures } = JSON.parse(
    readFileSync(join(import.meta.dirname, 'fixtures/made-up.truth.json'), 'utf8'),
  ) as Record<string, unknown> & { ledger_lines: Record<string, string[]> }
  const ledgers = Object.fromEntries(
    Object.entries(ledger_lines).map(([name, lines]) => {
      const ledger = lines.map((line) => `${line}\n`).join('')
      return [name, createHash('sha256').update(ledger).digest('hex')]
    }),
  )
  const truth = { ...figures, ledgers }

  /** The fields of the file, which has one quoted field and no line break within it. */
  const table = text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/,(?! ROUND)/))
  const order = [7, 2, 0, 5, 1, 6, 3, 4]
  const reordered = table.map((fields, at) => {
    const named = at === 0 ? OTHER_HEADER.split(',') : fields
    return order.map((column) => named[column]!)
  })
  const written = (newline: string): string => reordered.map((fields) => fields.join(',') + newline).join('')

  test.each<[string, string | Buffer]>([
    ['as it is', text],
    ['as gzip', gzipSync(text)],
    ['with CRLF and a byte order mark', `\ufeff${text.replaceAll('\n', '\r\n')}`],
    ['without a line break at the end', text.trimEnd()],
    ['with the other header, its columns in another order', written('\n')],
    ['with all of that at once', gzipSync(`\ufeff${written('\r\n').trimEnd()}`)],
    [
      'with every field quoted',
      reordered
        .map((fields) => `${fields.map((field) => (field.startsWith('"') ? field : `"${field}"`)).join(',')}\n`)
        .join(''),
    ],
  ])('%s', async (name, content) => {
    await expectFigures(folder.write(`${name}.csv`, content), truth)
  })
})

describe('the real files, against what an independent program has found', () => {
  const data = resolve(import.meta.dirname, '../../../../shared/data')
  const retail = (file: string): string => join(data, `${file}.csv.gz`)
  const truthOf = (file: string): string => join(data, `${file}.truth.json`)

  /** Skips, saying why, where the files are not there. */
  function needs(context: TestContext, ...paths: string[]): void {
    const missing = paths.filter((path) => !existsSync(path)).map((path) => basename(path))
    if (missing.length === 0) return
    const reason = `cannot run: ${missing.join(' and ')} must lie in ../shared/data`
    // The default reporter counts a skipped test and keeps its reason to itself.
    console.info(`${context.task.name}: ${reason}`)
    context.skip(reason)
  }

  test.for(['online_retail_2011-01', 'online_retail'])(
    'INVARIANT: every figure of %s is exact',
    async (file, context) => {
      needs(context, retail(file), truthOf(file))
      await expectFigures(retail(file), JSON.parse(readFileSync(truthOf(file), 'utf8')))
    },
  )

  // Once more where it takes more: the collector of garbage has threads of its own, and a busy machine keeps them waiting.
  test('INVARIANT: half a million rows take less than 256 MB', { retry: 2 }, async (context) => {
    needs(context, retail('online_retail'))
    const { code, stdout } = await replayed(retail('online_retail'))
    expect(code).toBe(0)
    expect(stdout).toContain('541,909 = 541,909 accepted + 0 rejected')
    const [, mebibytes] = /^ {2}peak memory +(\d+) MiB$/m.exec(stdout)!
    expect(Number(mebibytes) * 1024 * 1024).toBeLessThan(256_000_000)
  })

  test('a plain file is read as the packed one', async (context) => {
    needs(context, retail('online_retail_2011-01'))
    const packed = await replayed(retail('online_retail_2011-01'), '--json')
    const unpacked = gunzipSync(readFileSync(retail('online_retail_2011-01')))
    const plain = await replayed(folder.write('plain.csv', unpacked), '--json')
    const timeless = ({ stdout }: { stdout: string }): unknown => ({ ...(JSON.parse(stdout) as object), seconds: 0 })
    expect(timeless(plain)).toEqual(timeless(packed))
  })
})
