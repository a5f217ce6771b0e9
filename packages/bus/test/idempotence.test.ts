import { describe, expect, test } from 'vitest'
import { createBus, handler, type Inbox, memory } from '../src/index.ts'
import { quiet } from './support/recording-member.ts'
import { OrderPlaced, testedBus } from './support/shop.ts'

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

  test('an inbox that is given is asked by the whole name of the group and by the event, in the place of the transport’s', async () => {
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
      ['has', 'shop.g', { source, id }],
      ['add', 'shop.g', { source, id }],
    ])
  })

  test('while the inbox is away nothing is handled, no attempt is lost, and nothing is given up', async () => {
    let away = true
    let calls = 0
    const inbox = {
      has: () => {
        if (away) throw new Error('the inbox is away')
        return false
      },
      add: () => {},
    }
    await using tested = await testedBus({
      inbox,
      handlers: [
        handler(OrderPlaced, { group: 'g', idempotent: true, retry: { attempts: 1, delay: 100 } }, () => calls++),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(10_000)
    expect(calls).toBe(0)
    away = false
    await tested.pass(1_000)
    expect(calls).toBe(1)
    expect(tested.hooks('deadLettered')).toEqual([])
  })
})
