import { defineEvent } from '@tidings/events'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createBus, handler, memory, type Transport } from '../src/index.ts'
import { altered } from './support/altered.ts'
import { ManualClock, quiet, stateOf } from './support/recording-member.ts'
import { OrderPlaced, PaymentTaken, ShelfScanned, testedBus } from './support/shop.ts'

const Asked = defineEvent('shop.asked', z.object({}))

/** A broker with a group that nobody is in any more, and so many events in it. */
async function leftBehind(transport: Transport, waiting: number): Promise<void> {
  const tested = await testedBus({
    transport,
    handlers: [handler([OrderPlaced, ShelfScanned], { group: 'old' }, () => new Promise(() => {}))],
  })
  await tested.bus.close()
  const publisher = await testedBus({ transport })
  for (let order = 0; order < waiting; order++) await publisher.bus.publish(OrderPlaced, { order })
  await publisher.bus.close()
}

describe('bus.groups', () => {
  test('lists all groups with their members, types, and what waits, is delayed, retried and parked', async () => {
    const transport = memory()
    await leftBehind(transport, 3)
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(ShelfScanned, { group: 'shelves', retry: { attempts: 2, delay: '1m', jitter: false } }, ({ data }) => {
          if (data.shelf > 0) throw new Error('locked')
        }),
        handler(Asked, { group: 'asked', retry: false, temporary: true }, () => {
          throw new Error('no')
        }),
      ],
    })
    const retryAt = tested.clock.now() + 60_000
    await tested.bus.publish(ShelfScanned, { shelf: 1 })
    await tested.bus.publish(ShelfScanned, { shelf: 2 }, { delay: '1h' })
    await tested.bus.publish(Asked, {})
    await quiet()
    const groups = await tested.bus.groups.list()
    const nothing = {
      waiting: 0,
      handedOut: 0,
      delayed: 0,
      retrying: 0,
      retryAt: undefined,
      full: false,
      parked: 0,
      ordered: true,
    }
    expect(groups).toEqual([
      {
        ...nothing,
        group: 'shop.old',
        types: [OrderPlaced.type, ShelfScanned.type],
        members: 0,
        temporary: false,
        waiting: 4,
        delayed: 1,
      },
      {
        ...nothing,
        group: 'shop.shelves',
        types: [ShelfScanned.type],
        members: 1,
        temporary: false,
        delayed: 1,
        retrying: 1,
        retryAt,
      },
      { ...nothing, group: 'shop.asked', types: [Asked.type], members: 1, temporary: true, parked: 1 },
    ])
  })

  test('removes a group with all that waits in it, by its name with the source or without', async () => {
    for (const name of ['old', 'shop.old']) {
      const transport = memory()
      await leftBehind(transport, 3)
      await using tested = await testedBus({ transport })
      expect(await tested.bus.groups.remove(name)).toBe(true)
      expect(await tested.bus.groups.list()).toEqual([])
      expect(await tested.bus.groups.remove(name)).toBe(false)
    }
  })

  test('removes the group of another application by its whole name', async () => {
    const transport = memory()
    await leftBehind(transport, 1)
    const other = await createBus({ source: '/stock', transport, clock: new ManualClock() })
    expect([await other.groups.remove('old'), await other.groups.remove('shop.old')]).toEqual([false, true])
    await other.close()
  })

  test('removes none that has members', async () => {
    await using tested = await testedBus({ handlers: [handler(OrderPlaced, { group: 'g' }, () => {})] })
    await expect(tested.bus.groups.remove('g')).rejects.toMatchObject({
      code: 'GROUP_IN_USE',
      message: expect.stringContaining('group "shop.g" is not removed: it has 1 member\n'),
    })
    expect(await tested.bus.groups.list()).toHaveLength(1)
  })

  test('lets a publish go that waited for a group which is removed', async () => {
    const transport = memory({ capacity: 2 })
    await leftBehind(transport, 2)
    const seen: number[] = []
    await using tested = await testedBus({
      transport,
      handlers: [handler(OrderPlaced, { group: 'new' }, ({ data }) => void seen.push(data.order))],
    })
    const published = tested.bus.publish(OrderPlaced, { order: 7 })
    expect(await stateOf(published)).toBe('pending')
    await tested.bus.groups.remove('old')
    await published
    await quiet()
    expect(seen).toEqual([7])
  })

  test('takes event types back that a group has asked for once', async () => {
    const transport = memory()
    await leftBehind(transport, 1)
    await using tested = await testedBus({ transport })
    expect(await tested.bus.groups.unbind('old', [OrderPlaced.type])).toBe(true)
    await tested.bus.publish(OrderPlaced, { order: 2 })
    await tested.bus.publish(ShelfScanned, { shelf: 1 })
    expect(await tested.bus.groups.list()).toMatchObject([{ types: [ShelfScanned.type], waiting: 2 }])
    expect(tested.hooks('unroutable')).toHaveLength(1)
    expect(await tested.bus.groups.unbind('nobody', [OrderPlaced.type])).toBe(false)
    await expect(tested.bus.groups.unbind('old', OrderPlaced.type as never)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
  })

  test('INVARIANT: ends no process by a broker that is asked for them in passing, and is gone before it answers', async () => {
    const refusals: ((error: Error) => void)[] = []
    const transport = altered(memory(), (connection) => ({
      groups: {
        list: () => new Promise((_resolve, reject) => void refusals.push(reject)),
        remove: (group) => connection.groups!.remove(group),
        unbind: (group, types) => connection.groups!.unbind(group, types),
      },
    }))
    const unhandled: unknown[] = []
    const listener = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', listener)
    const tested = await testedBus({ transport })
    expect(tested.bus.describe().full).toEqual([])
    await tested.bus.close()
    for (const refuse of refusals) refuse(new Error('the connection is gone'))
    await quiet()
    process.off('unhandledRejection', listener)
    expect([refusals.length, unhandled]).toEqual([2, []])
  })

  test('is refused where the transport cannot say', async () => {
    const real = memory()
    const transport = {
      ...altered(real, () => ({ groups: undefined })),
      capabilities: { ...real.capabilities, groups: false },
    }
    await using tested = await testedBus({ transport })
    await expect(tested.bus.groups.list()).rejects.toMatchObject({ code: 'CAPABILITY_MISSING' })
    expect((await tested.bus.health()).full).toEqual([])
  })
})

