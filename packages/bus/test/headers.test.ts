import { describe, expect, test } from 'vitest'
import { type DeadLetter, handler, memory, type Message, PermanentError } from '../src/index.ts'
import { deliveryHeaders, handled } from '../src/transport/index.ts'
import { connectTo, message, quiet, RecordingMember } from './support/recording-member.ts'
import { OrderPlaced, PaymentTaken, ShelfScanned, type Tested, testedBus } from './support/shop.ts'

/** What somebody else may send. */
function foreign(id: string, headers: Record<string, string>, attributes: Message['attributes'] = {}): Message {
  const { attributes: usual, ...others } = message(id, { type: ShelfScanned.type, body: '{"shelf":1,"order":1}' })
  return { ...others, headers, attributes: { ...usual, ...attributes } }
}

async function lettersOf({ bus }: Tested): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = []
  for await (const letter of bus.deadLetters.list()) letters.push(letter)
  return letters
}

function failing(): never {
  throw new Error('the body was {"shelf":1}')
}

describe('a message that says which dead letter it replays', () => {
  const payments = handler(PaymentTaken, { group: 'payments', retry: false }, failing)

  test('INVARIANT: handled by another group, it removes no letter', async () => {
    const transport = memory()
    await using tested = await testedBus({
      transport,
      handlers: [payments, handler(ShelfScanned, { group: 'shelves' }, () => {})],
    })
    await tested.bus.publish(PaymentTaken, { order: 1 })
    await quiet()
    const [letter] = await lettersOf(tested)
    const { connection } = await connectTo(transport, tested.clock)
    await connection.publish({ message: foreign('evil', { [deliveryHeaders.replayOf]: letter!.id }) })
    await quiet()
    expect(tested.hooks('handled')).toHaveLength(1)
    expect(await lettersOf(tested)).toEqual([letter])
  })

  test('INVARIANT: given up by another group, it replaces no letter', async () => {
    const transport = memory()
    await using tested = await testedBus({
      transport,
      handlers: [payments, handler(ShelfScanned, { group: 'shelves', retry: false }, failing)],
    })
    await tested.bus.publish(PaymentTaken, { order: 1 })
    await quiet()
    const [letter] = await lettersOf(tested)
    const { connection } = await connectTo(transport, tested.clock)
    await connection.publish({ message: foreign('evil', { [deliveryHeaders.replayOf]: letter!.id }) })
    await quiet()
    const letters = await lettersOf(tested)
    expect(letters).toHaveLength(2)
    expect(letters).toContainEqual(letter)
  })

  test('INVARIANT: of another event of the same group, it removes and replaces no letter', async () => {
    const transport = memory()
    let isBad = true
    await using tested = await testedBus({
      transport,
      handlers: [handler(ShelfScanned, { group: 'shelves', retry: false }, () => (isBad ? failing() : undefined))],
    })
    await tested.bus.publish(ShelfScanned, { shelf: 1 })
    await quiet()
    const [letter] = await lettersOf(tested)
    const { connection } = await connectTo(transport, tested.clock)
    const headers = { [deliveryHeaders.replayOf]: letter!.id }
    await connection.publish({ message: foreign('bad', headers) })
    await quiet()
    isBad = false
    await connection.publish({ message: foreign('good', headers) })
    await quiet()
    const letters = await lettersOf(tested)
    expect(letters.map((each) => each.message.attributes['id'])).toEqual([letter!.message.attributes['id'], 'bad'])
    expect(letters).toContainEqual(letter)
  })

  test('INVARIANT: of the same event in another group, it removes and replaces no letter', async () => {
    const transport = memory()
    let isBad = false
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(ShelfScanned, { group: 'shelves', retry: false }, failing),
        handler(ShelfScanned, { group: 'audit', retry: false }, () => (isBad ? failing() : undefined)),
      ],
    })
    const { connection } = await connectTo(transport, tested.clock)
    await connection.publish({ message: foreign('e', {}) })
    await quiet()
    const [letter] = await lettersOf(tested)
    const headers = { [deliveryHeaders.replayOf]: letter!.id }
    await connection.publish({ message: foreign('e', headers), group: 'shop.audit' })
    await quiet()
    expect(await lettersOf(tested)).toEqual([letter])
    isBad = true
    await connection.publish({ message: foreign('e', headers), group: 'shop.audit' })
    await quiet()
    const letters = await lettersOf(tested)
    expect(letters.map(({ group }) => group).toSorted()).toEqual(['shop.audit', 'shop.shelves'])
    expect(letters).toContainEqual(letter)
  })

  test('INVARIANT: of no letter at all, it is handled as any other, also where keys are parked', async () => {
    const transport = memory()
    let calls = 0
    await using tested = await testedBus({
      transport,
      handlers: [handler(OrderPlaced, { group: 'g', deadLetter: 'park-key' }, () => calls++)],
    })
    const { connection } = await connectTo(transport, tested.clock)
    const attributes = { type: OrderPlaced.type, subject: 'order-1' }
    await connection.publish({ message: foreign('e', { [deliveryHeaders.replayOf]: 'nothing' }, attributes) })
    await quiet()
    expect(calls).toBe(1)
  })
})

