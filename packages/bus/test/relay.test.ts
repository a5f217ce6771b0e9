import { describe, expect, test } from 'vitest'
import {
  createBus,
  type DeadLetter,
  handler,
  type HandlerLog,
  memory,
  memoryDeadLetters,
  systemClock,
  type Transport,
} from '../src/index.ts'
import { createRelay, type RelayOptions } from '../src/integration/index.ts'
import { handled } from '../src/transport/index.ts'
import { altered } from './support/altered.ts'
import { all } from './support/letters.ts'
import { logTransport } from './support/log-transport.ts'
import { connectTo, givenBack, message, quiet, RecordingMember, until } from './support/recording-member.ts'
import { OrderPlaced, PaymentTaken } from './support/shop.ts'

const source = '/shop'
const quietly = { source, log: false } as const

/** A group with what is before it, and nobody in it. */
async function left(transport: Transport, group: string, ...messages: ReturnType<typeof message>[]): Promise<void> {
  const { connection } = await connectTo(transport)
  const member = await RecordingMember.join(connection, { group, types: ['a', 'b'] })
  await member.membership.stop()
  for (const each of messages) await connection.publish({ message: each })
  for (const delivery of member.deliveries) await delivery.settle(givenBack)
  await connection.close()
}

/** Who gets what comes to a group, settled at once. */
async function joined(transport: Transport, group: string, types = ['a', 'b']): Promise<RecordingMember> {
  const { connection } = await connectTo(transport)
  return RecordingMember.join(connection, { group, types }, (delivery) => void delivery.settle(handled))
}

