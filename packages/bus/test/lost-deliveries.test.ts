import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { handler, memory, type Middleware, type Transport } from '../src/index.ts'
import type { Delivery } from '../src/transport/index.ts'
import { altered, alteredDelivery } from './support/altered.ts'
import { flapping } from './support/flapping.ts'
import { logTransport } from './support/log-transport.ts'
import { connectTo, quiet, stateOf } from './support/recording-member.ts'
import { OrderPlaced, PaymentTaken, ShelfScanned, testedBus } from './support/shop.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** How many are left once the collector has had its chances to bring them down to so many. */
async function left(refs: readonly WeakRef<object>[], wanted: number): Promise<number> {
  const alive = (): number => refs.filter((ref) => ref.deref() !== undefined).length
  for (let i = 0; i < 50 && alive() > wanted; i++) {
    await quiet(1)
    collectGarbage()
  }
  return alive()
}

/** A transport whose deliveries are handed out as `change` makes them. */
function handingOut(transport: Transport, change: (delivery: Delivery) => Delivery): Transport {
  return altered(transport, (connection) => ({
    subscribe: (request, deliver, signal) =>
      connection.subscribe(request, (delivery) => deliver(change(delivery)), signal),
  }))
}

function withLost(real: Delivery, lost: AbortSignal): Delivery {
  return alteredDelivery(real, { lost })
}

