import { describe, expect, test } from 'vitest'
import { createBus, handler, memory } from '../src/index.ts'
import type { Delivery } from '../src/transport/index.ts'
import { altered, alteredDelivery } from './support/altered.ts'
import { quiet, stateOf } from './support/recording-member.ts'
import { OrderPlaced, PaymentTaken, testedBus } from './support/shop.ts'

describe('closing', () => {
  test('INVARIANT: what runs may end, what has not begun goes to another member, and nothing is lost', async () => {
    const transport = memory()
    const ends: (() => void)[] = []
    const handled: number[] = []
    const slow = handler(OrderPlaced, { group: 'g', concurrency: 2, prefetch: 5 }, async ({ data }) => {
      await new Promise<void>((resolve) => ends.push(resolve))
      handled.push(data.order)
    })
    const tested = await testedBus({ transport, handlers: [slow] })
    for (let order = 0; order < 10; order++) await tested.bus.publish(OrderPlaced, { order })
    await quiet()
    const closed = tested.bus.close()
    expect(await stateOf(closed)).toBe('pending')
    expect((await tested.bus.health()).status).toBe('closing')
    for (const end of ends) end()
    await closed
    expect(handled).toEqual([0, 1])
    const rest: number[] = []
    await using other = await createBus({
      source: '/shop',
      transport,
      clock: tested.clock,
      handlers: [
        handler(OrderPlaced, { group: 'g', concurrency: 2, prefetch: 5 }, ({ data }) => void rest.push(data.order)),
      ],
    })
    await quiet()
    expect(rest).toEqual([2, 3, 4, 5, 6, 7, 8, 9])
    expect((await other.health()).groups).toMatchObject([{ waiting: 0 }])
  })

  test('at the deadline handlers are told to stop, and their events are given back', async () => {
    const transport = memory()
    let reason: unknown
    const tested = await testedBus({
      transport,
      handlers: [
        handler(OrderPlaced, { group: 'g' }, (_event, { signal }) => {
          signal.addEventListener('abort', () => (reason = signal.reason))
          return new Promise(() => {})
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    const closed = tested.bus.close({ timeout: '5s' })
    await quiet()
    tested.clock.advance(4_999)
    expect(await stateOf(closed)).toBe('pending')
    tested.clock.advance(1)
    await closed
    expect(reason).toMatchObject({ name: 'AbortError' })
    const again: unknown[] = []
    await using other = await createBus({
      source: '/shop',
      transport,
      clock: tested.clock,
      handlers: [
        handler(OrderPlaced, { group: 'g' }, ({ data }, { redelivered }) => void again.push([data.order, redelivered])),
      ],
    })
    await quiet()
    expect(again).toEqual([[1, true]])
    expect(other.source).toBe('/shop')
  })

  test('a running handler may publish its effects; nobody else may', async () => {
    const transport = memory()
    let end!: () => void
    const tested = await testedBus({
      transport,
      handlers: [
        handler(OrderPlaced, { group: 'g' }, async (event, { publish }) => {
          await new Promise<void>((resolve) => (end = resolve))
          await publish(PaymentTaken, { order: event.data.order })
        }),
        handler(PaymentTaken, { group: 'paid' }, () => {}),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    const closed = tested.bus.close()
    await quiet()
    await expect(tested.bus.publish(OrderPlaced, { order: 2 })).rejects.toThrow(
      'the bus is closed: publishing "shop.order.placed" is refused',
    )
    expect(() => tested.bus.subscribe(OrderPlaced, function late() {})).toThrow('subscribing late is refused')
    end()
    await closed
    const paid: number[] = []
    await using other = await createBus({
      source: '/shop',
      transport,
      clock: tested.clock,
      handlers: [handler(PaymentTaken, { group: 'paid' }, ({ data }) => void paid.push(data.order))],
    })
    await quiet()
    expect(paid).toEqual([1])
    expect(other.describe().handlers).toHaveLength(1)
  })

  test('it is idempotent, and a wait for a retry does not hold it up', async () => {
    const tested = await testedBus({
      handlers: [
        handler(OrderPlaced, { group: 'g', retry: { delay: '1h', max: '1h' } }, () => {
          throw new Error('busy')
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    await Promise.all([tested.bus.close(), tested.bus.close(), tested.bus[Symbol.asyncDispose]()])
    expect((await tested.bus.health()).status).toBe('closed')
    expect(tested.clock.timers).toBe(0)
  })

  test('INVARIANT: handlers that run may end, though another group cannot be left', async () => {
    const transport = altered(memory(), (connection) => ({
      async subscribe(request, deliver, signal) {
        const membership = await connection.subscribe(request, deliver, signal)
        const stop = (): Promise<void> => Promise.reject(new Error('the broker does not answer'))
        return request.group === 'shop.shelves' ? { ...membership, stop } : membership
      },
    }))
    let finish!: () => void
    const done = new Promise<void>((resolve) => (finish = resolve))
    let isAborted = false
    const bill = handler(OrderPlaced, { group: 'billing' }, async (_event, { signal }) => {
      await done
      isAborted = signal.aborted
    })
    const tested = await testedBus({
      transport,
      handlers: [bill, handler(OrderPlaced, { group: 'shelves' }, () => {})],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    const closed = tested.bus.close({ timeout: 1000 })
    expect(await stateOf(closed)).toBe('pending')
    finish()
    await closed
    expect(isAborted).toBe(false)
    expect(tested.hooks('handled')).toHaveLength(2)
    expect(tested.log.lines).toMatchObject([{ level: 'warn', message: 'group "shop.shelves" could not be left' }])
  })

  test('INVARIANT: at the deadline nothing is given back whose settlement is on its way', async () => {
    const settlements: string[] = []
    let carryOut!: () => void
    const carriedOut = new Promise<void>((resolve) => (carryOut = resolve))
    const transport = altered(memory(), (connection) => ({
      subscribe(request, deliver, signal) {
        const take = (real: Delivery): void => {
          const settle: Delivery['settle'] = async (settlement) => {
            settlements.push(settlement.as)
            await carriedOut
            return real.settle(settlement)
          }
          deliver(alteredDelivery(real, { settle }))
        }
        return connection.subscribe(request, take, signal)
      },
      // What was settled is told to the broker first.
      async close() {
        await carriedOut
        await quiet()
        await connection.close()
      },
    }))
    const tested = await testedBus({ transport, handlers: [handler(OrderPlaced, { group: 'billing' }, () => {})] })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    const closed = tested.bus.close({ timeout: 1000 })
    await tested.pass(1000)
    carryOut()
    await closed
    expect(settlements).toEqual(['handled'])
    expect(tested.hooks('handled')).toHaveLength(1)
    expect(tested.log.lines.filter(({ message }) => message.includes('given back'))).toEqual([])
    expect(tested.clock.timers).toBe(0)
  })

  test('no timer is left behind by a reply that could not be settled', async () => {
    const transport = altered(memory(), (connection) => ({
      subscribe(request, deliver, signal) {
        const settle = (): Promise<never> => Promise.reject(new Error('the broker does not answer'))
        const isReply = request.group.includes('replies')
        return connection.subscribe(
          request,
          (real) => deliver(isReply ? alteredDelivery(real, { settle }) : real),
          signal,
        )
      },
    }))
    const bill = handler(OrderPlaced, { group: 'billing' }, (_event, { reply }) => reply(PaymentTaken, { order: 1 }))
    const tested = await testedBus({ transport, handlers: [bill] })
    await tested.bus.request(OrderPlaced, { order: 1 })
    await quiet()
    await tested.bus.close()
    await quiet()
    expect(tested.clock.timers).toBe(0)
  })

  test('no timer is left behind by what could not be settled', async () => {
    const inbox = {
      has: () => false,
      add() {
        throw new Error('the inbox is away')
      },
    }
    const bound = handler(OrderPlaced, { group: 'g', idempotent: true }, () => {})
    const tested = await testedBus({ inbox, handlers: [bound] })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(20_000)
    await tested[Symbol.asyncDispose]()
    await quiet()
    expect(tested.clock.timers).toBe(0)
  })

  test('options that make no sense are refused by a rejection, and the bus goes on', async () => {
    await using tested = await testedBus()
    for (const [options, message] of [
      [{ timeout: 'soon' }, '`timeout` must be a duration'],
      [{ timout: 5 }, '`timout` is no option of close'],
    ] as const) {
      const closed = tested.bus.close(options as never)
      await expect(closed).rejects.toThrow(message)
    }
    expect((await tested.bus.health()).status).toBe('ok')
  })

  test('a closed bus hears no signal of its subscriptions any more', async () => {
    const tested = await testedBus()
    const { signal } = new AbortController()
    const heard = new Set<unknown>()
    const { addEventListener, removeEventListener } = signal
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      heard.add(args[1])
      addEventListener.apply(signal, args)
    }
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      heard.delete(args[1])
      removeEventListener.apply(signal, args)
    }
    tested.bus.subscribe(OrderPlaced, () => {}, { group: 'g', signal })
    tested.bus.events(OrderPlaced, { group: 'pulled', signal })
    await quiet()
    expect(heard.size).toBeGreaterThan(1)
    await tested.bus.close()
    expect(heard.size).toBe(0)
  })
})
