import { describe, expect, test } from 'vitest'
import { type DeadLetter, handler, type Middleware } from '../src/index.ts'
import { quiet } from './support/recording-member.ts'
import { OrderPlaced, ShelfScanned, type Tested, testedBus } from './support/shop.ts'

/** A value of which nothing can be asked without a throw. */
function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

function throwingGetter(name: string): object {
  return Object.defineProperty(new Error('odd'), name, {
    get() {
      throw new Error(`${name} cannot be read`)
    },
  })
}

const thrown: readonly [string, () => unknown][] = [
  ['undefined', () => undefined],
  ['null', () => null],
  ['a symbol', () => Symbol('odd')],
  ['a bigint', () => 10n],
  ['NaN', () => NaN],
  ['a text', () => 'odd'],
  ['a function', () => () => {}],
  ['a frozen object', () => Object.freeze({})],
  ['an object without a prototype', () => Object.assign(Object.create(null) as object, { code: 1 })],
  ['an error without a message', () => Object.assign(new Error('odd'), { message: undefined })],
  ['an error whose message cannot be read', () => throwingGetter('message')],
  ['an error whose name cannot be read', () => throwingGetter('name')],
  ['an error whose `retryable` cannot be read', () => throwingGetter('retryable')],
  ['an error whose `code` cannot be read', () => throwingGetter('code')],
  ['a revoked proxy', revoked],
]

const failed = 'an attempt failed'
const parked = 'an event was parked among the dead letters'

function messagesOf({ log }: Tested): string[] {
  return log.lines.map(({ message }) => message).toSorted()
}

async function lettersOf({ bus }: Tested): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = []
  for await (const letter of bus.deadLetters.list()) letters.push(letter)
  return letters
}

describe('what a handler throws', () => {
  test.for(thrown)('INVARIANT: %s fails the attempt, is parked, and takes no slot with it', async ([, odd]) => {
    await using tested = await testedBus({
      handlers: [
        handler(ShelfScanned, { group: 'g', concurrency: 1, retry: { attempts: 2, delay: 10 } }, ({ data }) => {
          if (data.shelf === 1) throw odd()
          return data.shelf === 2 ? Promise.reject(odd()) : undefined
        }),
      ],
    })
    for (const shelf of [1, 2, 3]) await tested.bus.publish(ShelfScanned, { shelf })
    await tested.pass(100)
    expect(await lettersOf(tested)).toMatchObject([
      { reason: 'attempts-exhausted', attempts: 2 },
      { reason: 'attempts-exhausted', attempts: 2 },
    ])
    expect(tested.hooks('handled')).toHaveLength(1)
    expect((await tested.bus.health()).groups).toMatchObject([{ running: 0, held: 0, retrying: 0, settled: 3 }])
    expect(messagesOf(tested)).toEqual([failed, failed, parked, parked])
  })

  test.for(thrown)('%s is what a batch handler may mark an event with, or throw', async ([, odd]) => {
    let marks = true
    const batch = { size: 2, wait: 5 }
    await using tested = await testedBus({
      handlers: [
        handler(ShelfScanned, { group: 'g', batch, concurrency: 1, retry: false }, (events, { fail }) => {
          const bad = events.find(({ data }) => data.shelf === 1)
          if (bad === undefined) return
          if (!marks) throw odd()
          fail(bad, odd())
        }),
      ],
    })
    for (const shelf of [1, 2]) await tested.bus.publish(ShelfScanned, { shelf })
    await tested.pass(100)
    marks = false
    for (const shelf of [1, 2]) await tested.bus.publish(ShelfScanned, { shelf })
    await tested.pass(100)
    expect(await lettersOf(tested)).toMatchObject([{ reason: 'attempts-exhausted' }, { reason: 'attempts-exhausted' }])
    expect(tested.hooks('handled')).toHaveLength(2)
    expect(messagesOf(tested)).toEqual([parked, parked])
  })
})

describe('what a handler returns', () => {
  test('a `then` that throws fails the attempt, and leaves no timer', async () => {
    await using tested = await testedBus({
      handlers: [
        handler(ShelfScanned, { group: 'g', retry: false, timeout: 50 }, () => ({
          // oxlint-disable-next-line unicorn/no-thenable -- what is tested
          then() {
            throw new Error('no promise after all')
          },
        })),
      ],
    })
    await tested.bus.publish(ShelfScanned, { shelf: 1 })
    await quiet()
    expect(tested.clock.timers).toBe(0)
    expect(await lettersOf(tested)).toMatchObject([{ error: { message: 'no promise after all' } }])
    expect((await tested.bus.health()).groups).toMatchObject([{ overdue: 0, running: 0 }])
  })

  test('a `then` that calls back twice after its time counts once', async () => {
    let done!: () => void
    await using tested = await testedBus({
      handlers: [
        handler(ShelfScanned, { group: 'g', retry: false, timeout: 50 }, () => ({
          // oxlint-disable-next-line unicorn/no-thenable -- what is tested
          then(resolve: () => void) {
            done = resolve
          },
        })),
      ],
    })
    await tested.bus.publish(ShelfScanned, { shelf: 1 })
    await tested.pass(200)
    expect((await tested.bus.health()).groups).toMatchObject([{ overdue: 1 }])
    done()
    done()
    await quiet()
    expect((await tested.bus.health()).groups).toMatchObject([{ overdue: 0 }])
  })

  test('INVARIANT: a function with a `then`, as query builders are, is waited for', async () => {
    const query = Object.assign(() => {}, {
      // oxlint-disable-next-line unicorn/no-thenable -- what is tested
      then(_resolve: () => void, reject: (error: unknown) => void) {
        reject(new Error('the query failed'))
      },
    })
    await using tested = await testedBus({
      handlers: [handler(ShelfScanned, { group: 'g', retry: false }, () => query)],
    })
    await tested.bus.publish(ShelfScanned, { shelf: 1 })
    await quiet()
    expect(await lettersOf(tested)).toMatchObject([{ error: { message: 'the query failed' } }])
  })

  test('what cannot be asked for a `then` is no promise', async () => {
    const results = [throwingGetter('then'), revoked()]
    await using tested = await testedBus({
      handlers: [handler(ShelfScanned, { group: 'g', retry: false }, () => results.shift() as never)],
    })
    for (const shelf of [1, 2]) await tested.bus.publish(ShelfScanned, { shelf })
    await quiet()
    expect(tested.hooks('handled')).toHaveLength(2)
  })
})