describe('a temporary group', () => {
  test('goes with its bus, with all that waits in it', async () => {
    const transport = memory()
    const first = await testedBus({
      transport,
      handlers: [handler(OrderPlaced, { group: 'live', temporary: true }, () => new Promise(() => {}))],
    })
    for (let order = 0; order < 100; order++) await first.bus.publish(OrderPlaced, { order })
    const closed = first.bus.close({ timeout: 10 })
    await quiet()
    first.clock.advance(10)
    await closed
    await using second = await testedBus({ transport })
    expect(await second.bus.groups.list()).toEqual([])
    await second.bus.publish(OrderPlaced, { order: 1 })
    expect(second.hooks('unroutable')).toHaveLength(1)
  })

  test('goes when its handler is unsubscribed', async () => {
    await using tested = await testedBus()
    const subscription = tested.bus.subscribe(OrderPlaced, () => {}, { group: 'live', temporary: true })
    await subscription.ready
    expect(await tested.bus.groups.list()).toMatchObject([{ group: 'shop.live', temporary: true, members: 1 }])
    subscription.unsubscribe()
    await quiet()
    expect(await tested.bus.groups.list()).toEqual([])
  })

  test('is refused at start-up where the transport has none', async () => {
    const real = memory()
    const transport = { ...real, capabilities: { ...real.capabilities, temporaryGroups: false } }
    const live = handler(OrderPlaced, { group: 'live', temporary: true }, () => {})
    await expect(createBus({ source: '/shop', transport, handlers: [live] })).rejects.toMatchObject({
      code: 'CAPABILITY_MISSING',
      missing: [{ capability: 'temporaryGroups' }],
    })
  })
})

describe('events() without a group', () => {
  test('INVARIANT: leaves none behind, so that a stream that ended stops no publisher', async () => {
    await using tested = await testedBus({ transport: memory({ capacity: 10 }), publishTimeout: '1s' })
    for (let browser = 0; browser < 20; browser++) {
      const tab = new AbortController()
      const stream = tested.bus.events(OrderPlaced, { signal: tab.signal })
      await tested.bus.ready()
      await tested.bus.publish(OrderPlaced, { order: browser })
      expect((await stream.next()).value?.data.order).toBe(browser)
      expect(await tested.bus.groups.list()).toMatchObject([{ temporary: true, members: 1 }])
      tab.abort()
      expect(await stream.next()).toEqual({ value: undefined, done: true })
      await quiet(3)
      expect(await tested.bus.groups.list()).toEqual([])
    }
    for (let order = 0; order < 100; order++) await tested.bus.publish(OrderPlaced, { order })
    expect((await tested.bus.health()).status).toBe('ok')
  })

  test('has one of its own each, so that every stream gets every event', async () => {
    await using tested = await testedBus()
    const streams = [tested.bus.events(OrderPlaced), tested.bus.events(OrderPlaced)]
    await tested.bus.ready()
    await tested.bus.publish(OrderPlaced, { order: 7 })
    for (const stream of streams) expect((await stream.next()).value?.data.order).toBe(7)
    for (const stream of streams) await stream.return?.()
  })

  test('with a name the group stays, for whoever comes back to it', async () => {
    await using tested = await testedBus()
    const stream = tested.bus.events(OrderPlaced, { group: 'reports' })
    await tested.bus.ready()
    await stream.return?.()
    await quiet()
    expect(await tested.bus.groups.list()).toMatchObject([{ group: 'shop.reports', temporary: false, members: 0 }])
  })
})

