import { describe, expect, test } from 'vitest'
import { type Capabilities, createBus, handler, memory, memoryInbox, type Transport } from '../src/index.ts'
import { altered } from './support/altered.ts'
import { ManualClock, quiet } from './support/recording-member.ts'
import { OrderPlaced, PaymentTaken, ShelfScanned, testedBus } from './support/shop.ts'

/** memory(), as if it could not do some things. */
function without(less: Partial<Capabilities>): Transport {
  const real = memory()
  return {
    name: 'modest',
    capabilities: { ...real.capabilities, ...less },
    connect: (options) => real.connect(options),
  }
}

describe('what does not fit is refused at start-up', () => {
  const f = (): void => {}
  test.each([
    [
      { ordering: 'none' },
      handler(OrderPlaced, { group: 'g' }, f),
      "ordering (wanted by handler f: ordering: 'per-key')",
    ],
    [
      { deadLetters: 'none' },
      handler(OrderPlaced, { group: 'g' }, f),
      "deadLetters (wanted by handler f: deadLetter: 'park')",
    ],
    [
      { inbox: false },
      handler(OrderPlaced, { group: 'g', idempotent: true }, f),
      'inbox (wanted by handler f: idempotent: true)',
    ],
    [
      { history: false },
      handler(OrderPlaced, { group: 'g', from: 'earliest' }, f),
      "history (wanted by handler f: from: 'earliest')",
    ],
    [
      { wildcards: false },
      handler('shop.**', { group: 'g' }, f),
      'wildcards (wanted by handler f: the pattern "shop.**")',
    ],
    [
      { maxHold: 20_000 },
      handler(OrderPlaced, { group: 'g' }, f),
      'maxHold (wanted by handler f: its attempts may take 30000ms, the broker waits 20000ms)',
    ],
    [
      // What waits for a retry is held by the member there.
      { maxHold: 60_000, ordering: 'partition' },
      handler(OrderPlaced, { group: 'g' }, f),
      'maxHold (wanted by handler f: its attempts may take 165000ms, the broker waits 60000ms)',
    ],
  ] as const)('%j', async (less, bound, message) => {
    const starting = createBus({ source: '/shop', transport: without(less), handlers: [bound] })
    await expect(starting).rejects.toMatchObject({ code: 'CAPABILITY_MISSING' })
    await expect(starting).rejects.toThrow(`the transport modest lacks ${message}`)
  })

  test('all that is missing is told at once', async () => {
    const starting = createBus({
      source: '/shop',
      transport: without({ ordering: 'none', wildcards: false }),
      handlers: [handler('shop.**', { group: 'g' }, f)],
    })
    await expect(starting).rejects.toMatchObject({ missing: [{ capability: 'ordering' }, { capability: 'wildcards' }] })
  })

  test('a store of its own stands in for dead letters that the transport cannot keep', async () => {
    const broker = memory()
    const connection = await broker.connect({ name: 'x', clock: new ManualClock(), onState() {}, onUnroutable() {} })
    const bus = await createBus({
      source: '/shop',
      transport: without({ deadLetters: 'none' }),
      deadLetters: connection.deadLetters,
      handlers: [handler(OrderPlaced, { group: 'g' }, f)],
    })
    await bus.close()
    await connection.close()
  })

  test('an inbox of its own stands in for one that the transport has not', async () => {
    const handlers = [handler(OrderPlaced, { group: 'g', idempotent: true }, f)]
    const transport = without({ inbox: false })
    const bus = await createBus({ source: '/shop', transport, inbox: memoryInbox(), handlers })
    await bus.close()
    const refused = createBus({ source: '/shop', transport, handlers })
    await expect(refused).rejects.toThrow('a transport that has it, or give createBus its own `inbox`: memoryInbox()')
    const other = await createBus({ source: '/shop', transport })
    expect(() => other.subscribe(OrderPlaced, f, { group: 'g', idempotent: true })).toThrow('inbox (wanted by')
    await other.close()
  })

  test.each(['groups', 'deadLetters'])(
    'a connection that lacks the `%s` which its transport promises',
    async (store) => {
      const transport = altered(memory(), () => ({ [store]: undefined }))
      const starting = createBus({ source: '/shop', transport })
      await expect(starting).rejects.toThrow(
        `\`transport.connect\` must be resolved to a connection with \`${store}\`, since the capabilities of memory say so`,
      )
    },
  )

  test('two handlers of a group for one event, and two settings for one group', async () => {
    const first = handler(OrderPlaced, { group: 'g' }, function one() {})
    const start = (...handlers: never[]) => createBus({ source: '/shop', transport: memory(), handlers })
    await expect(
      start(first as never, handler(OrderPlaced, { group: 'g' }, function two() {}) as never),
    ).rejects.toThrow('group "g" has a handler for "shop.order.placed" already: one, so two is refused')
    await expect(
      start(first as never, handler('shop.*.placed', { group: 'g' }, function two() {}) as never),
    ).rejects.toThrow('has a handler for "shop.*.placed" already')
    await expect(
      start(first as never, handler(PaymentTaken, { group: 'g', concurrency: 3 }, function two() {}) as never),
    ).rejects.toThrow('group "g" cannot have `concurrency` 10 for one and 3 for two')
  })

  test.each([
    [{ source: '' }, '`source` must be a URI-reference without spaces, received ""'],
    [{ source: '/a b' }, '`source` must be a URI-reference'],
    [{ source: '/shop', transport: {} }, '`transport.connect` must be a function'],
    [{ source: '/shop', handlers: [() => {}] }, '`handlers` must be made by handler(…)'],
    [{ source: '/shop', retries: 3 }, '`retries` is no option of createBus'],
    [{ source: '/shop', maxDepth: 0 }, '`maxDepth` must be a whole number from 1 on, received 0'],
    [{ source: '/shop', maxDepth: NaN }, '`maxDepth` must be a whole number'],
    [{ source: '/shop', publishTimeout: -1 }, '`publishTimeout` must be a duration'],
    [{ source: '/shop', transport: { name: 'x', connect() {} } }, '`transport.capabilities` must be an object'],
    [{ source: '/shop', transport: { capabilities: {}, connect() {} } }, '`transport.name` must be a text'],
    [{ source: '/shop', handlers: {} }, '`handlers` must be an array, received an object'],
    [{ source: '/shop', handlers: [{ types: [] }] }, '`handlers` must be made by handler(…)'],
    [{ source: '/shop', handlers: [undefined] }, '`handlers` must be made by handler(…)'],
    [{ source: '/shop', definitions: 'abc' }, '`definitions` must be an array'],
    [{ source: '/shop', definitions: [{}] }, '`definitions` must be event definitions'],
    [{ source: '/shop', middleware: 'x' }, '`middleware` must be an array'],
    [{ source: '/shop', middleware: [undefined] }, '`middleware` must be an object'],
    [{ source: '/shop', middleware: [{ name: 'm', receive: 5 }] }, '`middleware.receive` must be a function'],
    [{ source: '/shop', middleware: [{ receive() {} }] }, '`middleware.name` must be a text'],
    [
      { source: '/shop', inbox: { has() {} } },
      '`inbox.add` must be a function, received undefined\nAn inbox has has(event, group)',
    ],
    [{ source: '/shop', inbox: memoryInbox }, '`inbox.has` must be a function, received undefined'],
    [{ source: '/shop', inbox: null }, '`inbox` must be an object, received null'],
    [{ source: '/shop', deadLetters: { add() {} } }, '`deadLetters.get` must be a function'],
    [{ source: '/shop', log: {} }, '`log.debug` must be a function'],
    [{ source: '/shop', clock: { now() {} } }, '`clock.after` must be a function'],
    [{ source: '/shop', random: 5 }, '`random` must be a function'],
    [{ source: '/shop', observer: { handled: 5 } }, '`observer.handled` must be a function'],
    [{ source: '/shop', observer: null }, '`observer` must be an object'],
  ])('%j is refused by name', async (options, message) => {
    await expect(createBus({ transport: memory(), ...options } as never)).rejects.toThrow(message)
  })

  test('a broker that does not answer is a timeout that names the transport', async () => {
    const clock = new ManualClock()
    const silent: Transport = {
      ...without({}),
      connect: ({ signal }) =>
        new Promise((_resolve, reject) => signal!.addEventListener('abort', () => reject(signal!.reason as Error))),
    }
    const starting = createBus({ source: '/shop', transport: silent, clock, connectTimeout: '3s' })
    starting.catch(() => {})
    clock.advance(3_000)
    await expect(starting).rejects.toMatchObject({
      code: 'CONNECT_TIMEOUT',
      message: expect.stringContaining('modest did not connect within 3000ms'),
    })
  })

  test('a transport that does not heed its signal is left behind too, and closed should it come after all', async () => {
    const clock = new ManualClock()
    let come!: () => void
    let closed = 0
    const real = altered(memory(), (connection) => ({
      close: () => {
        closed++
        return connection.close()
      },
    }))
    const late: Transport = {
      ...real,
      connect: async (options) => {
        await new Promise<void>((resolve) => (come = resolve))
        return real.connect({ ...options, signal: undefined })
      },
    }
    const starting = createBus({ source: '/shop', transport: late, clock, connectTimeout: '3s' })
    starting.catch(() => {})
    await quiet()
    clock.advance(3_000)
    await expect(starting).rejects.toMatchObject({ code: 'CONNECT_TIMEOUT' })
    come()
    await quiet()
    expect(closed).toBe(1)
  })

  test('what went wrong at the start is told, whatever goes wrong with closing', async () => {
    const transport = altered(memory(), () => ({
      subscribe: () => Promise.reject(new Error('refused')),
      close: () => Promise.reject(new Error('nor closed')),
    }))
    const lines: string[] = []
    const note = (line: string): void => void lines.push(line)
    const log = { debug: note, info: note, warn: note, error: note }
    const handlers = [handler(OrderPlaced, { group: 'g' }, f)]
    await expect(createBus({ source: '/shop', transport, handlers, log })).rejects.toThrow('refused')
    expect(lines).toEqual(['the connection could not be closed'])
  })
})