describe('a message that says where its reply is to go', () => {
  const group = 'shop.replies-019f0000-0000-7000-8000-000000000000'

  test('INVARIANT: an event that is given up is copied into no group of a handler', async () => {
    const transport = memory()
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(ShelfScanned, { group: 'shelves', retry: false }, failing),
        handler(PaymentTaken, { group: 'victim', retry: false }, () => {}),
      ],
    })
    const { connection } = await connectTo(transport, tested.clock)
    for (const victim of ['shop.victim', 'victim', '', 'replies-', `${group}0`, `${group}.victim`]) {
      await connection.publish({ message: foreign('e', { [deliveryHeaders.replyTo]: victim }) })
    }
    await tested.pass(1_000)
    expect((await lettersOf(tested)).map((letter) => letter.group)).toEqual(['shop.shelves'])
    expect(tested.hooks('unroutable')).toEqual([])
  })

  test('INVARIANT: a reply goes into no group of a handler', async () => {
    const transport = memory()
    let paid = 0
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(ShelfScanned, { group: 'shelves' }, (_event, { reply }) => reply(PaymentTaken, { order: 1 })),
        handler(PaymentTaken, { group: 'victim' }, () => paid++),
      ],
    })
    const { connection } = await connectTo(transport, tested.clock)
    await connection.publish({ message: foreign('e', { [deliveryHeaders.replyTo]: 'shop.victim' }) })
    await quiet()
    expect(tested.hooks('handled')).toHaveLength(1)
    expect(paid).toBe(0)
  })

  test('INVARIANT: a requester that is told of a failure gets nothing of the event', async () => {
    const transport = memory()
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(ShelfScanned, { group: 'shelves' }, () => {
          throw new PermanentError('no such shelf')
        }),
      ],
    })
    const { connection } = await connectTo(transport, tested.clock)
    const requester = await RecordingMember.join(connection, { group, types: [], temporary: true }, (delivery) =>
      delivery.settle(handled),
    )
    const headers = { [deliveryHeaders.replyTo]: group, 'x-token': 'secret' }
    await connection.publish({ message: foreign('e', headers, { tenant: 'secret' }) })
    await quiet()
    expect(requester.deliveries.map((delivery) => delivery.message)).toEqual([
      {
        attributes: { specversion: '1.0', id: 'e', type: ShelfScanned.type, source: '/test' },
        contentType: 'application/json',
        body: JSON.stringify({
          reason: 'permanent-error',
          error: { name: 'PermanentError', code: 'PERMANENT', message: 'no such shelf' },
        }),
        headers: { [deliveryHeaders.inReplyTo]: 'e', [deliveryHeaders.replyError]: 'permanent-error' },
      },
    ])
  })
})

describe('a message that says which attempt it is', () => {
  test.for(['99999999999999999999', '9007199254740991', 'NaN', '-1', '0', '1e3', '0x10', '1.5', ' 2', ''])(
    'INVARIANT: %j is none of ours, and the event has all its attempts',
    async (attempt) => {
      const transport = memory()
      const attempts: number[] = []
      await using tested = await testedBus({
        transport,
        handlers: [
          handler(ShelfScanned, { group: 'g', retry: { attempts: 3, delay: 10 } }, (_event, context) => {
            attempts.push(context.attempt)
            throw new Error('no')
          }),
        ],
      })
      const { connection } = await connectTo(transport, tested.clock)
      await connection.publish({ message: foreign('e', { [deliveryHeaders.attempt]: attempt }) })
      await tested.pass(1_000)
      expect(attempts).toEqual([1, 2, 3])
      expect(await lettersOf(tested)).toMatchObject([{ reason: 'attempts-exhausted', attempts: 3 }])
    },
  )
})

test.for(['nonsense', '', 'NaN'])('a first failure at %j is none, and the letter tells when it failed', async (at) => {
  const transport = memory()
  await using tested = await testedBus({
    transport,
    handlers: [handler(ShelfScanned, { group: 'g', retry: false }, failing)],
  })
  const { connection } = await connectTo(transport, tested.clock)
  const headers = { [deliveryHeaders.firstFailedAt]: at, [deliveryHeaders.attempt]: '2' }
  await connection.publish({ message: foreign('e', headers) })
  await quiet()
  expect(await lettersOf(tested)).toMatchObject([{ firstFailedAt: new Date(tested.clock.now()).toISOString() }])
})

test.for(['-1', 'NaN', '99999999999999999999', 1.5, 2147483648])(
  'INVARIANT: a causation depth of %j loses no event: it is handled or parked',
  async (causationdepth) => {
    const transport = memory()
    let calls = 0
    await using tested = await testedBus({
      transport,
      handlers: [handler(ShelfScanned, { group: 'g', retry: false }, () => calls++)],
    })
    const { connection } = await connectTo(transport, tested.clock)
    await connection.publish({ message: foreign('e', {}, { causationdepth }) })
    await quiet()
    expect(calls + (await lettersOf(tested)).length).toBe(1)
  },
)

test('INVARIANT: a message without attributes and body is parked', async () => {
  const transport = memory()
  await using tested = await testedBus({
    transport,
    handlers: [handler('**', { group: 'g', retry: { attempts: 2, delay: 10 } }, () => {})],
  })
  const { connection } = await connectTo(transport, tested.clock)
  const empty = { attributes: {}, contentType: undefined, body: undefined, headers: {} }
  for (let i = 0; i < 2; i++) await connection.publish({ message: empty, group: 'shop.g' })
  await tested.pass(1_000)
  expect(await lettersOf(tested)).toHaveLength(2)
})

test('INVARIANT: events whose sources and ids join to the same text have letters of their own', async () => {
  const transport = memory()
  await using tested = await testedBus({
    transport,
    handlers: [handler(ShelfScanned, { group: 'g', retry: false }, failing)],
  })
  const { connection } = await connectTo(transport, tested.clock)
  for (const [source, id] of [
    ['/a|b', 'c'],
    ['/a', 'b|c'],
    ['/a%7Cb', 'c'],
  ] as const) {
    await connection.publish({ message: foreign(id, {}, { source }) })
  }
  await quiet()
  expect(await lettersOf(tested)).toHaveLength(3)
})
