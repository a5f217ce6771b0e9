import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { flatnessOf, halvesOf } from '../src/run/flatness.ts'
import { repeatRows } from '../src/run/repeat.ts'
import { checkFigures, replayRetail } from '../src/run/retail.ts'

test('a retail file that is not given, or not there, is left out with the reason', async () => {
  await expect(replayRetail(undefined, 1, process.execPath)).resolves.toEqual({
    leftOut: 'no file was given; name one with `--retail FILE`',
  })
  await expect(replayRetail('/nowhere/sales.csv', 1, process.execPath)).resolves.toEqual({
    leftOut: 'there is no file sales.csv',
  })
})

describe('what comes out of a file', () => {
  const counts = { accepted: 1, rejected: 0, seconds: 1 }
  let folder: string
  beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'tidings-truth-'))))
  afterAll(() => rmSync(folder, { recursive: true }))

  test('is held to the replay in memory where there is no truth file', () => {
    const one = { ...counts, totals: { rows: 1 } }
    const file = join(folder, 'lonely.csv')
    expect(checkFigures(file, { ...one, seconds: 2 }, one)).toBe('memory')
    expect(() => checkFigures(file, { ...one, totals: { rows: 2 } }, one)).toThrow('other figures: totals')
  })

  test.for(['sales.csv', 'sales.csv.gz'])('is held to the truth file beside %s', (name) => {
    writeFileSync(join(folder, 'sales.truth.json'), JSON.stringify({ totals: { rows: 3 }, rows: 3 }))
    const right = { ...counts, totals: { rows: 3 } }
    expect(checkFigures(join(folder, name), right, counts)).toBe('truth file')
    expect(() => checkFigures(join(folder, name), counts, counts)).toThrow('other figures: totals')
  })
})

describe('memory', () => {
  const sample = (resident: number, heap: number) => ({ resident: resident * 2 ** 20, heap: heap * 2 ** 20 })

  test('is told by the highest of each half of a run', () => {
    const samples = [sample(1, 9), sample(5, 2), sample(3, 3), sample(4, 4), sample(6, 1)]
    expect(halvesOf(samples)).toEqual({ resident: [5, 6], heap: [9, 4] })
  })

  test('is as flat as that which grows more', () => {
    expect(flatnessOf({ resident: [100, 100], heap: [40, 80] })).toBe(0.5)
    expect(flatnessOf({ resident: [90, 100], heap: [80, 40] })).toBe(0.9)
  })
})

describe('rows are repeated', () => {
  let folder: string
  beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'tidings-repeat-'))))
  afterAll(() => rmSync(folder, { recursive: true }))

  test.for([
    { name: 'rows.csv', text: 'head\n1\n2\n' },
    { name: 'unended.csv', text: 'head\n1\n2' },
    { name: 'rows.csv.gz', text: 'head\n1\n2\n' },
    // More than one chunk of a file.
    { name: 'long.csv', text: `head\n${'row\n'.repeat(100_000)}` },
  ])('with one head: $name', async ({ name, text }) => {
    const file = join(folder, name)
    const to = join(folder, `${name}.repeated.gz`)
    writeFileSync(file, name.endsWith('.gz') ? gzipSync(text) : text)
    await repeatRows(file, 3, to)
    const rows = text.slice(5).replace(/\n?$/, '\n')
    expect(gunzipSync(readFileSync(to)).toString()).toBe(`head\n${rows.repeat(3)}`)
  })
})
