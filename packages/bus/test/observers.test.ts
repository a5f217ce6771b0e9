import { expect, test } from 'vitest'
import { createBus, handler, memory, type Observer } from '../src/index.ts'
import { quiet } from './support/recording-member.ts'
import { ShelfScanned, testedBus } from './support/shop.ts'

const failing = handler(ShelfScanned, { group: 'g', retry: { attempts: 2, delay: 0 } }, ({ data }) => {
  if (data.shelf > 0) throw new Error(`no shelf ${data.shelf}`)
})

/** An observer with state, that says which of its hooks were called. */
class Counter implements Observer {
  readonly hooks: string[] = []
  published(): void {
    this.hooks.push('published')
  }
  failed(): void {
    this.hooks.push('failed')
  }
  deadLettered(): void {
    this.hooks.push('deadLettered')
  }
}

test('several observers are told, in their order, each as itself', async () => {
  const told: string[] = []
  const second = new Counter()
  const observer = [{ handled: () => void told.push('one') }, second, { handled: () => void told.push('two') }]
  await using tested = await testedBus({ handlers: [failing], observer })
  await tested.bus.publish(ShelfScanned, { shelf: 0 })
  await tested.bus.publish(ShelfScanned, { shelf: 1 })
  await tested.pass(10)
  expect(told).toEqual(['one', 'two'])
  expect(second.hooks).toEqual(['published', 'published', 'failed', 'failed', 'deadLettered'])
})

test('INVARIANT: an observer that throws or rejects is told to the log, and harms neither the others nor the event', async () => {
  const last = new Counter()
  const observer: Observer[] = [
    {
      published: () => {
        throw new Error('the page is gone')
      },
      handled: async () => {
        await quiet(1)
        throw new Error('the metrics are away')
      },
      get deadLettered() {
        if (isStarted) throw new Error('no such hook')
        return undefined as never
      },
    },
    last,
  ]
  let isStarted = false
  await using tested = await testedBus({ handlers: [failing], observer })
  isStarted = true
  for (const shelf of [0, 1]) await tested.bus.publish(ShelfScanned, { shelf })
  await tested.pass(10)
  expect(last.hooks).toEqual(['published', 'published', 'failed', 'failed', 'deadLettered'])
  const errors = tested.log.lines.filter(({ message }) => message.startsWith('the observer'))
  expect(
    errors.map(({ level, message, facts }) => [level, message, String((facts as { error: Error }).error)]),
  ).toEqual([
    ['error', 'the observer failed in `published`', 'Error: the page is gone'],
    ['error', 'the observer failed in `published`', 'Error: the page is gone'],
    ['error', 'the observer failed in `handled`', 'Error: the metrics are away'],
    ['error', 'the observer failed in `deadLettered`', 'Error: no such hook'],
  ])
  expect(await tested.bus.deadLetters.count()).toBe(1)
})

test('INVARIANT: an observer does not silence the log', async () => {
  const facts = { type: ShelfScanned.type, group: 'shop.g', id: expect.any(String) as string }
  const parked = {
    level: 'error',
    message: 'an event was parked among the dead letters',
    facts: { ...facts, attempt: 2, reason: 'attempts-exhausted', error: { message: 'no shelf 1' } },
  }
  const retried = {
    level: 'warn',
    message: 'an attempt failed',
    facts: { ...facts, attempt: 1, retryIn: 0, error: { message: 'no shelf 1' } },
  }
  for (const observer of [undefined, { failed() {}, deadLettered() {}, discarded() {}, connection() {} }]) {
    await using tested = await testedBus({ handlers: [failing], observer })
    await tested.bus.publish(ShelfScanned, { shelf: 1 })
    await tested.pass(10)
    expect(tested.log.lines).toMatchObject([retried, parked])
  }
})

test('an event that is discarded is logged, whoever is told', async () => {
  const discarding = handler(ShelfScanned, { group: 'g', retry: false, deadLetter: 'discard' }, () => {
    throw new Error('no')
  })
  await using tested = await testedBus({ handlers: [discarding] })
  const { id, type } = await tested.bus.publish(ShelfScanned, { shelf: 1 })
  await quiet()
  expect(tested.log.lines).toMatchObject([
    {
      level: 'error',
      message: 'an event was discarded',
      facts: {
        type,
        group: 'shop.g',
        id,
        attempt: expect.any(Number) as number,
        reason: 'attempts-exhausted',
        error: { message: 'no' },
      },
    },
  ])
  expect(tested.hooks('discarded')).toHaveLength(1)
})

test('a log that rejects or throws harms nobody', async () => {
  const log = {
    debug() {},
    info() {},
    warn: async () => Promise.reject(new Error('the disk is full')),
    error() {
      throw new Error('the disk is full')
    },
  }
  await using tested = await testedBus({ handlers: [failing], log: log as never })
  await tested.bus.publish(ShelfScanned, { shelf: 1 })
  await tested.pass(10)
  expect(await tested.bus.deadLetters.count()).toBe(1)
})

test.each([
  [[{}, { failed: 5 }], '`observer[1].failed` must be a function, received 5'],
  [[{}, null], '`observer[1]` must be an object, received null'],
  ['x', '`observer` must be an object, received "x"'],
])('an observer that cannot be meant is refused with its place: %j', async (observer, said) => {
  const options = { source: '/shop', transport: memory(), observer: observer as never }
  await expect(createBus(options)).rejects.toThrow(said)
})
