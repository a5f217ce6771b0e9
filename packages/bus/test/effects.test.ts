import { describe, expect, test } from 'vitest'
import { createBus, handler, memory, memoryDeadLetters, type Middleware, type Transport } from '../src/index.ts'
import { logTransport } from './support/log-transport.ts'
import { quiet } from './support/recording-member.ts'
import { stepwise } from './support/stepwise.ts'
import { OrderPlaced, PaymentTaken, ShelfScanned, testedBus } from './support/shop.ts'

describe('the effects of a handler', () => {
  test('INVARIANT: an event that is tried again publishes its effects under the ids of the first time', async () => {
    const paid: string[] = []
    let attempts = 0
    await using tested = await testedBus({
      handlers: [
        handler(
          OrderPlaced,
          { group: 'billing', retry: { delay: 10, jitter: false } },
          async ({ data }, { publish }) => {
            // In another order each time, as concurrent work is.
            const orders = ++attempts % 2 === 0 ? [data.order, 7, 7] : [7, data.order, 7]
            for (const order of orders) await publish(PaymentTaken, { order }, { immediate: true })
            if (attempts < 3) throw new Error('crashed before the end')
          },
        ),
        handler(PaymentTaken, { group: 'ledger', idempotent: true, ordering: 'none' }, ({ data, id }) => {
          paid.push(`${data.order} ${id}`)
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(1_000)
    expect(attempts).toBe(3)
    expect(tested.hooks('duplicate')).toHaveLength(6)
    expect(paid.map((each) => Number(each.split(' ')[0])).toSorted((a, b) => a - b)).toEqual([1, 7, 7])
    expect(new Set(paid).size).toBe(3)
  })

  test('effects of other events, groups, types and data have other ids, which sort behind their cause', async () => {
    await using tested = await testedBus({
      handlers: ['a', 'b'].map((group) =>
        handler(OrderPlaced, { group }, async ({ data }, { publish }) => {
          await publish(PaymentTaken, { order: data.order })
          await publish(PaymentTaken, { order: data.order + 1 })
          await publish(ShelfScanned, { shelf: data.order })
        }),
      ),
    })
    const causes = [
      await tested.bus.publish(OrderPlaced, { order: 1 }),
      await tested.bus.publish(OrderPlaced, { order: 1 }),
    ]
    await quiet()
    const effects = tested.hooks('published').filter((event) => !OrderPlaced.is(event)) as {
      id: string
      causationId: string
    }[]
    expect(new Set(effects.map(({ id }) => id)).size).toBe(12)
    for (const { id, causationId } of effects) {
      expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-8001-[89ab][\da-f]{3}-[\da-f]{12}$/)
      expect(id > causationId).toBe(true)
      expect(causes.map((cause) => cause.id)).toContain(causationId)
    }
  })

  test('an id that is given is kept', async () => {
    await using tested = await testedBus({
      handlers: [
        handler(OrderPlaced, { group: 'g' }, async (_event, { publish }) => {
          await publish(PaymentTaken, { order: 1 }, { id: 'mine' })
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    expect(tested.hooks('published').at(-1)).toMatchObject({ id: 'mine' })
  })

  test('INVARIANT: what is published after the attempt has ended is refused, unless it leaves at once', async () => {
    const errors: unknown[] = []
    const paid: number[] = []
    let late!: () => Promise<void>
    await using tested = await testedBus({
      handlers: [
        handler(OrderPlaced, { group: 'g' }, ({ data: { order } }, { publish }) => {
          late = async () => {
            await publish(PaymentTaken, { order }).catch((error: unknown) => errors.push(error))
            await publish(PaymentTaken, { order: -order }, { immediate: true })
          }
        }),
        handler(PaymentTaken, { group: 'ledger' }, ({ data }) => paid.push(data.order)),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    await late()
    await quiet()
    expect(errors).toMatchObject([{ code: 'EFFECT_TOO_LATE' }])
    expect(paid).toEqual([-1])
  })

  test('INVARIANT: a batch that fails as a whole, and is handled one by one, has the effects of that alone', async () => {
    const paid: string[] = []
    const calls: number[] = []
    const batch = { size: 3, wait: 5 }
    await using tested = await testedBus({
      handlers: [
        handler(OrderPlaced, { group: 'g', batch, retry: false }, async (events, { publish }) => {
          calls.push(events.length)
          for (const event of events) await publish(event, PaymentTaken, { order: event.data.order })
          if (events.some(({ data }) => data.order === 2)) throw new Error('one of these')
        }),
        handler(PaymentTaken, { group: 'ledger', ordering: 'none' }, ({ data, id }) =>
          paid.push(`${data.order} ${id}`),
        ),
      ],
    })
    for (const order of [1, 2, 3]) await tested.bus.publish(OrderPlaced, { order })
    await tested.pass(1_000)
    expect(calls).toEqual([3, 1, 1, 1])
    expect(paid.map((each) => Number(each.split(' ')[0])).toSorted((a, b) => a - b)).toEqual([1, 3])
  })

  test('INVARIANT: an event counts as handled only when its effects are confirmed, awaited or not', async () => {
    const confirms: (() => void)[] = []
    const real = memory()
    const slow: Transport = {
      name: 'slow',
      capabilities: real.capabilities,
      async connect(options) {
        const connection = await real.connect(options)
        return {
          deadLetters: connection.deadLetters,
          groups: connection.groups,
          subscribe: (...args) => connection.subscribe(...args),
          close: () => connection.close(),
          async publish(outgoing) {
            if (outgoing.message.attributes['type'] === PaymentTaken.type) {
              await new Promise<void>((resolve) => confirms.push(resolve))
            }
            await connection.publish(outgoing)
          },
        }
      },
    }
    await using tested = await testedBus({
      transport: stepwise(slow),
      handlers: [
        handler(OrderPlaced, { group: 'g' }, ({ data }, { publish }) => {
          void publish(PaymentTaken, { order: data.order })
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    expect(confirms).toHaveLength(1)
    expect(tested.hooks('handled')).toEqual([])
    confirms[0]!()
    await quiet()
    expect(tested.hooks('handled')).toHaveLength(1)
  })

  test('an effect that is refused fails the attempt, though nobody awaited it', async () => {
    await using tested = await testedBus({
      handlers: [
        handler(OrderPlaced, { group: 'g', retry: false }, (_event, { publish }) => {
          void publish(PaymentTaken, { order: 'one' } as never)
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    expect(tested.hooks('deadLettered')).toMatchObject([
      { reason: 'attempts-exhausted', error: { code: 'INVALID_EVENT' } },
    ])
  })

  test('INVARIANT: an event that a middleware keeps from its handler has none of those that failed with it before', async () => {
    const firstOnly: Middleware = {
      name: 'first only',
      async receive({ message, attempt }, next) {
        if (attempt === 1) await next(message)
      },
    }
    const bill = handler(OrderPlaced, { group: 'billing' }, async (_event, { publish }) => {
      await publish(PaymentTaken, { order: 1 })
      throw new Error('the till is closed')
    })
    const { transport } = logTransport()
    const options = { transport, deadLetters: memoryDeadLetters(), middleware: [firstOnly] }
    await using tested = await testedBus({ ...options, handlers: [bill] })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(2000)
    expect((await tested.bus.health()).groups).toMatchObject([{ settled: 1 }])
    expect(tested.hooks('published')).toMatchObject([{ type: OrderPlaced.type }])
  })

  test('INVARIANT: a handler that failed has none, though a middleware keeps its failure to itself', async () => {
    const lenient: Middleware = {
      name: 'lenient',
      async receive({ message }, next) {
        await next(message).catch(() => {})
      },
    }
    const bill = handler(OrderPlaced, { group: 'billing' }, async (_event, { publish }) => {
      await publish(PaymentTaken, { order: 1 })
      throw new Error('the till is closed')
    })
    await using tested = await testedBus({ middleware: [lenient], handlers: [bill] })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    expect(tested.hooks('handled')).toHaveLength(1)
    expect(tested.hooks('published')).toMatchObject([{ type: OrderPlaced.type }])
  })

  test('one with a delay can be taken back by the handler that has published it', async () => {
    const answers: boolean[] = []
    const bill = handler(OrderPlaced, { group: 'billing' }, async (_event, { publish, cancel }) => {
      const reminder = await publish(PaymentTaken, { order: 1 }, { delay: '1s' })
      for (let i = 0; i < 2; i++) answers.push(await cancel(reminder))
    })
    await using tested = await testedBus({ handlers: [bill] })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(2000)
    expect(answers).toEqual([true, false])
    expect(tested.hooks('published')).toMatchObject([{ type: OrderPlaced.type }])
  })

  test('a handler whose time was up has no effects any more', async () => {
    const outcomes: unknown[] = []
    let go!: () => void
    const tested = await testedBus({
      handlers: [
        handler(OrderPlaced, { group: 'g', timeout: 100, retry: false }, async (_event, { publish }) => {
          await new Promise<void>((resolve) => (go = resolve))
          await publish(PaymentTaken, { order: 1 }).catch((error: unknown) => outcomes.push(error))
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(110)
    go()
    await quiet()
    expect(outcomes).toMatchObject([{ code: 'ATTEMPT_TIMEOUT' }])
    expect(tested.hooks('published')).toHaveLength(1)
    await tested.bus.close()
  })

  test('of a batch they are waited for too', async () => {
    const other = await createBus({ source: '/x', transport: memory() })
    await other.close()
    await using tested = await testedBus({
      handlers: [
        handler(ShelfScanned, { group: 'g', batch: { size: 2 }, retry: false }, (events, { publish }) => {
          void publish(events[0]!, PaymentTaken, { order: 'one' } as never)
        }),
      ],
    })
    for (const shelf of [1, 2]) await tested.bus.publish(ShelfScanned, { shelf })
    await tested.pass(100)
    expect(tested.hooks('deadLettered')).toMatchObject([
      { error: { code: 'INVALID_EVENT' } },
      { error: { code: 'INVALID_EVENT' } },
    ])
  })
})
