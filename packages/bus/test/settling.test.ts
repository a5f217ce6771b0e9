import { defineEvent } from '@tidings/events'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  type DeadLetter,
  handler,
  memory,
  type Middleware,
  PermanentError,
  type Transport,
  UnknownGroupError,
} from '../src/index.ts'
import { deliveryHeaders, handled } from '../src/transport/index.ts'
import { altered } from './support/altered.ts'
import { flapping } from './support/flapping.ts'
import { storeOf } from './support/letters.ts'
import { connectTo, message, quiet, stateOf } from './support/recording-member.ts'
import { stepwise } from './support/stepwise.ts'
import { OrderPlaced, ShelfScanned, type Tested, testedBus } from './support/shop.ts'

/** A step of the broker, or of a store, that is held until it is let go. */
class Held {
  isHolding = false
  readonly #goes: (() => void)[] = []

  get count(): number {
    return this.#goes.length
  }

  async wait(): Promise<void> {
    if (this.isHolding) await new Promise<void>((resolve) => this.#goes.push(resolve))
  }

  release(): void {
    this.isHolding = false
    for (const go of this.#goes) go()
  }
}

async function lettersOf({ bus }: Tested): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = []
  for await (const letter of bus.deadLetters.list()) letters.push(letter)
  return letters
}

/** A group with an event that is about to be settled by the step that is held. */
interface Scene {
  readonly tested: Tested
  readonly held: Held
  readonly transport: Transport
  readonly handled: () => number
}

const requester = 'shop.replies-019f0000-0000-7000-8000-000000000000'

/** Each step that a settlement can wait for, with what is held there. */
const steps = {
  'a dead letter is stored': { holds: 'add', fails: true, options: { retry: false } },
  'a retry copy is sent': { holds: 'publish', fails: true, options: { retry: { delay: 10 } } },
  'a requester is told': { holds: 'publish', fails: true, options: { retry: false } },
  'the inbox is told': { holds: 'inbox', fails: false, options: { idempotent: true } },
  'the letter of a replay is removed': { holds: 'remove', fails: false, options: { retry: false } },
} as const
type StepName = keyof typeof steps

async function settling(name: StepName): Promise<Scene> {
  const { holds, fails, options } = steps[name]
  const held = new Held()
  const transport = memory()
  const store = (await connectTo(memory())).connection.deadLetters!
  let calls = 0
  let isBad: boolean = fails || holds === 'remove'
  const tested = await testedBus({
    transport: stepwise(
      altered(transport, (connection) => ({
        async publish(outgoing, patience) {
          await connection.publish(outgoing, patience)
          if (holds === 'publish' && outgoing.group !== undefined) await held.wait()
        },
      })),
    ),
    deadLetters: storeOf(store, {
      async add(letter) {
        await store.add(letter)
        if (holds === 'add') await held.wait()
      },
      async remove(id) {
        const removed = await store.remove(id)
        if (holds === 'remove') await held.wait()
        return removed
      },
    }),
    inbox: {
      has: () => false,
      add: () => (holds === 'inbox' ? held.wait() : undefined),
    },
    handlers: [
      handler(ShelfScanned, { group: 'g', ...options }, () => {
        if (isBad) throw new Error('no')
        calls++
      }),
    ],
  })
  const { connection } = await connectTo(transport, tested.clock)
  if (name === 'a requester is told') {
    await connection.subscribe(
      { group: requester, types: [], prefetch: 10, ordered: false, from: 'latest', temporary: true, marks: false },
      (delivery) => delivery.settle(handled),
    )
  }
  if (holds !== 'remove') held.isHolding = true
  const headers: Record<string, string> = name === 'a requester is told' ? { [deliveryHeaders.replyTo]: requester } : {}
  await connection.publish({ message: { ...message('1', { type: ShelfScanned.type, body: '{"shelf":1}' }), headers } })
  await quiet()
  if (holds === 'remove') {
    isBad = false
    held.isHolding = true
    await tested.bus.deadLetters.replay({})
    await quiet()
  }
  expect(held.count).toBe(1)
  return { tested, held, transport, handled: () => calls }
}

/** What a bus that comes later is handed. */
async function later({ transport, tested }: Scene): Promise<number> {
  let calls = 0
  await using other = await testedBus({
    transport,
    clock: tested.clock,
    handlers: [handler(ShelfScanned, { group: 'g' }, () => calls++)],
  })
  await quiet()
  tested.clock.advance(60_000)
  await quiet()
  expect(other.bus.source).toBe('/shop')
  return calls
}

describe('closing', () => {
  test.for(Object.keys(steps) as StepName[])(
    'INVARIANT: while %s, it waits for that, and nobody gets the event again',
    async (name) => {
      const scene = await settling(name)
      const closed = scene.tested.bus.close({ timeout: '10s' })
      expect(await stateOf(closed)).toBe('pending')
      scene.held.release()
      await closed
      const copies = name === 'a retry copy is sent' ? 1 : 0
      expect(await later(scene)).toBe(copies)
    },
  )

  test.for(Object.keys(steps) as StepName[])(
    'INVARIANT: while %s, without an end, it waits until its deadline, and loses nothing',
    async (name) => {
      const scene = await settling(name)
      const closed = scene.tested.bus.close({ timeout: '10s' })
      expect(await stateOf(closed)).toBe('pending')
      scene.tested.clock.advance(10_000)
      expect(await stateOf(closed)).toBe('resolved')
      // Given back, since nobody can tell what became of the step; with the retry copy it is there twice.
      expect(await later(scene)).toBeGreaterThanOrEqual(1)
      scene.held.release()
      await quiet()
      expect(scene.tested.clock.timers).toBe(0)
    },
  )

  test('leaves no timer behind, though handlers run on', async () => {
    const tested = await testedBus({
      handlers: [
        handler(ShelfScanned, { group: 'g', timeout: '1h' }, () => new Promise(() => {})),
        handler(OrderPlaced, { group: 'h', batch: { size: 2, wait: 5 }, timeout: '1h' }, () => new Promise(() => {})),
      ],
    })
    for (let i = 0; i < 5; i++) {
      await tested.bus.publish(ShelfScanned, { shelf: i })
      await tested.bus.publish(OrderPlaced, { order: i })
    }
    await tested.pass(10)
    const closed = tested.bus.close({ timeout: 100 })
    await quiet()
    tested.clock.advance(100)
    await closed
    expect(tested.clock.timers).toBe(0)
  })

  test('INVARIANT: a handler for which the inbox was asked is not called once the deadline has passed', async () => {
    let answer!: (isKnown: boolean) => void
    let calls = 0
    const tested = await testedBus({
      inbox: { has: () => new Promise((resolve) => (answer = resolve)), add() {} },
      handlers: [handler(ShelfScanned, { group: 'g', idempotent: true }, () => calls++)],
    })
    await tested.bus.publish(ShelfScanned, { shelf: 1 })
    await quiet()
    const closed = tested.bus.close({ timeout: 100 })
    await quiet()
    tested.clock.advance(100)
    await closed
    answer(false)
    await quiet()
    expect(calls).toBe(0)
  })

  test('INVARIANT: time and again, it parks no event that waits, and the first attempt of each is its first', async () => {
    const transport = memory()
    const clock = (await testedBus()).clock
    const attempts: number[] = []
    for (let i = 0; i < 25; i++) {
      let end!: () => void
      const tested = await testedBus({
        transport,
        clock,
        handlers: [
          handler(ShelfScanned, { group: 'g', concurrency: 1 }, () => new Promise<void>((resolve) => (end = resolve))),
        ],
      })
      if (i === 0) for (const shelf of [0, 1, 2]) await tested.bus.publish(ShelfScanned, { shelf })
      await tested.bus.publish(ShelfScanned, { shelf: 3 + i })
      await quiet()
      const closed = tested.bus.close()
      end()
      await closed
    }
    await using last = await testedBus({
      transport,
      clock,
      handlers: [handler(ShelfScanned, { group: 'g' }, (_event, { attempt }) => void attempts.push(attempt))],
    })
    await quiet()
    expect(attempts).toEqual([1, 1, 1])
    expect(await lettersOf(last)).toEqual([])
  })
})

describe('a step of a settlement that fails', () => {
  test('INVARIANT: a retry copy that has become too large leaves the event to wait here', async () => {
    const Large = defineEvent('shop.large', z.object({ text: z.string() }))
    const transport = memory({ maxMessageSize: 500 })
    let attempts = 0
    let others = 0
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(
          [Large, ShelfScanned],
          { group: 'g', concurrency: 1, retry: { attempts: 3, delay: 10 } },
          ({ type }) => {
            if (type === ShelfScanned.type) others++
            else {
              attempts++
              throw new Error('no')
            }
          },
        ),
      ],
    })
    // The longest that just fits, so that no header does.
    for (let length = 500; ; length--) {
      try {
        await tested.bus.publish(Large, { text: 'x'.repeat(length) })
        break
      } catch (error) {
        expect(error).toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
      }
    }
    await tested.bus.publish(ShelfScanned, { shelf: 1 })
    await tested.pass(10_000)
    expect([attempts, others]).toEqual([3, 1])
    expect(await lettersOf(tested)).toMatchObject([{ reason: 'attempts-exhausted', attempts: 3 }])
  })

  test('INVARIANT: a retry copy for a group that the broker has no more leaves the event to wait here', async () => {
    const transport = altered(memory(), (connection) => ({
      publish(outgoing, patience) {
        if (outgoing.group !== undefined) throw new UnknownGroupError(outgoing.group, ShelfScanned.type)
        return connection.publish(outgoing, patience)
      },
    }))
    const attempts: number[] = []
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(ShelfScanned, { group: 'g', retry: { attempts: 3, delay: 10 } }, (_event, { attempt }) => {
          attempts.push(attempt)
          if (attempt < 3) throw new Error('not yet')
        }),
      ],
    })
    await tested.bus.publish(ShelfScanned, { shelf: 1 })
    await tested.pass(1_000)
    expect(attempts).toEqual([1, 2, 3])
    expect(tested.hooks('handled')).toHaveLength(1)
  })

  test('INVARIANT: an inbox that is away once the handler has succeeded has it called no second time', async () => {
    let isAway = true
    let calls = 0
    const known: string[] = []
    await using tested = await testedBus({
      inbox: {
        has: () => false,
        add({ id }) {
          if (isAway) throw new Error('the inbox is away')
          known.push(id)
        },
      },
      handlers: [
        handler(OrderPlaced, { group: 'g', idempotent: true, retry: { attempts: 3, delay: 10 } }, () => calls++),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(10_000)
    expect(tested.hooks('handled')).toEqual([])
    isAway = false
    await tested.pass(10_000)
    expect([calls, known.length]).toEqual([1, 1])
    expect(tested.hooks('handled')).toHaveLength(1)
    expect(await lettersOf(tested)).toEqual([])
  })

  test('INVARIANT: a store that is away takes no slot from what can be handled', async () => {
    const transport = memory()
    const store = (await connectTo(memory())).connection.deadLetters!
    let isAway = true
    const handled: number[] = []
    await using tested = await testedBus({
      transport,
      deadLetters: storeOf(store, {
        add(letter) {
          if (isAway) throw new Error('the store is away')
          return store.add(letter)
        },
      }),
      handlers: [
        handler(ShelfScanned, { group: 'g', concurrency: 2, retry: false }, ({ data }) => {
          if (data.shelf < 3) throw new Error('no')
          handled.push(data.shelf)
        }),
      ],
    })
    for (let shelf = 0; shelf < 6; shelf++) await tested.bus.publish(ShelfScanned, { shelf })
    await quiet()
    expect(handled).toEqual([3, 4, 5])
    isAway = false
    await tested.pass(10_000)
    expect(await lettersOf(tested)).toHaveLength(3)
  })

  test('INVARIANT: it is not done again once the delivery was lost: its event is handled, and has no letter', async () => {
    const { transport, cut } = flapping(memory())
    const store = (await connectTo(memory())).connection.deadLetters!
    let tries = 0
    await using tested = await testedBus({
      transport,
      deadLetters: storeOf(store, {
        add(letter) {
          if (++tries === 1) throw new Error('the store is away')
          return store.add(letter)
        },
      }),
      handlers: [
        handler(ShelfScanned, { group: 'g', retry: false }, (_event, { redelivered }) => {
          if (!redelivered) throw new Error('once')
        }),
      ],
    })
    await tested.bus.publish(ShelfScanned, { shelf: 1 })
    await quiet()
    expect(tries).toBe(1)
    await cut()
    await tested.pass(10_000)
    expect(tested.hooks('handled')).toHaveLength(1)
    expect(await lettersOf(tested)).toEqual([])
  })
})

describe('what is settled', () => {
  test('INVARIANT: a parked event that comes once more leaves its letter as it is', async () => {
    await using tested = await testedBus({
      handlers: [
        handler(OrderPlaced, { group: 'g', deadLetter: 'park-key' }, () => {
          throw new PermanentError('card declined')
        }),
      ],
    })
    const event = await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    const letters = await lettersOf(tested)
    await tested.bus.publish(event)
    await quiet()
    expect(await lettersOf(tested)).toEqual(letters)
    expect(letters).toMatchObject([{ reason: 'permanent-error', error: { message: 'card declined' } }])
  })

  test('INVARIANT: a copy for a retry is sent as it came, not through the middleware of publishing again', async () => {
    const reversed = (body: unknown): string => String(body).split('').toReversed().join('')
    const mirror: Middleware = {
      name: 'mirror',
      publish: (message, next) => next({ ...message, body: reversed(message.body) }),
      receive: ({ message }, next) => next({ ...message, body: reversed(message.body) }),
    }
    const attempts: number[] = []
    await using tested = await testedBus({
      middleware: [mirror],
      handlers: [
        handler(ShelfScanned, { group: 'g', retry: { delay: 10 } }, ({ data }, { attempt }) => {
          attempts.push(attempt * 10 + data.shelf)
          if (attempt < 3) throw new Error('not yet')
        }),
      ],
    })
    await tested.bus.publish(ShelfScanned, { shelf: 1 })
    await tested.pass(1_000)
    expect(attempts).toEqual([11, 21, 31])
    expect(await lettersOf(tested)).toEqual([])
  })

  test('INVARIANT: an event of a version that is not known yet is not overtaken by later ones of its key', async () => {
    const transport = memory()
    const handled: string[] = []
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(OrderPlaced, { group: 'g', retry: { attempts: 2, delay: 10 } }, ({ id }) => void handled.push(id)),
      ],
    })
    const { connection } = await connectTo(transport, tested.clock)
    for (const [id, dataversion] of [
      ['newer', 2],
      ['older', 1],
    ] as const) {
      const plain = message(id, { type: OrderPlaced.type, key: 'order-1', body: '{"order":1}' })
      await connection.publish({ message: { ...plain, attributes: { ...plain.attributes, dataversion } } })
    }
    await quiet()
    expect([handled, await lettersOf(tested)]).toEqual([[], []])
    await tested.pass(1_000)
    expect(await lettersOf(tested)).toMatchObject([{ reason: 'unknown-version' }])
    expect(handled).toEqual(['older'])
  })
})