function recordingLog(): HandlerLog & { readonly lines: string[] } {
  const lines: string[] = []
  const at = (level: string) => (text: string) => void lines.push(`${level}: ${text}`)
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

describe('groups that move', () => {
  test('keep their order over there, and those without one have none', async () => {
    const [from, to] = [memory(), memory()]
    const handlers = [
      handler(OrderPlaced, { group: 'stock' }, () => {}),
      handler(OrderPlaced, { group: 'tracking', ordering: 'none' }, () => {}),
    ]
    const before = await createBus({ ...quietly, transport: from, handlers })
    await before.close()
    await using relay = await createRelay({ ...quietly, from, to, groups: 'all' })
    const { connection } = await connectTo(to)
    const groups = await connection.groups!.list()
    expect(groups.map(({ group, ordered }) => [group, ordered])).toEqual([
      ['shop.stock', true],
      ['shop.tracking', false],
    ])
    await relay.caughtUp({ timeout: '5s' })
    const after = await createBus({ ...quietly, transport: to, handlers })
    await after.close()
    await connection.close()
  })

  test('go on over there with what waits for them: each event to its own group, as it is, in the order of its key', async () => {
    const [from, to] = [memory(), memory()]
    const bytes = message('bytes', { body: new Uint8Array([0, 255, 7]), key: 'k' })
    const odd = { ...message('odd', { type: 'b', key: 'k' }), headers: { 'x-own': 'ä', 'x-tidings-attempt': '3' } }
    await left(from, 'shop.billing', bytes, odd)
    await left(from, 'shop.shipping', message('later', { key: 'k' }))
    await using relay = await createRelay({ ...quietly, from, to, groups: 'all' })
    await relay.caughtUp({ timeout: '5s' })
    const [billing, shipping] = [await joined(to, 'shop.billing'), await joined(to, 'shop.shipping')]
    await until(() => billing.ids.length === 3 && shipping.ids.length === 1)
    // The group that was made first had asked for both types when the last one was published.
    expect(billing.ids).toEqual(['bytes', 'odd', 'later'])
    expect(billing.deliveries.slice(0, 2).map((each) => each.message)).toEqual([bytes, odd])
    expect(shipping.ids).toEqual(['later'])
    expect(await relay.health()).toMatchObject({
      status: 'ok',
      from: 'connected',
      to: 'connected',
      waiting: 0,
      delayed: 0,
      retrying: 0,
      age: undefined,
      moved: 4,
      parked: 0,
      groups: [
        { group: 'shop.billing', moved: 3 },
        { group: 'shop.shipping', moved: 1 },
      ],
    })
  })

  test('get what is published on either side from then on, once each', async () => {
    const [from, to] = [memory(), memory()]
    const seen: number[] = []
    const billing = handler(OrderPlaced, { group: 'billing' }, ({ data }) => void seen.push(data.order))
    await (await createBus({ ...quietly, transport: from, handlers: [billing] })).close()
    await using relay = await createRelay({ ...quietly, from, to, groups: ['billing'] })
    await using there = await createBus({ ...quietly, transport: to, handlers: [billing] })
    await using here = await createBus({ ...quietly, transport: from })
    for (let order = 0; order < 20; order++) await (order % 2 === 0 ? here : there).publish(OrderPlaced, { order })
    await until(() => seen.length === 20)
    await relay.close()
    await quiet()
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n))
  })

  test('are moved by two relays at once, each event once', async () => {
    const [from, to] = [memory(), memory()]
    const ids = Array.from({ length: 100 }, (_, n) => String(n))
    await left(from, 'shop.billing', ...ids.map((id) => message(id, { key: `k-${Number(id) % 7}` })))
    const route = { ...quietly, from, to, groups: 'all', prefetch: 5 } as const
    await using one = await createRelay(route)
    await using other = await createRelay(route)
    await one.caughtUp({ timeout: '5s' })
    const billing = await joined(to, 'shop.billing')
    await until(() => billing.ids.length === 100)
    await quiet()
    expect(billing.ids.toSorted((a, b) => Number(a) - Number(b))).toEqual(ids)
    const moved = [await one.health(), await other.health()].map((health) => health.moved)
    expect(moved[0]! + moved[1]!).toBe(100)
  })

  test('leave behind what they have handled, and what comes once more of it', async () => {
    const [from, to] = [memory(), memory()]
    const seen: unknown[] = []
    const policy = { group: 'billing', idempotent: true, retry: { attempts: 3, delay: '1h' } } as const
    const handlerOf = (place: string) =>
      handler(OrderPlaced, policy, ({ data }, { attempt }) => {
        seen.push([place, data.order, attempt])
        if (data.order === 2 && place === 'here') throw new Error('not yet')
      })
    const here = await createBus({ ...quietly, transport: from, handlers: [handlerOf('here')] })
    const first = await here.publish(OrderPlaced, { order: 1 })
    await here.publish(OrderPlaced, { order: 2 })
    await until(() => seen.length === 2)
    await here.close()
    const publisher = await createBus({ ...quietly, transport: from })
    await publisher.publish(first)
    await publisher.publish(OrderPlaced, { order: 3 })
    await using relay = await createRelay({ ...quietly, from, to, groups: 'all' })
    await using there = await createBus({ ...quietly, transport: to, handlers: [handlerOf('there')] })
    await until(() => seen.length === 3)
    expect(seen).toEqual([
      ['here', 1, 1],
      ['here', 2, 1],
      ['there', 3, 1],
    ])
    // What failed comes when it is due.
    expect(await relay.health()).toMatchObject({ waiting: 0, retrying: 1, moved: 1 })
    await expect(relay.caughtUp({ timeout: 50 })).rejects.toMatchObject({
      code: 'RELAY_BEHIND',
      message: expect.stringContaining('within 50ms: shop.billing: 0 waiting, 1 waiting for a retry'),
    })
    await publisher.close()
    await there.idle()
  })

  test('keep the attempts of what failed here', async () => {
    const [from, to] = [memory(), memory()]
    const attempts: unknown[] = []
    const billing = (place: string) =>
      handler(OrderPlaced, { group: 'billing', retry: { attempts: 5, delay: 50, jitter: false } }, (_, { attempt }) => {
        attempts.push([place, attempt])
        if (place === 'here') throw new Error('not yet')
      })
    const here = await createBus({ ...quietly, transport: from, handlers: [billing('here')] })
    await here.publish(OrderPlaced, { order: 1 })
    await until(() => attempts.length === 1)
    await here.close()
    await using relay = await createRelay({ ...quietly, from, to, groups: 'all' })
    await using there = await createBus({ ...quietly, transport: to, handlers: [billing('there')] })
    await relay.caughtUp({ timeout: '5s' })
    await there.idle({ timeout: '5s' })
    expect(attempts).toEqual([
      ['here', 1],
      ['there', 2],
    ])
  })

  test('take their dead letters with them; a parked key stays parked, and is replayed over there', async () => {
    const [from, to] = [memory(), memory()]
    const seen: unknown[] = []
    let isBroken = true
    const billing = handler(
      OrderPlaced,
      { group: 'billing', retry: false, deadLetter: 'park-key' },
      ({ data: { item } }) => {
        if (isBroken) throw new Error('broken')
        seen.push(item)
      },
    )
    const here = await createBus({ ...quietly, transport: from, handlers: [billing] })
    await here.publish(OrderPlaced, { order: 1, item: 'first' })
    await here.idle()
    await here.close()
    isBroken = false
    const publisher = await createBus({ ...quietly, transport: from })
    await publisher.publish(OrderPlaced, { order: 1, item: 'second' })
    await publisher.publish(OrderPlaced, { order: 2, item: 'other' })
    await using relay = await createRelay({ ...quietly, from, to, groups: 'all' })
    await using there = await createBus({ ...quietly, transport: to, handlers: [billing] })
    await relay.caughtUp({ timeout: '5s' })
    await there.idle({ timeout: '5s' })
    expect(seen).toEqual(['other'])
    expect([await publisher.deadLetters.count(), await there.deadLetters.count()]).toEqual([0, 2])
    await there.deadLetters.replay({ group: 'billing' })
    await there.idle({ timeout: '5s' })
    expect(seen).toEqual(['other', 'first', 'second'])
    expect(await there.deadLetters.count()).toBe(0)
    await publisher.close()
  })

  test('have their dead letters replayed through the relay where the other side has no store of them', async () => {
    const [from, real] = [memory(), memory()]
    const to = {
      ...altered(real, () => ({ deadLetters: undefined })),
      capabilities: { ...real.capabilities, deadLetters: 'none' as const },
    }
    const seen: unknown[] = []
    const billing = handler(OrderPlaced, { group: 'billing', retry: false, deadLetter: 'park' }, ({ data }) => {
      throw new Error(`broken ${data.order}`)
    })
    const here = await createBus({ ...quietly, transport: from, handlers: [billing] })
    await here.publish(OrderPlaced, { order: 1 })
    await here.idle()
    await here.close()
    await using relay = await createRelay({ ...quietly, from, to, groups: 'all' })
    const mended = handler(OrderPlaced, { group: 'billing', deadLetter: 'discard' }, ({ data }) => {
      seen.push(data.order)
    })
    await using there = await createBus({ ...quietly, transport: to, handlers: [mended] })
    const operator = await createBus({ ...quietly, transport: from })
    expect((await all(operator.deadLetters.list())).map(({ reason }) => reason)).toEqual(['attempts-exhausted'])
    await operator.deadLetters.replay({ group: 'billing' })
    await relay.caughtUp({ timeout: '5s' })
    await there.idle({ timeout: '5s' })
    expect(seen).toEqual([1])
    expect(await operator.deadLetters.count()).toBe(0)
    await operator.close()
  })

  test('get what was published with a delay when it is due', async () => {
    const [from, to] = [memory(), memory()]
    const { connection } = await connectTo(from)
    await left(from, 'shop.billing')
    await connection.publish({ message: message('delayed'), notBefore: Date.now() + 80 })
    await using relay = await createRelay({ ...quietly, from, to, groups: 'all' })
    const billing = await joined(to, 'shop.billing')
    await relay.caughtUp({ timeout: '5s' })
    expect([billing.ids, (await relay.health()).delayed]).toEqual([[], 1])
    await until(() => billing.ids.length === 1)
    expect((await relay.health()).delayed).toBe(0)
    await connection.close()
  })
})

