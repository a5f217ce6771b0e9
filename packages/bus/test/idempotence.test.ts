import { describe, expect, test } from 'vitest'
import { createBus, handler, type Inbox, memory, type Transport } from '../src/index.ts'
import type { Delivery } from '../src/transport/index.ts'
import { altered, alteredDelivery } from './support/altered.ts'
import { quiet } from './support/recording-member.ts'
import { OrderPlaced, ShelfScanned, testedBus } from './support/shop.ts'

/** A transport that takes a turn of the event loop for each settlement. */
function slowly(transport: Transport): Transport {
  return altered(transport, (connection) => ({
    subscribe(request, deliver, signal) {
      const take = (real: Delivery): void => {
        const settle: Delivery['settle'] = async (settlement) => {
          await quiet(1)
          return real.settle(settlement)
        }
        deliver(alteredDelivery(real, { settle }))
      }
      return connection.subscribe(request, take, signal)
    },
  }))
}

describe('idempotent handlers', () => {
  test('INVARIANT: an event published twice with one id has one effect for each group', async () => {
    const effects: string[] = []
    await using tested = await testedBus({
      handlers: ['a', 'b'].map((group) =>
        handler(OrderPlaced, { group, idempotent: true }, ({ id }) => void effects.push(`${group} ${id}`)),
      ),
    })
    const event = await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.bus.publish(event)
    await tested.bus.publish(event)
    await quiet()
    expect(effects.toSorted()).toEqual([`a ${event.id}`, `b ${event.id}`])
    expect(tested.hooks('duplicate')).toHaveLength(4)
  })

  test('a handler that failed does not count: its event is handled by the next attempt', async () => {
    let calls = 0
    await using tested = await testedBus({
      handlers: [
        handler(OrderPlaced, { group: 'g', idempotent: true, retry: { delay: 10, jitter: false } }, () => {
          if (++calls === 1) throw new Error('busy')
        }),
      ],
    })
    const event = await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(100)
    await tested.bus.publish(event)
    await quiet()
    expect(calls).toBe(2)
  })

  test('a duplicate that comes while its twin is being handled waits for the outcome', async () => {
    const ends: ((error?: Error) => void)[] = []
    await using tested = await testedBus({
      handlers: [
        handler(
          OrderPlaced,
          { group: 'g', idempotent: true, ordering: 'none', retry: false },
          () => new Promise<void>((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve()))),
        ),
      ],
    })
    const event = await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.bus.publish(event)
    await quiet()
    expect(ends).toHaveLength(1)
    ends[0]!(new Error('failed'))
    await quiet()
    expect(ends).toHaveLength(2)
    ends[1]!()
    await quiet()
    expect(tested.hooks('handled')).toHaveLength(1)
    expect(tested.hooks('deadLettered')).toHaveLength(1)
  })

  test('INVARIANT: of many duplicates none waits for ever, on a transport whose answers take time', async () => {
    let finish!: () => void
    const done = new Promise<void>((resolve) => (finish = resolve))
    let calls = 0
    const scan = handler(ShelfScanned, { group: 'scan', idempotent: true, concurrency: 3 }, async () => {
      calls++
      await done
    })
    await using tested = await testedBus({ transport: slowly(memory()), handlers: [scan] })
    for (let i = 0; i < 8; i++) await tested.bus.publish(ShelfScanned, { shelf: 1 }, { id: 'scan-1' })
    await quiet()
    finish()
    await quiet(50)
    expect((await tested.bus.health()).groups).toMatchObject([{ running: 0, held: 0, settled: 8 }])
    expect([calls, tested.hooks('duplicate').length]).toEqual([1, 7])
  })

  test('one that ends without a handler leaves those alone that wait for another one', async () => {
    let finish!: () => void
    const done = new Promise<void>((resolve) => (finish = resolve))
    const scan = handler(ShelfScanned, { group: 'scan', idempotent: true, timeout: Infinity }, () => done)
    await using tested = await testedBus({ transport: slowly(memory()), handlers: [scan] })
    const { bus } = tested
    for (let i = 0; i < 2; i++) await bus.publish(ShelfScanned, { shelf: 1 }, { id: 'scan-1' })
    await bus.publish(ShelfScanned, { shelf: 1 }, { id: 'scan-1', delay: 20, expires: 10 })
    await tested.pass(100)
    expect(tested.hooks('expired')).toHaveLength(1)
    finish()
    await quiet()
    expect((await bus.health()).groups).toMatchObject([{ running: 0, held: 0, settled: 3 }])
  })

  test('INVARIANT: all members of a group on a memory() know what the group has handled, also those that come later', async () => {
    const transport = memory()
    const effects: string[] = []
    const bound = (member: string) =>
      handler(
        OrderPlaced,
        { group: 'g', idempotent: true, prefetch: 1, concurrency: 1 },
        () => void effects.push(member),
      )
    await using tested = await testedBus({ transport, handlers: [bound('first')] })
    const { clock } = tested
    const second = await createBus({ source: '/shop', transport, clock, handlers: [bound('second')] })
    const event = await tested.bus.publish(OrderPlaced, { order: 1 })
    for (let copy = 0; copy < 10; copy++) await tested.bus.publish(event)
    await quiet()
    expect(effects).toHaveLength(1)
    await tested.bus.close()
    await second.close()
    const third = await createBus({ source: '/shop', transport, clock, handlers: [bound('third')] })
    await third.publish(event)
    await quiet()
    expect(effects).toHaveLength(1)
    await third.close()
  })

  test('an inbox that is given is asked by the event and the whole name of the group, in the place of the transport’s', async () => {
    const asked: unknown[] = []
    const inbox: Inbox = {
      has: (...of) => asked.push(['has', ...of]) < 0,
      add: (...of) => asked.push(['add', ...of]),
    }
    await using tested = await testedBus({
      inbox,
      handlers: [handler(OrderPlaced, { group: 'g', idempotent: true }, () => {})],
    })
    const { source, id } = await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    expect(asked).toEqual([
      ['has', { source, id }, 'shop.g'],
      ['add', { source, id }, 'shop.g'],
    ])
  })

  test('while the inbox is away nothing is handled, no attempt is lost, nothing is given up, and it is asked more and more seldom', async () => {
    let away = true
    let asked = 0
    let calls = 0
    const inbox = {
      has: () => {
        asked++
        if (away) throw new Error('the inbox is away')
        return false
      },
      add: () => {},
    }
    await using tested = await testedBus({
      inbox,
      handlers: [
        handler(
          OrderPlaced,
          { group: 'g', idempotent: true, retry: { attempts: 1, delay: 100, max: '10s' } },
          () => calls++,
        ),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    for (let second = 0; second < 20; second++) await tested.pass(1_000)
    expect(calls).toBe(0)
    expect(asked).toBeLessThan(12)
    away = false
    await tested.pass(20_000)
    expect(calls).toBe(1)
    expect(tested.hooks('deadLettered')).toEqual([])
  })

  test('without a retry policy the inbox is asked as seldom', async () => {
    let asked = 0
    const inbox = {
      has() {
        asked++
        throw new Error('the inbox is away')
      },
      add: () => {},
    }
    const bound = handler(OrderPlaced, { group: 'g', idempotent: true, retry: false }, () => {})
    await using tested = await testedBus({ inbox, handlers: [bound] })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    for (let second = 0; second < 20; second++) await tested.pass(1_000)
    expect(asked).toBeGreaterThan(5)
    expect(asked).toBeLessThan(12)
  })

  test.each([[1], ['yes'], [undefined], [{ known: true }]])(
    'an answer of the inbox that is neither true nor false, %j, is taken for none, and told',
    async (answer) => {
      let isMended = false
      let calls = 0
      const inbox = { has: () => (isMended ? false : answer) as boolean, add: () => {} }
      const bound = handler(OrderPlaced, { group: 'g', idempotent: true, retry: { delay: 10 } }, () => calls++)
      await using tested = await testedBus({ inbox, handlers: [bound] })
      await tested.bus.publish(OrderPlaced, { order: 1 })
      await tested.pass(100)
      expect(calls).toBe(0)
      const [failed] = tested.hooks('failed') as { readonly error: Error }[]
      expect(failed!.error.message).toContain('`inbox` must be an object whose has(event, group) answers true or false')
      isMended = true
      await tested.pass(10_000)
      expect(calls).toBe(1)
    },
  )
})
