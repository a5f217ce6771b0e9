import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { jobsOf, runJobs } from '../src/run/orchestrator.ts'
import { progressOn } from '../src/run/progress.ts'
import { seeded, shuffled } from '../src/run/random.ts'
import { scenarios } from '../src/scenarios/scenarios.ts'

const main = join(import.meta.dirname, '../src/main.ts')
const keys = (jobs: ReturnType<typeof jobsOf>) => jobs.map((job) => JSON.stringify(Object.values(job)))

describe('the jobs of a plan', () => {
  test('hold every contestant of every scenario and column once in each round', () => {
    const some = scenarios.filter(({ id }) => id === 'publish-1' || id === 'patterns')
    const jobs = jobsOf({ scenarios: some, rounds: 3, seed: 1 })
    const cells = some.flatMap((s) => s.columns.flatMap((c) => Object.keys(s.contestants).map((n) => [s.id, c, n])))
    expect(jobs).toHaveLength(cells.length * 3)
    expect(new Set(keys(jobs)).size).toBe(jobs.length)
    expect(jobs.map(({ round }) => round)).toEqual(jobs.map((_, at) => Math.floor(at / cells.length)))
  })

  test('come in the same order for one seed, and in another for another', () => {
    const order = (seed: number) => keys(jobsOf({ scenarios, rounds: 1, seed }))
    expect(order(1)).toEqual(order(1))
    expect(order(1)).not.toEqual(order(2))
    expect(order(1).toSorted()).toEqual(order(2).toSorted())
  })

  test('leave out what takes too long, and rounds beyond those that are enough', () => {
    const removal = scenarios.filter(({ id }) => id === 'growth-remove-random')
    const jobs = jobsOf({ scenarios: removal, rounds: 9, seed: 1 }).filter(({ column }) => column === '100000')
    expect([...new Set(jobs.map(({ contestant }) => contestant))].toSorted()).toEqual(['handle', 'string'])
    expect(jobs).toHaveLength(2 * 3)
  })
})

describe('running jobs', { timeout: 60_000 }, () => {
  test('gives each a process, and the others go on when one breaks down', async () => {
    const job = { scenario: 'publish-0', column: 'hot', contestant: 'mitt', round: 0 }
    const seen: string[] = []
    const { samples, breakdowns } = await runJobs(
      [{ ...job, contestant: 'nobody' }, job],
      { node: process.execPath, main },
      ({ contestant }, done, total) => seen.push(`${contestant} ${done}/${total}`),
    )
    expect(seen).toEqual(['nobody 0/2', 'mitt 1/2'])
    expect(breakdowns).toEqual([
      { job: { ...job, contestant: 'nobody' }, message: 'Error: there is no contestant "nobody"' },
    ])
    expect(samples).toEqual([
      { job, value: expect.any(Number), contestant: expect.any(Number), yardstick: expect.any(Number) },
    ])
  })

  test('ends with the signal, the job that runs included', async () => {
    const stop = new AbortController()
    const job = { scenario: 'publish-0', column: 'hot', contestant: 'mitt', round: 0 }
    let begun = 0
    const running = runJobs([job, job], { node: process.execPath, main, signal: stop.signal }, () => {
      begun++
      setImmediate(() => stop.abort())
    })
    await expect(running).rejects.toMatchObject({ name: 'AbortError' })
    expect(begun).toBe(1)
  })
})

test('progress says where it is and how long it will take', () => {
  let time = 0
  const written: string[] = []
  const screen = { isTTY: true, write: (text: string) => written.push(text) }
  const told = progressOn(screen, scenarios, () => time)
  const job = { scenario: 'publish-1', column: 'hot', contestant: 'mitt', round: 0 }
  told(job, 0, 10)
  time = 5000
  told(job, 5, 10)
  expect(written).toEqual([
    '\r\u001B[K[1/10] Publish to handlers: 1 handler, hot, mitt',
    '\r\u001B[K[6/10, 5 s left] Publish to handlers: 1 handler, hot, mitt',
  ])
})

test('progress in a log is a line now and then, and one at the end', () => {
  let time = 0
  const written: string[] = []
  const told = progressOn({ write: (text: string) => written.push(text) }, scenarios, () => time)
  const job = { scenario: 'publish-1', column: 'hot', contestant: 'mitt', round: 0 }
  for (let at = 0; at < 100; at++, time += 1000) told(job, at, 100)
  expect(written.map((line) => line.slice(0, line.indexOf('/')))).toEqual(['[1', '[31', '[61', '[91', '[100'])
})

test('a seed gives the same numbers from 0 up to 1 each time', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (seed) => {
      const [one, two] = [seeded(seed), seeded(seed)]
      for (let at = 0; at < 20; at++) {
        const value = one()
        expect(value).toBe(two())
        expect(value >= 0 && value < 1).toBe(true)
      }
    }),
  )
})

test('shuffling keeps every item', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.nat(), (items, seed) => {
      const result = shuffled(items, seeded(seed))
      expect(result.toSorted((a, b) => a - b)).toEqual(items.toSorted((a, b) => a - b))
    }),
  )
})