describe('options of a handler that make no sense', () => {
  const bad = (options: object) => () => handler(OrderPlaced, { group: 'g', ...options }, () => {})
  test.each([
    [{ group: 'a b' }, '`group` must be of letters, digits, `_` and `-`, received "a b"'],
    [{ concurrency: 0 }, '`concurrency` must be a whole number from 1 on, received 0'],
    [{ prefetch: 5 }, '`prefetch` must be at least `concurrency`, 10, received 5'],
    [{ ordering: 'none', deadLetter: 'park-key' }, "`deadLetter` must be 'park' where `ordering` is 'none'"],
    [{ timeout: '0s' }, '`timeout` must be more than 0'],
    [{ retry: { attempts: 0 } }, '`retry.attempts` must be a whole number from 1 on'],
    [{ retry: { factor: 0.5 } }, '`retry.factor` must be a number from 1 on'],
    [{ retry: { jitter: 2 } }, '`retry.jitter` must be true, false, or a part from 0 to 1'],
    [{ retry: { times: 3 } }, '`times` is no option of retry'],
    [{ dedupe: true }, '`dedupe` is no option of handler'],
    [{ idempotent: 'yes' }, '`idempotent` must be one of false, true, received "yes"'],
    [{ ordering: 'strict' }, '`ordering` must be one of per-key, none, received "strict"'],
  ])('%j', (options, message) => {
    expect(bad(options)).toThrow(message)
  })

  test('a function without a name needs a group', () => {
    expect(() => handler(OrderPlaced, () => {})).toThrow('`group` must be given for a function without a name')
    expect(handler(OrderPlaced, function billing() {}).group).toBe('billing')
  })

  test('a key that is no definition is refused', () => {
    // @ts-expect-error -- a plain event type has no schema
    expect(() => handler({ type: 'a' }, function f() {})).toThrow('`key` must be an event definition')
    expect(() => handler([], function f() {})).toThrow('`key` must be an event definition')
  })
})

