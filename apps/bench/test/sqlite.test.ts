import { globSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import * as fc from 'fast-check'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { diskRace } from '../src/run/disk-race.ts'
import { runJobs } from '../src/run/orchestrator.ts'
import { appendsByHand, tidingsAppends } from '../src/sqlite/appends.ts'
import { contentsOf, hold, scratch } from '../src/sqlite/files.ts'
import { log, madeRows, readyRows } from '../src/sqlite/limit.ts'
import { consumedPerSecond } from '../src/sqlite/consumers.ts'
import { growing } from '../src/sqlite/growth.ts'
import { inFlight, orderAt, sumOf } from '../src/run/orders.ts'
import { tidingsPublisher } from '../src/sqlite/publishers.ts'
import { scenarios } from '../src/scenarios/scenarios.ts'

function files() {
  const folder = scratch()
  onTestFinished(() => folder.remove())
  return folder
}

/** Every row of a log, what tells one from the next alike. */
function rowsOf(file: string) {
  const database = new DatabaseSync(file, { readOnly: true })
  const rows = database.prepare(`SELECT * FROM ${log} ORDER BY position`).all()
  const settings = ['page_size', 'journal_mode', 'auto_vacuum'].map((name) => database.prepare(`PRAGMA ${name}`).get())
  database.close()
  const alike = (text: unknown): unknown =>
    typeof text === 'string'
      ? text
          .replaceAll(/[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g, 'a UUID')
          .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'a time')
          .replaceAll(/"sequence":"\d{16}"/g, 'a sequence')
      : text
  return {
    settings,
    rows: rows.map(({ at, ...row }) => ({
      ...Object.fromEntries(Object.entries(row).map(([name, value]) => [name, alike(value)])),
      at: typeof at,
    })),
  }
}

describe('the limit', () => {
  const same = { durability: 'full', perCommit: 64 } as const

  test.each([
    { what: 'of rows that lie ready', open: readyRows },
    { what: 'of rows that are made', open: madeRows },
  ])('$what writes what ours writes, column by column', async ({ open }) => {
    const folder = files()
    const ours = await tidingsPublisher({ file: folder.file('ours'), durability: 'full', inFlight: 64 })
    await ours.subject.run(2)
    await ours.close()
    const limit = await open({ ...same, file: folder.file('limit') })
    await limit.subject.run(2)
    await limit.close()
    const written = rowsOf(folder.file('limit'))
    expect(written.rows).toHaveLength(128)
    const expected = rowsOf(folder.file('ours'))
    // A lane is a number that its key decides: the loop by hand takes that of the first row.
    const laneless = ({ rows, settings }: typeof written) => ({
      settings,
      rows: rows.map((row) => ({ ...row, lane: 0 })),
    })
    expect(laneless(written)).toEqual(laneless(expected))
  })

  test('of appends writes what ours writes, column by column', async () => {
    const folder = files()
    const options = { durability: 'normal', callers: 4, batch: 3, streams: 2 } as const
    const ours = await tidingsAppends({ ...options, file: folder.file('ours') })
    await ours.subject.run(5)
    await ours.close()
    const limit = await appendsByHand({ ...options, file: folder.file('limit') })
    await limit.subject.run(5)
    await limit.close()
    const laneless = ({ rows }: ReturnType<typeof rowsOf>) => rows.map((row) => ({ ...row, lane: 0 }))
    expect(laneless(rowsOf(folder.file('limit')))).toEqual(laneless(rowsOf(folder.file('ours'))))
  })
})

test('a contestant whose rows are not in the file is found out', async () => {
  const folder = files()
  const ours = await tidingsPublisher({ file: folder.file('ours'), durability: 'normal', inFlight: 8 })
  await ours.subject.run(1)
  ours.subject.sink.count++
  await expect(ours.close()).rejects.toThrow('tidings left 8 rows with a sum of 36 in the file, expected 9 with 45')
  expect(() => hold('it', { rows: 2, sum: 4 }, { rows: 2, sum: 3 })).toThrow('a sum of 4')
  expect(() => contentsOf(folder.file('ours'), 'missing', '0')).toThrow('no such table')
})

describe('what grows is there, and stays, whatever comes to it', { timeout: 60_000 }, () => {
  test.for(Object.keys(growing))('%s', async (what) => {
    const { subject, close } = await growing[what]!(files().file('grown'), 2000)
    await subject.run(3)
    expect(subject.sink.count).toBe(subject.deliveries(3))
    await close()
  })
})

test('two processes handle each event once', { timeout: 60_000 }, async () => {
  vi.stubEnv('NODE_OPTIONS', '--conditions=@tidings/source')
  onTestFinished(() => void vi.unstubAllEnvs())
  await expect(consumedPerSecond(2, 300, { durability: 'normal', work: 0 })).resolves.toBeGreaterThan(0)
})

test('the sum of orders is that of their quantities', () => {
  fc.assert(
    fc.property(fc.nat(5000), (count) => {
      let sum = 0
      for (let at = 0; at < count; at++) sum += orderAt(at).quantity
      expect(sumOf(count)).toBe(sum)
    }),
    { numRuns: 30 },
  )
})

test('no more is in flight than there are callers, and each thing is done once', async () => {
  let now = 0
  let most = 0
  const done: number[] = []
  await inFlight(3, 10, async (at) => {
    most = Math.max(most, ++now)
    await new Promise((resolve) => setImmediate(resolve))
    now--
    done.push(at)
  })
  expect(most).toBe(3)
  expect(done.toSorted((a, b) => a - b)).toEqual([...Array(10).keys()])
})

test('a race on a disk tells time and CPU time for each unit', async () => {
  const subject = (milliseconds: number) => {
    const sink = { count: 0 }
    return {
      sink,
      run: async (count: number) => {
        await new Promise((resolve) => setTimeout(resolve, milliseconds * count))
        sink.count += 10 * count
      },
      deliveries: (count: number) => 10 * count,
      units: 10,
    }
  }
  const pace = { turns: 3, warmUp: 0, turn: 20, limit: 1000 }
  const timed = await diskRace({ contestant: subject(40), yardstick: subject(10) }, pace)
  expect(timed.ratio).toBeLessThan(0.6)
  expect(timed.contestant).toBeGreaterThan(3.5e6)
  // Whoever waits uses no CPU time to speak of.
  expect(timed.cpu.contestant).toBeLessThan(timed.contestant)
})

describe('no file is left behind', () => {
  const temporary = () => {
    const folder = files().file('temporary')
    mkdirSync(folder)
    for (const name of ['TMPDIR', 'TEMP', 'TMP']) vi.stubEnv(name, folder)
    onTestFinished(() => void vi.unstubAllEnvs())
    return folder
  }

  test('by a race that has ended', async () => {
    const folder = temporary()
    const scenario = scenarios.find(({ id }) => id === 'sqlite-publish')
    if (scenario?.kind !== 'race') throw new Error('there is no such race')
    const race = await scenario.prepare('tidings', 'NORMAL, 64 in flight')
    await race.contestant.run(1)
    await race.yardstick.run(1)
    expect(readdirSync(folder)).toHaveLength(1)
    await race.close?.()
    expect(readdirSync(folder)).toEqual([])
  })

  test('by a job that is stopped', { timeout: 60_000 }, async () => {
    const folder = temporary()
    // Our packages need not be built for it.
    vi.stubEnv('NODE_OPTIONS', '--conditions=@tidings/source')
    const stop = new AbortController()
    const job = { scenario: 'sqlite-publish', column: 'FULL, 1 in flight', contestant: 'tidings', round: 0 }
    const main = join(import.meta.dirname, '../src/main.ts')
    const running = runJobs([job], { node: process.execPath, main, signal: stop.signal }, () => {})
    await vi.waitFor(() => expect(globSync('*/tidings-bench-files-*/*', { cwd: folder })).not.toEqual([]), 30_000)
    stop.abort()
    await expect(running).rejects.toMatchObject({ name: 'AbortError' })
    await vi.waitFor(() => expect(readdirSync(folder)).toEqual([]), 10_000)
  })
})
