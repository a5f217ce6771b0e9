import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { bars } from '../src/report/bars.ts'
import { judge } from '../src/report/judge.ts'
import { markdownOf } from '../src/report/markdown.ts'
import { barChart, lineChart } from '../src/report/plot.ts'
import { plotsOf } from '../src/report/plots.ts'
import { partOf, type Report, type Result, resultsOf } from '../src/report/report.ts'
import { jsonOf, writePage } from '../src/report/write.ts'
import { scenarios } from '../src/scenarios/scenarios.ts'

const cell = (scenario: string, column: string, contestant: string, median: number, spread = 0.05): Result => ({
  scenario,
  column,
  contestant,
  figure: { median, low: median - spread, high: median + spread, rounds: 5 },
  nanoseconds: 10 / median,
  yardstick: 10,
})

const results: Result[] = [
  cell('publish-3', 'warmed', 'handle', 5),
  cell('publish-3', 'warmed', 'string', 0.8),
  cell('publish-3', 'warmed', 'mitt', 0.5),
  cell('publish-3', 'warmed', 'tseep', 7),
  cell('publish-3', 'warmed', 'loop', 9),
  cell('publish-3', 'hot', 'handle', 6),
  cell('publish-3', 'hot', 'tseep', 6.02),
  cell('growth-churn', '10', 'handle', 1),
  cell('growth-churn', '100000', 'handle', 0.9),
  {
    scenario: 'memory',
    column: 'one topic',
    contestant: 'string',
    figure: { median: 90, low: 90, high: 90, rounds: 2 },
  },
  { scenario: 'memory', column: 'one topic', contestant: 'node', figure: { median: 12, low: 12, high: 12, rounds: 2 } },
]

const report: Report = {
  mode: 'quick',
  environment: {
    date: '2026-01-02T03:04:05.000Z',
    commit: 'abc1234',
    node: '24.0.0',
    v8: '13.6',
    cpu: 'A Processor',
    cores: 2,
    memory: 8,
    system: 'Linux x64',
    files: 'ext4',
    load: [0.1, 1.2],
    versions: { mitt: '3.0.1' },
  },
  rounds: 5,
  seed: 7,
  minutes: 2.5,
  results,
  retail: {
    file: 'sales.csv',
    events: 541_909,
    rejected: 0,
    speed: { median: 250_000, low: 240_000, high: 260_000, rounds: 3 },
    memory: { median: 140, low: 139, high: 141, rounds: 3 },
    once: { resident: [130, 185], heap: [37, 60] },
    passes: 4,
    repeated: { resident: [185, 190], heap: [62, 61] },
    flatness: { median: 0.97, low: 0.96, high: 0.98, rounds: 3 },
    durable: {
      speed: { median: 45_000, low: 44_000, high: 46_000, rounds: 3 },
      memory: { median: 180, low: 179, high: 181, rounds: 3 },
      checked: 'truth file',
    },
  },
  verdicts: bars.map((bar) => judge(bar, results)),
  nodes: [],
  breakdowns: [{ job: { scenario: 'once', column: 'hot', contestant: 'rxjs', round: 0 }, message: 'it broke' }],
}

const page = markdownOf(report, scenarios, plotsOf(scenarios, results), 'process')

describe('the page', () => {
  test('says when and where it was measured, and that it is a quick run', () => {
    expect(page).toContain(
      '2026-01-02, commit abc1234, Node 24.0.0 (V8 13.6), A Processor, 2 cores, 8 GiB, Linux x64, temporary files on ext4, load 0.1 before',
    )
    expect(page).toContain('This is a quick run')
  })

  test('shows each figure with its quartiles, the fastest bold, and leaves loops by hand out of the contest', () => {
    expect(page).toContain('| tidings, by handle | 6.00<br><sub>5.95–6.05</sub> | 5.00<br>')
    expect(page).toContain('| tseep (generates code) | **6.02**<br><sub>5.97–6.07</sub> | **7.00**')
    expect(page).toContain('| *a loop by hand that isolates errors* | – | 9.00<br><sub>8.95–9.05</sub> |')
    expect(page).toContain('Fastest: hot tseep (generates code); warmed tseep (generates code).')
  })

  test('names every peer that is ahead, and says where the spreads overlap', () => {
    expect(page).toContain('- 3 handlers, warmed: tseep (generates code) 7.00; tidings, by handle 5.00')
    expect(page).toContain(
      '- 3 handlers, hot: tseep (generates code) 6.02 (within the spread); tidings, by handle 6.00',
    )
    expect(page).toContain(
      '- Heap bytes of one of 20,000 subscriptions, one topic: node:events 12 B; tidings, by string 90 B',
    )
  })

  test('names those ahead of our slower forms apart, and nobody who is behind', () => {
    const [fastest = '', slower = ''] = page.split('<details>')
    expect(slower).toContain('- 3 handlers, warmed: tseep (generates code) 7.00; tidings, by string 0.80')
    expect(fastest).not.toContain('tidings, by string 0.80')
    expect(page).not.toMatch(/^- .*\bmitt\b/m)
  })

  test('has a row for each bar, with its outcome', () => {
    for (const { claim } of bars) expect(page).toContain(`| ${claim} |`)
    expect(page).toContain('not measured')
  })

  test('shows growth as a factor with nanoseconds below, the replay, and what broke down', () => {
    expect(page).toContain('| tidings, by handle | 1.00<br><sub>10 ns</sub> | 0.90<br><sub>11 ns</sub> |')
    expect(page).toContain('541,909 events')
    expect(page).toContain('- once, hot, rxjs, round 1: it broke')
  })

  test('has tables whose rows all have the cells of their head', () => {
    const tables = page.split('\n\n').filter((part) => part.startsWith('|'))
    expect(tables.length).toBeGreaterThan(3)
    for (const table of tables) {
      const cells = table.split('\n').map((line) => line.split('|').length)
      expect(new Set(cells).size, table).toBe(1)
    }
  })

  test('links plots that exist', () => {
    const files = plotsOf(scenarios, results).map(({ file }) => file)
    expect([...page.matchAll(/\(benchmarks\/(\S+?)\)/g)].map(([, file]) => file)).toEqual(files)
    expect(files).toEqual(['publish-3-warmed.svg', 'growth-churn.svg'])
  })

  test('tells the memory of the replay by halves', () => {
    expect(page).toContain('the first half reaches 0.97 of the second')
    expect(page).toContain('| one pass, resident | 130 MiB | 185 MiB |')
  })

  test('says why there is no replay', () => {
    expect(markdownOf({ ...report, retail: { leftOut: 'no file' } }, scenarios, [], 'process')).toContain(
      'Left out: no file.',
    )
  })
})

