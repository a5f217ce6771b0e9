import { describe, expect, test } from 'vitest'
import { handler, memory, type Transport } from '../src/index.ts'
import { altered } from './support/altered.ts'
import { quiet, stateOf } from './support/recording-member.ts'
import { OrderPlaced, PaymentTaken, ShelfScanned, testedBus } from './support/shop.ts'

/** Something that handlers wait for. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open!: () => void
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}

describe('bus.idle', () => {
  test('resolves at once where there is nothing to do', async () => {
    await using tested = await testedBus({ handlers: [handler(OrderPlaced, { group: 'g' }, () => {})] })
    expect(await stateOf(tested.bus.idle())).toBe('resolved')
  })

  test('INVARIANT: resolves when everything is handled, with its retries, its effects and what they lead to', async () => {
    const done: string[] = []
    await using tested = await testedBus({
      handlers: [
        handler(OrderPlaced, { group: 'billing', retry: { attempts: 4, delay: '1m' } }, async ({ data }, context) => {
          if (context.attempt < 4) throw new Error('not yet')
          done.push('billed')
          await context.publish(PaymentTaken, data)
        }),
        handler(PaymentTaken, { group: 'ledger' }, async ({ data }, { publish }) => {
          await quiet(3)
          done.push('noted')
          await publish(ShelfScanned, { shelf: data.order })
        }),
        handler(ShelfScanned, { group: 'stock', retry: { attempts: 2, delay: '1m' } }, () => {
          done.push('scanned')
          throw new Error('no such shelf')
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    const idle = tested.bus.idle()
    while ((await stateOf(idle)) === 'pending') tested.clock.advance(1000)
    expect(done).toEqual(['billed', 'noted', 'scanned', 'scanned'])
    expect(await tested.bus.deadLetters.count()).toBe(1)
  })

  test('waits for a handler that runs, for what waits behind it, and for a settlement on its way', async () => {
    const [running, settling] = [gate(), gate()]
    const real = memory()
    const transport: Transport = altered(real, (connection) => ({
      subscribe: (request, deliver, signal) =>
        connection.subscribe(
          request,
          (delivery) =>
            deliver({
              message: delivery.message,
              redeliveries: delivery.redeliveries,
              handledBefore: delivery.handledBefore,
              lost: delivery.lost,
              settle: async (settlement) => {
                await settling.opened
                return delivery.settle(settlement)
              },
            }),
          signal,
        ),
    }))
    await using tested = await testedBus({
      transport,
      handlers: [handler(ShelfScanned, { group: 'g', concurrency: 1 }, () => running.opened)],
    })
    for (const shelf of [1, 2, 3]) await tested.bus.publish(ShelfScanned, { shelf })
    const idle = tested.bus.idle()
    for (const { open } of [running, settling]) {
      await tested.pass(100)
      expect(await stateOf(idle)).toBe('pending')
      open()
    }
    await tested.pass(100)
    expect(await stateOf(idle)).toBe('resolved')
    expect(tested.hooks('handled')).toHaveLength(3)
  })

  test('INVARIANT: does not miss an event that goes from group to group while it looks from group to group', async () => {
    for (let after = 0; after < 60; after++) {
      let isDone = false
      const { opened, open } = gate()
      await using tested = await testedBus({
        handlers: [
          // The first that is looked at, and the last to be reached.
          handler(ShelfScanned, { group: 'a' }, async () => {
            await quiet(2)
            isDone = true
          }),
          handler(PaymentTaken, { group: 'b' }, async (_event, { publish }) => {
            await opened
            await publish(ShelfScanned, { shelf: 1 })
          }),
        ],
      })
      await tested.bus.publish(PaymentTaken, { order: 1 })
      await quiet(3)
      open()
      for (let turn = 0; turn < after; turn++) await Promise.resolve()
      const idle = tested.bus.idle().then(() => expect([after, isDone]).toEqual([after, true]))
      await tested.pass(200)
      await idle
    }
  })

  test('waits for a publish that is under way', async () => {
    const sending = gate()
    const transport = altered(memory(), (connection) => ({
      async publish(outgoing, options) {
        await sending.opened
        await connection.publish(outgoing, options)
      },
    }))
    const handled: number[] = []
    await using tested = await testedBus({
      transport,
      handlers: [handler(OrderPlaced, { group: 'g' }, ({ data }) => void handled.push(data.order))],
    })
    void tested.bus.publish(OrderPlaced, { order: 1 })
    const idle = tested.bus.idle()
    await tested.pass(100)
    expect(await stateOf(idle)).toBe('pending')
    sending.open()
    await tested.pass(100)
    await idle
    expect(handled).toEqual([1])
  })

  test('waits for what another member of its groups has in hand', async () => {
    const transport = memory()
    const { opened, open } = gate()
    const one = await testedBus({ transport })
    const two = await testedBus({
      transport,
      clock: one.clock,
      handlers: [handler(OrderPlaced, { group: 'g' }, () => opened)],
    })
    await one.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    await one.bus.subscribe(OrderPlaced, () => {}, { group: 'g' }).ready
    const idle = one.bus.idle()
    await one.pass(100)
    expect(await stateOf(idle)).toBe('pending')
    open()
    await one.pass(100)
    expect(await stateOf(idle)).toBe('resolved')
    for (const { bus } of [one, two]) await bus.close()
  })

  test('does not wait for what was published with a delay, nor for groups of others', async () => {
    const transport = memory()
    const other = await testedBus({
      transport,
      handlers: [handler(OrderPlaced, { group: 'elsewhere' }, () => {})],
    })
    await other.bus.close()
    await using tested = await testedBus({
      transport,
      handlers: [handler(OrderPlaced, { group: 'g' }, () => {})],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.bus.publish(OrderPlaced, { order: 2 }, { delay: '24h' })
    const idle = tested.bus.idle()
    await tested.pass(100)
    expect(await stateOf(idle)).toBe('resolved')
    expect(tested.hooks('handled')).toHaveLength(1)
  })

  test('says what is left when its time is up', async () => {
    await using tested = await testedBus({
      handlers: [
        handler(OrderPlaced, { group: 'billing', retry: { delay: '1h', max: '1h', jitter: false } }, () => {
          throw new Error('not yet')
        }),
        handler(
          ShelfScanned,
          { group: 'shelves', concurrency: 1, prefetch: 1, timeout: '10m' },
          (_event, { signal }) => {
            return new Promise((resolve) => signal.addEventListener('abort', resolve))
          },
        ),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    for (const shelf of [1, 2, 3]) await tested.bus.publish(ShelfScanned, { shelf })
    await quiet()
    const idle = tested.bus.idle({ timeout: '5s' })
    idle.catch(() => {})
    for (let step = 0; step < 100; step++) {
      tested.clock.advance(60)
      await quiet(3)
    }
    await expect(idle).rejects.toMatchObject({
      code: 'IDLE_TIMEOUT',
      message:
        'the bus was not idle within 5000ms: 1 wait for a retry in group "shop.billing", group "shop.shelves" holds 1, 2 wait for group "shop.shelves"\n' +
        'Wait longer, or see bus.health().',
    })
  })

  test('rejects once where no group can say what waits, and leaves no rejection that nobody hears', async () => {
    const transport = altered(memory(), (connection) => ({
      async subscribe(request, deliver, signal) {
        const membership = await connection.subscribe(request, deliver, signal)
        return { ...membership, backlog: () => Promise.reject(new Error(`${request.group} is away`)) }
      },
    }))
    const handlers = ['billing', 'shelves'].map((group) => handler(OrderPlaced, { group }, () => {}))
    const unheard: unknown[] = []
    const hears = (reason: unknown): void => void unheard.push(reason)
    process.on('unhandledRejection', hears)
    try {
      await using tested = await testedBus({ transport, handlers })
      await expect(tested.bus.idle()).rejects.toThrow('shop.billing is away')
      await quiet()
    } finally {
      process.off('unhandledRejection', hears)
    }
    expect(unheard).toEqual([])
  })

  test('ends with the bus, and is refused by one that is closed', async () => {
    const tested = await testedBus({
      handlers: [handler(OrderPlaced, { group: 'g' }, () => new Promise(() => {}))],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    const idle = tested.bus.idle()
    idle.catch(() => {})
    await quiet()
    const closed = tested.bus.close({ timeout: 10 })
    await quiet()
    tested.clock.advance(10)
    await closed
    await expect(idle).rejects.toMatchObject({ code: 'BUS_CLOSED' })
    await expect(tested.bus.idle()).rejects.toMatchObject({ code: 'BUS_CLOSED' })
    expect(tested.clock.timers).toBe(0)
  })

  test('is refused where the transport cannot say what waits, and for options that make no sense', async () => {
    const real = memory()
    const transport = { ...real, capabilities: { ...real.capabilities, waiting: false } }
    await using tested = await testedBus({ transport })
    await expect(tested.bus.idle()).rejects.toMatchObject({
      code: 'CAPABILITY_MISSING',
      missing: [{ capability: 'waiting', wantedBy: 'bus.idle' }],
    })
    await using other = await testedBus()
    await expect(other.bus.idle({ timeout: 'soon' as never })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await expect(other.bus.idle({ within: '1s' } as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})