describe('types that are relayed', () => {
  test('go to every group over there that asks for them, from where the relay was', async () => {
    const [from, to] = [memory({ history: 100 }), memory()]
    const { connection } = await connectTo(from)
    await connection.publish({ message: message('before') })
    const [one, two] = [await joined(to, 'one'), await joined(to, 'two', ['b'])]
    const route = { ...quietly, from, to, types: ['*'], group: 'out', begin: 'earliest' } as const
    const first = await createRelay(route)
    await connection.publish({ message: message('b', { type: 'b' }) })
    await first.caughtUp({ timeout: '5s' })
    await first.close()
    await connection.publish({ message: message('meanwhile') })
    await using second = await createRelay(route)
    await second.caughtUp({ timeout: '5s' })
    await quiet()
    expect([one.ids, two.ids]).toEqual([['before', 'b', 'meanwhile'], ['b']])
    expect((await second.health()).groups.map(({ group }) => group)).toEqual(['shop.out'])
    await connection.close()
  })

  test('come in the order of their key from a transport that orders by partition', async () => {
    const { transport: log } = logTransport()
    const from: Transport = {
      ...altered(log, () => ({ deadLetters: memoryDeadLetters() })),
      capabilities: { ...log.capabilities, deadLetters: 'store' },
    }
    const real = memory()
    // The first of each key takes longest.
    const to = altered(real, (connection) => ({
      async publish(outgoing, options) {
        await new Promise((resolve) => setTimeout(resolve, outgoing.message.attributes['id'] === 'k-0' ? 20 : 0))
        await connection.publish(outgoing, options)
      },
    }))
    const member = await joined(to, 'all')
    await using relay = await createRelay({ ...quietly, from, to, types: ['a'] })
    const { connection } = await connectTo(from)
    for (let n = 0; n < 10; n++) await connection.publish({ message: message(`k-${n}`, { key: 'k' }) })
    await until(() => member.ids.length === 10)
    expect(member.ids).toEqual(Array.from({ length: 10 }, (_, n) => `k-${n}`))
    expect((await relay.health()).moved).toBe(10)
    await connection.close()
  })

  test('that nobody wants over there are told, once for each', async () => {
    const [from, to, log] = [memory(), memory(), recordingLog()]
    await using relay = await createRelay({ source, log, from, to, types: ['a'] })
    const { connection } = await connectTo(from)
    for (const id of ['1', '2']) await connection.publish({ message: message(id) })
    await until(() => log.lines.length > 0)
    await relay.caughtUp({ timeout: '5s' })
    expect(log.lines).toEqual(['warn: what a relay sends on reaches no group'])
    await connection.close()
  })
})