describe('the files', () => {
  test('replace the plots of an earlier run, and the JSON reads back as the report', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidings-bench-'))
    try {
      writePage(report, scenarios, 'process', folder)
      writeFileSync(join(folder, 'benchmarks/old.svg'), '')
      writePage(report, scenarios, 'process', folder)
      expect(readdirSync(folder).toSorted()).toEqual(['benchmarks', 'benchmarks.md'])
      expect(readdirSync(join(folder, 'benchmarks')).toSorted()).toEqual([
        'growth-churn.svg',
        'publish-3-warmed.svg',
        'report.json',
      ])
      expect(JSON.parse(readFileSync(join(folder, 'benchmarks/report.json'), 'utf8'))).toEqual(
        partOf(report, scenarios, 'process'),
      )
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('of another page hold its own scenarios and bars, and nothing of this one', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidings-bench-'))
    try {
      const published = cell('sqlite-publish', 'FULL, 64 in flight', 'tidings', 0.75)
      const all: Report = { ...report, results: [...results, published] }
      writePage({ ...all, verdicts: bars.map((bar) => judge(bar, all.results)) }, scenarios, 'sqlite', folder)
      expect(readdirSync(folder).toSorted()).toEqual(['benchmarks-sqlite', 'benchmarks-sqlite.md'])
      const text = readFileSync(join(folder, 'benchmarks-sqlite.md'), 'utf8')
      expect(text).toContain('| publish into a file, 64 in flight, FULL |')
      expect(text).not.toContain('3 handlers')
      expect(text).not.toContain('retail')
      const part = JSON.parse(readFileSync(join(folder, 'benchmarks-sqlite/report.json'), 'utf8')) as Report
      expect(part.results).toEqual([published])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('hold small objects on one line, and none wider than the formatter allows', () => {
    const lines = jsonOf(report).split('\n')
    expect(lines).toContain('      "figure": { "median": 5, "low": 4.95, "high": 5.05, "rounds": 5 },')
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120)
  })
})

describe('a plot', () => {
  const chart = barChart('Title & more', 'one < two', [
    { label: 'slow', side: 'peer', value: 0.5, low: 0.4, high: 0.6 },
    { label: 'fast', side: 'ours', value: 5, low: 4.9, high: 5.1 },
  ])

  test('is readable on light and on dark ground, and to those who do not see it', () => {
    expect(chart).toContain('@media (prefers-color-scheme: dark)')
    expect(chart).toContain('<title id="title">Title &amp; more: one &lt; two</title>')
  })

  test('has the longest bar on top', () => {
    expect(chart.indexOf('>fast<')).toBeLessThan(chart.indexOf('>slow<'))
    expect([...chart.matchAll(/<rect .*?width="([\d.]+)"/g)].map(([, width]) => Number(width) > 100)).toEqual([
      true,
      false,
    ])
  })

  test('of growth keeps labels apart that would lie upon each other', () => {
    const line = (label: string) => ({
      label,
      side: 'peer' as const,
      points: [
        [10, 5],
        [100, 5],
      ] as const,
    })
    const text = lineChart('Growth', 'of time', [line('one'), line('two'), line('three')])
    const heights = [...text.matchAll(/y="([\d.]+)" style="fill/g)].map(([, y]) => Number(y)).toSorted((a, b) => a - b)
    expect(heights).toHaveLength(3)
    expect(heights[1]! - heights[0]!).toBeGreaterThanOrEqual(17)
    expect(heights[2]! - heights[1]!).toBeGreaterThanOrEqual(17)
  })
})

test('samples of one cell become one figure with its spread, rounded to four digits', () => {
  const job = { scenario: 'publish-1', column: 'hot', contestant: 'mitt' }
  const sample = (round: number, value: number) => ({ job: { ...job, round }, value, contestant: 20, yardstick: 10 })
  expect(resultsOf([sample(0, 1), sample(1, 3), sample(2, 2.123456)])).toEqual([
    { ...job, figure: { median: 2.123, low: 1.562, high: 2.562, rounds: 3 }, nanoseconds: 20, yardstick: 10 },
  ])
})