describe('a handler that goes on when its time is up', () => {
  test('INVARIANT: nothing of its key runs beside it for as long again; then it is left behind', async () => {
    const begun: string[] = []
    await using tested = await testedBus({
      handlers: [
        handler(
          OrderPlaced,
          { group: 'g', timeout: '1s', retry: { attempts: 2, delay: 10 } },
          ({ data }, { attempt }) => {
            begun.push(`${data.item} ${attempt}`)
            return data.item === 'first' ? new Promise(() => {}) : undefined
          },
        ),
      ],
    })
    for (const item of ['first', 'second']) await tested.bus.publish(OrderPlaced, { order: 1, item })
    await tested.pass(1_990)
    expect(begun).toEqual(['first 1'])
    await tested.pass(100)
    expect(begun).toEqual(['first 1', 'first 2'])
    await tested.pass(2_000)
    expect(begun).toEqual(['first 1', 'first 2', 'second 1'])
    expect((await tested.bus.health()).groups).toMatchObject([{ overdue: 2, running: 0, held: 0 }])
  })

  test('once it has ended the next attempt need not wait, and what it came to does not count', async () => {
    const begun: number[] = []
    let end!: () => void
    await using tested = await testedBus({
      handlers: [
        handler(
          OrderPlaced,
          { group: 'g', timeout: '1s', retry: { attempts: 2, delay: 10 } },
          (_event, { attempt }) => {
            begun.push(attempt)
            return attempt === 1 ? new Promise<void>((resolve) => (end = resolve)) : undefined
          },
        ),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(1_200)
    expect(begun).toEqual([1])
    end()
    await tested.pass(20)
    expect(begun).toEqual([1, 2])
    expect(tested.hooks('failed')).toMatchObject([{ error: { code: 'ATTEMPT_TIMEOUT' } }])
  })

  test('it is waited for no longer than 30 seconds', async () => {
    let attempts = 0
    await using tested = await testedBus({
      handlers: [
        handler(OrderPlaced, { group: 'g', timeout: '10m', retry: { attempts: 2, delay: 10 } }, () =>
          ++attempts === 1 ? new Promise(() => {}) : undefined,
        ),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(600_000)
    await tested.pass(29_000)
    expect(attempts).toBe(1)
    await tested.pass(2_000)
    expect(attempts).toBe(2)
  })
})

describe('a batch handler', () => {
  test('INVARIANT: one that heeds its signal is not called for what is over, nor beside a retry', async () => {
    const calls: string[] = []
    let now = 0
    let most = 0
    const batch = { size: 3, wait: 10 }
    const options = { group: 'g', timeout: 100, retry: { attempts: 2, delay: 10 }, batch, concurrency: 1 }
    await using tested = await testedBus({
      handlers: [
        handler(OrderPlaced, options, async (events, { signal }) => {
          calls.push(`${events.map(({ data }) => data.order).join()}${signal.aborted ? ' in vain' : ''}`)
          most = Math.max(most, ++now)
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
          await quiet(3)
          now--
          throw signal.reason
        }),
      ],
    })
    for (const order of [1, 2, 3]) await tested.bus.publish(OrderPlaced, { order })
    await tested.pass(2_000)
    expect(calls.toSorted()).toEqual(['1', '1', '1,2,3', '2', '2', '3', '3'])
    expect(most).toBe(1)
    expect(await lettersOf(tested)).toHaveLength(3)
  })

  test('its time begins when it is called, not when the first of its events comes', async () => {
    const calls: string[] = []
    let release!: () => void
    const slow: Middleware = {
      name: 'slow',
      async receive({ message }, next) {
        if (String(message.body).includes('"order":2')) await new Promise<void>((resolve) => (release = resolve))
        await next(message)
      },
    }
    await using tested = await testedBus({
      middleware: [slow],
      handlers: [
        handler(OrderPlaced, { group: 'g', timeout: 50, batch: { size: 2, wait: 10 } }, (events) => {
          calls.push(events.map(({ data }) => data.order).join())
        }),
      ],
    })
    for (const order of [1, 2]) await tested.bus.publish(OrderPlaced, { order })
    await tested.pass(1_000)
    expect(calls).toEqual([])
    release()
    await tested.pass(100)
    expect(calls).toEqual(['1,2'])
    expect(tested.hooks('failed')).toEqual([])
  })
})
