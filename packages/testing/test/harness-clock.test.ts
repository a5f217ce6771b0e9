import { expect, test } from 'vitest'
import { virtualClock } from '../src/index.ts'

test('a virtual clock stands still until it is advanced', async () => {
  const clock = virtualClock({ start: 0 })
  const rung: number[] = []
  clock.after(1000, () => rung.push(clock.now()))
  await new Promise((resolve) => setTimeout(resolve, 2))
  expect([clock.now(), clock.next, clock.timers, rung]).toEqual([0, 1000, 1, []])
  await clock.advance(999)
  expect([clock.now(), rung]).toEqual([999, []])
  await clock.advance('1ms')
  expect([clock.now(), clock.next, rung]).toEqual([1000, undefined, [1000]])
})

test('timers run by time, and those of one time by age', async () => {
  const clock = virtualClock()
  const order: string[] = []
  clock.after(20, () => order.push('late'))
  clock.after(10, () => order.push('first of two'))
  clock.after(10, () => order.push('second of two'))
  clock.after(0, () => order.push('at once'))
  await clock.advance(20)
  expect(order).toEqual(['at once', 'first of two', 'second of two', 'late'])
})

test('promises run between two timers, and timers that they make are part of the advance', async () => {
  const clock = virtualClock({ start: 0 })
  const seen: [string, number][] = []
  const ticking = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) {
      await clock.sleep(10)
      seen.push(['slept', clock.now()])
    }
  }
  const done = ticking()
  clock.after(15, () => seen.push(['between', clock.now()]))
  await clock.advance(30)
  await done
  expect(seen).toEqual([
    ['slept', 10],
    ['between', 15],
    ['slept', 20],
    ['slept', 30],
  ])
})

test('a timer that is taken back does not run, and taking it back twice does nothing', async () => {
  const clock = virtualClock()
  let rung = 0
  const cancel = clock.after(5, () => rung++)
  clock.after(5, () => rung++)
  cancel()
  cancel()
  await clock.advance(5)
  expect([rung, clock.timers]).toEqual([1, 0])
})

test('advances that overlap are done one after the other', async () => {
  const clock = virtualClock({ start: 0 })
  await Promise.all([clock.advance(10), clock.advance(10)])
  expect(clock.now()).toBe(20)
})

test('a sleep ends with its signal, and leaves no timer', async () => {
  const clock = virtualClock()
  const controller = new AbortController()
  const slept = clock.sleep('1h', controller.signal)
  controller.abort(new Error('enough'))
  await expect(slept).rejects.toThrow('enough')
  await expect(clock.sleep('1h', controller.signal)).rejects.toThrow('enough')
  expect(clock.timers).toBe(0)
})

test('what a timer throws rejects the advance, and the clock goes on working', async () => {
  const clock = virtualClock({ start: 0 })
  clock.after(5, () => {
    throw new Error('broken timer')
  })
  await expect(clock.advance(10)).rejects.toThrow('broken timer')
  expect(clock.now()).toBe(5)
  await clock.advance(5)
  expect(clock.now()).toBe(10)
})

test('a start that is no time is refused', () => {
  expect(() => virtualClock({ start: 'noon' })).toThrow('`start` must be a time, received "noon"')
})
