import { expect, test } from 'vitest'
import { type Pace, race } from '../src/run/race.ts'
import type { Subject } from '../src/run/subject.ts'

const pace: Pace = { slices: 3, warmUp: 2, slice: 0.01, limit: 1000 }

/** Something that delivers as many events as it is told to. */
function worker(each = 1): Subject & { changes: number } {
  const sink = { count: 0 }
  return {
    sink,
    changes: 0,
    run: (count) => {
      for (let at = 0; at < count; at++) sink.count += each
    },
    deliveries: (count) => count,
    change() {
      this.changes++
    },
  }
}

test('a race tells the time of both, and the one as a multiple of the other', async () => {
  const timed = await race({ contestant: worker(), yardstick: worker() }, pace)
  expect(timed.contestant).toBeGreaterThan(0)
  expect(timed.ratio).toBeCloseTo(timed.yardstick / timed.contestant)
})

test('nanoseconds are told for one unit of an operation', async () => {
  const many = { ...worker(), units: 1e9 }
  expect((await race({ contestant: many, yardstick: worker() }, pace)).contestant).toBeLessThan(1e-3)
})

test('both are changed once, where both can be', async () => {
  const [one, two] = [worker(), worker()]
  await race({ contestant: one, yardstick: two }, pace)
  expect([one.changes, two.changes]).toEqual([1, 1])
  const { change: _, ...fixed } = worker()
  const three = worker()
  await race({ contestant: three, yardstick: fixed }, pace)
  expect(three.changes).toBe(0)
})

test('asynchronous operations are awaited', async () => {
  const sink = { count: 0 }
  const slow: Subject = {
    sink,
    run: async (count) => {
      await Promise.resolve()
      sink.count += count
    },
    deliveries: (count) => count,
  }
  await expect(race({ contestant: slow, yardstick: worker() }, pace)).resolves.toBeTypeOf('object')
})

test('whoever loses events, or delivers one twice, has no time', async () => {
  await expect(race({ contestant: worker(0), yardstick: worker() }, pace)).rejects.toThrow(
    /^the contestant delivered 0 events before, expected \d+$/,
  )
  await expect(race({ contestant: worker(), yardstick: worker(2) }, pace)).rejects.toThrow(
    /^the yardstick delivered \d+ events before, expected \d+$/,
  )
})

test('whoever loses events once a subscription has changed has no time either', async () => {
  let each = 1
  const sink = { count: 0 }
  const forgetful: Subject = {
    sink,
    run: (count) => {
      sink.count += count * each
    },
    deliveries: (count) => count,
    change: () => {
      each = 0
    },
  }
  await expect(race({ contestant: forgetful, yardstick: worker() }, pace)).rejects.toThrow('the contestant delivered')
})