describe('what the target does not take', () => {
  test('as it is too large there becomes a dead letter with the reason, and holds up nobody', async () => {
    const [from, to, log] = [memory(), memory({ maxMessageSize: 1000 }), recordingLog()]
    await left(
      from,
      'shop.billing',
      message('large', { key: 'k', body: 'x'.repeat(2000) }),
      message('small', { key: 'k' }),
    )
    await using relay = await createRelay({ source, log, from, to, groups: 'all' })
    await relay.caughtUp({ timeout: '5s' })
    const billing = await joined(to, 'shop.billing')
    await until(() => billing.ids.length === 1)
    expect(billing.ids).toEqual(['small'])
    const operator = await createBus({ ...quietly, transport: from })
    const letters: DeadLetter[] = await all(operator.deadLetters.list())
    expect(letters).toMatchObject([
      { group: 'shop.billing', reason: 'not-relayed', attempts: 0, error: { code: 'MESSAGE_TOO_LARGE' } },
    ])
    expect(await relay.health()).toMatchObject({ moved: 1, parked: 1 })
    expect(log.lines).toEqual(['error: an event cannot be relayed, and is parked among the dead letters'])
    await operator.close()
  })

  test('for whatever other reason is tried again until it is taken, and said once', async () => {
    const [from, real, log] = [memory(), memory(), recordingLog()]
    let isAway = true
    const to = altered(real, (connection) => ({
      publish: (outgoing, options) =>
        isAway ? Promise.reject(new Error('the broker is away')) : connection.publish(outgoing, options),
    }))
    await left(from, 'shop.billing', message('1'), message('2', { key: 'k' }), message('3', { key: 'k' }))
    await using relay = await createRelay({ source, log, from, to, groups: 'all', stalledAfter: 10 })
    const billing = await joined(real, 'shop.billing')
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(await relay.health()).toMatchObject({ status: 'stalled', waiting: 3, moved: 0, age: expect.any(Number) })
    isAway = false
    await relay.caughtUp({ timeout: '5s' })
    await quiet()
    expect(billing.ids.toSorted()).toEqual(['1', '2', '3'])
    expect(log.lines).toEqual(['warn: a relay cannot send on, and goes on trying', 'info: a relay goes on'])
  })

  test('since its group was taken away there makes the group anew', async () => {
    const [from, to] = [memory(), memory()]
    await left(from, 'shop.billing')
    await using relay = await createRelay({ ...quietly, from, to, groups: 'all' })
    const { connection: there } = await connectTo(to)
    expect(await there.groups!.remove('shop.billing')).toBe(true)
    const { connection } = await connectTo(from)
    await connection.publish({ message: message('1') })
    await relay.caughtUp({ timeout: '5s' })
    const billing = await joined(to, 'shop.billing')
    await until(() => billing.ids.length === 1)
    await connection.close()
    await there.close()
  })
})