describe('a delivery that is lost', () => {
  test('its handler is told by the signal, and the event comes again', async () => {
    const { transport, cut } = flapping(memory())
    const seen: unknown[] = []
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(ShelfScanned, { group: 'g' }, (_event, { signal, redelivered }) => {
          seen.push(redelivered)
          if (redelivered) return undefined
          return new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => {
              seen.push((signal.reason as Error).message)
              reject(signal.reason as Error)
            })
          })
        }),
      ],
    })
    await tested.bus.publish(ShelfScanned, { shelf: 1 })
    await quiet()
    await cut()
    await quiet()
    expect(seen).toEqual([false, 'the connection was lost', true])
    expect(tested.hooks('failed')).toEqual([])
    expect((await tested.bus.health()).groups).toMatchObject([{ running: 0, held: 0, settled: 1 }])
  })

  test.for(['handled', 'failed', 'permanent'])('once its handler has %s, nothing comes of that', async (how) => {
    const { transport, cut } = flapping(memory())
    let end!: () => void
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(ShelfScanned, { group: 'g', retry: { attempts: 2, delay: 10 } }, async (_event, { redelivered }) => {
          if (redelivered) return
          await new Promise<void>((resolve) => (end = resolve))
          if (how !== 'handled') throw Object.assign(new Error('no'), { retryable: how === 'failed' })
        }),
      ],
    })
    await tested.bus.publish(ShelfScanned, { shelf: 1 })
    await quiet()
    await cut()
    end()
    await tested.pass(1_000)
    expect(tested.seen.map(({ hook }) => hook)).toEqual(['published', 'handled'])
  })

  test('INVARIANT: its redelivery waits until its handler has ended, also when others of its key wait behind it', async () => {
    const { transport, cut } = flapping(memory())
    const ends: (() => void)[] = []
    const handled: string[] = []
    let now = 0
    let most = 0
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(OrderPlaced, { group: 'g' }, async ({ data }, { signal }) => {
          most = Math.max(most, ++now)
          await new Promise<void>((resolve) => ends.push(resolve))
          now--
          if (!signal.aborted) handled.push(data.item)
        }),
      ],
    })
    for (const item of ['first', 'second']) await tested.bus.publish(OrderPlaced, { order: 1, item })
    await quiet()
    // The second time, what is redelivered is waiting for its turn.
    for (let i = 0; i < 3; i++) {
      await cut()
      await quiet()
      expect(ends).toHaveLength(1)
    }
    for (let i = 0; i < 3; i++) {
      ends[i]!()
      await quiet()
    }
    expect(handled).toEqual(['first', 'second'])
    expect(most).toBe(1)
  })

  test('INVARIANT: without a key too it keeps its slot until its handler has ended', async () => {
    const { transport, cut } = flapping(memory())
    const ends: (() => void)[] = []
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(ShelfScanned, { group: 'g', concurrency: 2 }, () => new Promise<void>((resolve) => ends.push(resolve))),
      ],
    })
    for (const shelf of [1, 2, 3]) await tested.bus.publish(ShelfScanned, { shelf })
    await quiet()
    await cut()
    await quiet()
    expect(ends).toHaveLength(2)
    ends[0]!()
    await quiet()
    expect(ends).toHaveLength(3)
    for (let i = 1; i < 5; i++) {
      ends[i]!()
      await quiet()
    }
    expect((await tested.bus.health()).groups).toMatchObject([{ settled: 3, running: 0, held: 0 }])
  })

  test('its wait for the next attempt ends with it, where the member holds it', async () => {
    const { transport, cut } = logTransport()
    let attempts = 0
    await using tested = await testedBus({
      transport,
      deadLetters: (await connectTo(memory())).connection.deadLetters,
      handlers: [
        handler(OrderPlaced, { group: 'g', retry: { delay: '1m' } }, () => {
          if (++attempts === 1) throw new Error('once')
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    await cut()
    await quiet()
    expect(tested.clock.timers).toBe(0)
    expect(attempts).toBe(2)
    await tested.pass(120_000)
    expect(attempts).toBe(2)
  })

  test('INVARIANT: what waits for its next attempt at the broker waits on, with its attempts', async () => {
    const { transport, cut } = flapping(memory())
    const attempts: number[] = []
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(OrderPlaced, { group: 'g', retry: { delay: '1m', jitter: false } }, (_event, { attempt }) => {
          attempts.push(attempt)
          if (attempts.length === 1) throw new Error('once')
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    await cut()
    await tested.pass(59_000)
    expect(attempts).toEqual([1])
    await tested.pass(2_000)
    expect(attempts).toEqual([1, 2])
  })

  test('when it was lost before it was handed out, nobody sees it', async () => {
    let calls = 0
    const transport = handingOut(memory(), (delivery) => withLost(delivery, AbortSignal.abort(new Error('gone'))))
    await using tested = await testedBus({
      transport,
      handlers: [handler(ShelfScanned, { group: 'g' }, () => calls++)],
    })
    await tested.bus.publish(ShelfScanned, { shelf: 1 })
    await quiet()
    expect(calls).toBe(0)
    expect((await tested.bus.health()).groups).toMatchObject([{ running: 0, held: 0 }])
  })

  test('INVARIANT: while the inbox is asked for it, its handler is not called any more', async () => {
    const { transport, cut } = flapping(memory())
    const answers: ((isKnown: boolean) => void)[] = []
    let calls = 0
    await using tested = await testedBus({
      transport,
      inbox: { has: () => new Promise((resolve) => answers.push(resolve)), add() {} },
      handlers: [handler(OrderPlaced, { group: 'g', idempotent: true }, () => calls++)],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    await cut()
    answers[0]!(false)
    await quiet()
    expect(calls).toBe(0)
    answers[1]!(false)
    await quiet()
    expect(calls).toBe(1)
  })

  test('INVARIANT: behind a middleware that waits, its handler is not called any more', async () => {
    const { transport, cut } = flapping(memory())
    const goes: (() => void)[] = []
    let calls = 0
    const slow: Middleware = {
      name: 'slow',
      async receive({ message }, next) {
        await new Promise<void>((resolve) => goes.push(resolve))
        await next(message)
      },
    }
    await using tested = await testedBus({
      transport,
      middleware: [slow],
      handlers: [handler(OrderPlaced, { group: 'g' }, () => calls++)],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    await cut()
    goes[0]!()
    await quiet()
    expect(calls).toBe(0)
    goes[1]!()
    await quiet()
    expect(calls).toBe(1)
  })

  test('INVARIANT: redeliveries that waited for their handlers run one after the other in the slot of their batch', async () => {
    const { transport, cut } = flapping(memory())
    const sizes: number[] = []
    let now = 0
    let most = 0
    const options = { group: 'g', idempotent: true, concurrency: 2, batch: { size: 3, wait: 5 } }
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(ShelfScanned, options, async (events, { signal }) => {
          sizes.push(events.length)
          most = Math.max(most, ++now)
          if (sizes.length === 1) await new Promise((resolve) => signal.addEventListener('abort', resolve))
          await quiet(5)
          now--
          signal.throwIfAborted()
        }),
      ],
    })
    for (const shelf of [1, 2, 3]) await tested.bus.publish(ShelfScanned, { shelf })
    await quiet()
    await cut()
    await tested.pass(100)
    expect(sizes.reduce((sum, size) => sum + size)).toBe(6)
    expect(most).toBe(1)
    expect(tested.hooks('handled')).toHaveLength(3)
  })

  test('INVARIANT: of a batch whose events are tried one by one, those that are lost meanwhile are not called', async () => {
    const { transport, cut } = flapping(memory())
    const calls: string[] = []
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(ShelfScanned, { group: 'g', batch: { size: 2, wait: 5 } }, (events, { signal }) => {
          calls.push(`${events.map(({ data }) => data.shelf).join()}${signal.aborted ? ' in vain' : ''}`)
          if (events.length > 1) throw new Error('one of these')
          return new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error))
          })
        }),
      ],
    })
    for (const shelf of [1, 2]) await tested.bus.publish(ShelfScanned, { shelf })
    await quiet()
    expect(calls).toEqual(['1,2', '1'])
    await cut()
    await quiet()
    expect(calls).toEqual(['1,2', '1', '1,2', '1'])
  })

  test('INVARIANT: what an idempotent handler did with it has neither mark nor effects; its next delivery has both, once', async () => {
    const { transport, cut } = flapping(memory())
    const paid: number[] = []
    const ends: (() => void)[] = []
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(ShelfScanned, { group: 'g', idempotent: true }, async (_event, { publish }) => {
          const call = ends.length
          await new Promise<void>((resolve) => ends.push(resolve))
          // Who was told to stop has no effects any more.
          await publish(PaymentTaken, { order: call }).catch(() => {})
        }),
        handler(PaymentTaken, { group: 'ledger' }, ({ data }) => paid.push(data.order)),
      ],
    })
    await tested.bus.publish(ShelfScanned, { shelf: 1 }, { id: 'e' })
    await quiet()
    await cut()
    await quiet()
    // It waits for the end of the one that was lost.
    expect(ends).toHaveLength(1)
    ends[0]!()
    await quiet()
    expect(ends).toHaveLength(2)
    expect(paid).toEqual([])
    ends[1]!()
    await quiet()
    expect(paid).toEqual([1])
    await tested.bus.publish(ShelfScanned, { shelf: 1 }, { id: 'e' })
    await quiet()
    expect(ends).toHaveLength(2)
    expect(tested.hooks('duplicate')).toHaveLength(1)
  })

  test('health counts what is lost until its handler has ended, and closing waits for that', async () => {
    const lost = new AbortController()
    const ends: (() => void)[] = []
    const transport = handingOut(memory(), (delivery) => withLost(delivery, lost.signal))
    await using tested = await testedBus({
      transport,
      handlers: [handler(ShelfScanned, { group: 'g' }, () => new Promise<void>((resolve) => ends.push(resolve)))],
    })
    for (let shelf = 0; shelf < 5; shelf++) await tested.bus.publish(ShelfScanned, { shelf })
    await quiet()
    expect((await tested.bus.health()).groups).toMatchObject([{ running: 5, held: 0 }])
    lost.abort(new Error('gone'))
    expect((await tested.bus.health()).groups).toMatchObject([{ running: 5, held: 0, settled: 0 }])
    const closed = tested.bus.close({ timeout: '1m' })
    expect(await stateOf(closed)).toBe('pending')
    for (const end of ends) end()
    await quiet()
    expect((await tested.bus.health()).groups).toMatchObject([{ running: 0, held: 0, settled: 0 }])
    expect(await stateOf(closed)).toBe('resolved')
  })
})