describe('health and description', () => {
  test('say what is bound, what is not, and why', async () => {
    await using tested = await testedBus({
      definitions: [PaymentTaken, ShelfScanned],
      handlers: [
        handler(OrderPlaced, { group: 'billing', retry: false, idempotent: true }, function charge() {}),
        handler('shop.payment.*', { group: 'audit', ordering: 'none' }, function note() {}),
        handler('depot.**', { group: 'depot' }, function ship() {}),
      ],
    })
    const { handlers, unhandledTypes, transport } = tested.bus.describe()
    expect(transport).toBe('memory')
    expect(handlers).toMatchObject([
      {
        name: 'charge',
        group: 'shop.billing',
        bound: true,
        because: 'group "shop.billing" is joined',
        matches: ['shop.order.placed'],
      },
      { name: 'note', matches: ['shop.payment.taken'] },
      {
        name: 'ship',
        matches: [],
        bound: true,
        because: expect.stringContaining('no event definition of this bus matches "depot.**"'),
      },
    ])
    expect(handlers[0]!.policy).toEqual([
      'in order per key, 10 at a time, 50 held at most',
      'one attempt',
      '30000ms for an attempt',
      'parks what fails',
      'leaves out duplicates',
    ])
    expect(unhandledTypes).toEqual(['shop.shelf.scanned'])
    await tested.bus.close()
    expect(tested.bus.describe().handlers[0]).toMatchObject({ bound: false, because: 'the bus is closed' })
  })

  test('a group that holds events and settles none is stalled, until it goes on', async () => {
    let end!: () => void
    await using tested = await testedBus({
      stalledAfter: '1m',
      handlers: [
        handler(OrderPlaced, { group: 'g', timeout: Infinity }, () => new Promise<void>((resolve) => (end = resolve))),
      ],
    })
    expect(await tested.bus.health()).toMatchObject({
      status: 'ok',
      connection: 'connected',
      groups: [{ lastProgress: undefined }],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(59_000)
    expect((await tested.bus.health()).status).toBe('ok')
    await tested.pass(2_000)
    expect(await tested.bus.health()).toMatchObject({
      status: 'stalled',
      groups: [{ status: 'stalled', running: 1, settled: 0 }],
    })
    end()
    await quiet()
    expect(await tested.bus.health()).toMatchObject({
      status: 'ok',
      groups: [{ settled: 1, lastProgress: '2026-01-01T00:01:01.000Z' }],
    })
  })
})