describe('close()', () => {
  test('lets arrive what is on its way, and gives back the rest in its order', async () => {
    const [from, real] = [memory(), memory()]
    let go = (): void => {}
    const gate = new Promise<void>((resolve) => (go = resolve))
    const sent: unknown[] = []
    const to = altered(real, (connection) => ({
      async publish(outgoing, options) {
        sent.push(outgoing.message.attributes['id'])
        await gate
        await connection.publish(outgoing, options)
      },
    }))
    await left(from, 'shop.billing', ...['1', '2', '3'].map((id) => message(id, { key: 'k' })))
    const relay = await createRelay({ ...quietly, from, to, groups: 'all' })
    await until(() => sent.length > 0)
    const closed = relay.close()
    expect((await relay.health()).status).toBe('closing')
    await expect(relay.caughtUp()).rejects.toThrow(/before it was closed/)
    go()
    await closed
    expect((await relay.health()).status).toBe('closed')
    const [here, there] = [await joined(from, 'shop.billing'), await joined(real, 'shop.billing')]
    await until(() => here.ids.length === 2 && there.ids.length === 1)
    expect([there.ids, here.ids]).toEqual([['1'], ['2', '3']])
    await relay.close()
  })

  test('does not wait for a target that never answers', async () => {
    const [from, real] = [memory(), memory()]
    const to = altered(real, (connection) => {
      let end = (_error: Error): void => {}
      return {
        publish: () => new Promise((_resolve, reject) => (end = reject)),
        async close() {
          end(new Error('closed'))
          await connection.close()
        },
      }
    })
    await left(from, 'shop.billing', message('1'))
    const relay = await createRelay({ ...quietly, from, to, groups: 'all' })
    await quiet()
    await relay.close({ timeout: 20 })
    const here = await joined(from, 'shop.billing')
    await until(() => here.ids.length === 1)
    // It is no sign of a member that died.
    expect(here.deliveries[0]!.redeliveries).toBe(0)
  })
})