describe('a full group', () => {
  test('is named by `health` and `describe`, though this bus is not in it, until it has room', async () => {
    const transport = memory({ capacity: 2 })
    await leftBehind(transport, 2)
    await using tested = await testedBus({
      transport,
      handlers: [handler(PaymentTaken, { group: 'billing' }, () => {})],
    })
    expect(await tested.bus.health()).toMatchObject({
      status: 'full',
      full: ['shop.old'],
      groups: [{ group: 'shop.billing', status: 'ok' }],
    })
    expect(tested.bus.describe().full).toEqual(['shop.old'])
    await tested.bus.groups.remove('old')
    expect(await tested.bus.health()).toMatchObject({ status: 'ok', full: [] })
    expect(tested.bus.describe().full).toEqual([])
  })

  test('of this bus says so in its own part', async () => {
    await using tested = await testedBus({
      transport: memory({ capacity: 2 }),
      handlers: [
        handler(OrderPlaced, { group: 'billing', timeout: 500, retry: false }, (_event, { signal }) => {
          return new Promise((resolve) => signal.addEventListener('abort', resolve))
        }),
      ],
    })
    for (const order of [1, 2]) await tested.bus.publish(OrderPlaced, { order })
    await quiet()
    expect((await tested.bus.health()).groups).toMatchObject([{ group: 'shop.billing', status: 'full', running: 2 }])
    expect(tested.bus.describe().handlers).toMatchObject([
      { because: 'group "shop.billing" is joined, and full: who publishes to it waits' },
    ])
  })

  test('is named by the error of the publish that waits for it, with what it is full of and what to do', async () => {
    const transport = memory({ capacity: 2 })
    await leftBehind(transport, 2)
    await using tested = await testedBus({ transport })
    const published = tested.bus.publish(OrderPlaced, { order: 3 }, { timeout: '1s' })
    published.catch(() => {})
    await quiet()
    tested.clock.advance(1000)
    await expect(published).rejects.toMatchObject({
      code: 'PUBLISH_TIMEOUT',
      message:
        'an event "shop.order.placed" was not sent within 1000ms: group "shop.old" is full (2 waiting, 0 handed out and unsettled, 0 delayed, 0 waiting for a retry)\n' +
        'Its handlers are slow, or nobody handles it any more: add members, or remove the group with bus.groups.remove.',
      details: { groups: [{ group: 'shop.old', waiting: 2 }] },
    })
  })

  test('of delayed events is full for these alone', async () => {
    await using tested = await testedBus({
      transport: memory({ maxDelayed: 1 }),
      handlers: [handler(OrderPlaced, { group: 'billing' }, () => {})],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 }, { delay: '1h' })
    const late = tested.bus.publish(OrderPlaced, { order: 2 }, { delay: '1h', timeout: '1s' })
    late.catch(() => {})
    await tested.bus.publish(OrderPlaced, { order: 3 })
    await quiet()
    expect(tested.hooks('handled')).toHaveLength(1)
    tested.clock.advance(1000)
    await expect(late).rejects.toThrow('(0 waiting, 0 handed out and unsettled, 1 delayed, 0 waiting for a retry)')
  })

  test('leaves a publish that is given up by its own signal with the reason of that', async () => {
    const transport = memory({ capacity: 1 })
    await leftBehind(transport, 1)
    await using tested = await testedBus({ transport })
    const given = new AbortController()
    const published = tested.bus.publish(OrderPlaced, { order: 3 }, { signal: given.signal })
    const reason = new Error('the user went away')
    given.abort(reason)
    await expect(published).rejects.toBe(reason)
  })
})