describe('nothing is kept', () => {
  test('INVARIANT: of a signal that serves one delivery, once that is settled', async () => {
    const refs: WeakRef<object>[] = []
    const transport = handingOut(memory(), (delivery) => {
      const { signal } = new AbortController()
      refs.push(new WeakRef(signal))
      return withLost(delivery, signal)
    })
    // No observer that keeps what it is told.
    await using tested = await testedBus({
      transport,
      observer: {},
      handlers: [handler(ShelfScanned, { group: 'g' }, () => {})],
    })
    for (let shelf = 0; shelf < 500; shelf++) await tested.bus.publish(ShelfScanned, { shelf })
    await quiet()
    expect(refs).toHaveLength(500)
    expect(await left(refs, 50)).toBeLessThanOrEqual(50)
  })

  test.for([
    // As if nobody counted how often: else they would come one by one.
    ['without a key on a queue', 'none', () => flapping(memory(), { as: 'given-back', begun: false })],
    ['of one key on a log', 'per-key', logTransport],
  ] as const)('INVARIANT: of deliveries %s that a connection lost again and again', async ([, ordering, broker]) => {
    const refs: WeakRef<object>[] = []
    const { transport, cut } = broker()
    const referenced = handingOut(transport, (delivery) => {
      const handedOut = withLost(delivery, delivery.lost)
      refs.push(new WeakRef(handedOut))
      return handedOut
    })
    const options = { group: 'g', ordering, concurrency: 1, prefetch: 20, timeout: Infinity }
    await using tested = await testedBus({
      transport: referenced,
      deadLetters: (await connectTo(memory())).connection.deadLetters,
      observer: {},
      handlers: [handler(OrderPlaced, options, () => new Promise(() => {}))],
    })
    for (let i = 0; i < 40; i++) await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    for (let i = 0; i < 20; i++) {
      await cut()
      await quiet(3)
    }
    expect(refs.length).toBe(21 * 20)
    // One runs, and as many are held as may be.
    expect(await left(refs, 25)).toBeLessThanOrEqual(25)
  })
})