describe('createRelay refuses', () => {
  const [from, to] = [memory(), memory()]
  const claiming = (capabilities: Partial<Transport['capabilities']>): Transport => {
    const real = memory()
    return { ...real, name: 'other', capabilities: { ...real.capabilities, ...capabilities } }
  }

  test.for<[string, Partial<RelayOptions>, RegExp]>([
    ['one transport for both', { to: from, groups: 'all' }, /`to` must be another transport than `from`/],
    ['neither groups nor types', {}, /`groups` must be given, or `types`, received "neither"/],
    ['both', { groups: 'all', types: ['a'] } as never, /received "both"/],
    ['no groups', { groups: [] }, /`groups` must be an array of names/],
    ['a group for groups', { groups: 'all', group: 'out' } as never, /`group` must be left out with `groups`/],
    [
      'a group that is not there',
      { groups: ['biling'] },
      /of those that memory has for \/shop \(shop\.billing\), received "shop\.biling"/,
    ],
    ['an option that there is not', { groups: 'all', rate: 3 } as never, /`rate` is no option of createRelay/],
    ['what is no source', { groups: 'all', source: 'a shop' }, /`source` must be a URI-reference/],
    ['what is no transport', { groups: 'all', to: {} as never }, /`to\.connect` must be a function/],
    ['a beginning that is not kept', { types: ['a'], begin: 'earliest' }, /memory lacks history/],
    ['a target that keeps no order', { groups: 'all', to: claiming({ ordering: 'none' }) }, /other lacks ordering/],
    [
      'a target that forgets what must last',
      { groups: 'all', from: claiming({ durable: true }), to },
      /memory lacks durable \(wanted by the relay: what other confirms survives a crash\)/,
    ],
    [
      'a place without dead letters',
      { groups: 'all', from: claiming({ deadLetters: 'none' }) },
      /other lacks deadLetters/,
    ],
    ['groups that cannot be listed', { groups: 'all', from: claiming({ groups: false }) }, /other lacks groups/],
  ])('%s', async ([, options, error]) => {
    await left(from, 'shop.billing')
    await expect(createRelay({ ...quietly, from, to, ...options })).rejects.toThrow(error)
  })

  test('a pattern of a group where the target has none', async () => {
    const here = memory()
    const { connection } = await connectTo(here)
    await RecordingMember.join(connection, { group: 'shop.all', types: ['shop.**'] })
    const there = claiming({ wildcards: false })
    const relay = createRelay({ ...quietly, from: here, to: there, groups: 'all' })
    await expect(relay).rejects.toThrow(/other lacks wildcards .*the pattern "shop\.\*\*" of the group shop\.all/)
    await connection.close()
  })
})

test('without a key many are on their way at a time, as many as `prefetch` says', async () => {
  const [from, real] = [memory(), memory()]
  let most = 0
  let now = 0
  const to = altered(real, (connection) => ({
    async publish(outgoing, options) {
      most = Math.max(most, ++now)
      await new Promise((resolve) => setTimeout(resolve, 5))
      now--
      await connection.publish(outgoing, options)
    },
  }))
  const ledger = handler(PaymentTaken, { group: 'ledger' }, () => {})
  await (await createBus({ ...quietly, transport: from, handlers: [ledger] })).close()
  const here = await createBus({ ...quietly, transport: from, clock: systemClock })
  for (let order = 0; order < 200; order++) await here.publish(PaymentTaken, { order })
  await using relay = await createRelay({ ...quietly, from, to, groups: 'all', prefetch: 50 })
  await relay.caughtUp({ timeout: '5s' })
  expect(most).toBe(50)
  await here.close()
})

test('what a relay moves is either groups or types', () => {
  const [from, to] = [memory(), memory()]
  const groups: RelayOptions = { source, from, to, groups: ['billing'] }
  const types: RelayOptions = { source, from, to, types: ['a'], group: 'out', begin: 'earliest' }
  // @ts-expect-error -- not both
  const both: RelayOptions = { source, from, to, groups: 'all', types: ['a'] }
  // @ts-expect-error -- nor neither
  const neither: RelayOptions = { source, from, to }
  // @ts-expect-error -- each group knows by itself how far it is
  const named: RelayOptions = { source, from, to, groups: 'all', group: 'out' }
  expect([groups, types, both, neither, named]).toHaveLength(5)
})
