import { defineEvent, type EventOf } from '@tidings/events'
import { commandTo, defineDecider, defineProcess } from '@tidings/store'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { givenFor, SpecificationError } from '../src/index.ts'

const Placed = defineEvent('shop.order.placed', z.object({ order: z.string() }))
const Paid = defineEvent('shop.order.paid', z.object({ order: z.string(), amount: z.int() }))
const Noted = defineEvent('shop.note.taken', z.object({ text: z.string() }))

const decider = () =>
  defineDecider<number, { readonly ship: string } | { readonly cancel: string }, EventOf<typeof Noted>>({
    initial: () => 0,
    evolve: (count) => count,
    decide: () => [],
  })
const [order, other] = [decider(), decider()]
const ship = commandTo(order, 'order-7', { ship: '7' })
const cancel = commandTo(order, 'order-7', { cancel: '7' })
const note = (text: string) => [{ stream: 'notes', events: [Noted.create({ text })] }]

const given = givenFor(
  defineProcess('fulfilment', {
    on: [Placed, Paid],
    begins: [Placed],
    key: ({ data }, { stream }) => (stream === 'elsewhere' ? undefined : data.order),
    initial: () => ({ paid: 0 }),
    react(state, event, { now }) {
      if (event.type === Placed.type) return { timeouts: { payment: '15m', report: new Date(now.getTime() + 1000) } }
      if (event.data.amount < 0) throw new RangeError('a payment of less than nothing')
      // In place, so that a state that is used twice shows.
      state.paid += event.data.amount
      return state.paid < 10 ? undefined : { commands: [ship], cancel: ['payment'], ends: true }
    },
    timedOut: (_, timeout) => (timeout === 'report' ? { events: note('late') } : { commands: [cancel], ends: true }),
    refused: ({ paid }, { error }) => ({ events: note(`${(error as Error).message}, paid ${paid}`) }),
  }),
)

const placed = Placed.create({ order: '7' })
const paid = (amount: number) => Paid.create({ order: '7', amount })

test('then compares what an instance brings about, and its state where it is named', () => {
  const now = new Date('2026-05-01T12:00:00Z')
  given([], { now })
    .when(placed)
    .then({ timeouts: { report: 1000, payment: new Date('2026-05-01T12:15:00Z') } })
  const whenPaid = given([placed, paid(4)]).when(paid(6))
  whenPaid.then({ commands: [ship], cancel: ['payment'], ends: true })
  whenPaid.then({ commands: [ship], cancel: ['payment'], ends: true, state: { paid: 10 } })
  given([placed, paid(4)])
    .when({ timeout: 'payment' })
    .then({ commands: [cancel], ends: true, state: { paid: 4 } })
  given([placed, { timeout: 'report' }])
    .when(paid(1))
    .then({})
  given([placed, paid(10)])
    .when({ refused: ship, error: new Error('sold out') })
    .then({ events: note('sold out, paid 10') })
  given([placed, paid(10), { refused: ship }])
    .when(paid(1))
    .then({ commands: [ship], cancel: ['payment'], ends: true })
})

test('what begins no instance, or is of none, brings about nothing', () => {
  given().when(paid(10)).then({})
  given([placed, paid(10)])
    .when(paid(10))
    .then({})
  given([], { stream: 'elsewhere' }).when(placed).then({})
})

test('thenThrows takes what it takes of deciders', () => {
  given([placed]).when(paid(-1)).thenThrows(RangeError)
  expect(() => given([placed]).when(paid(1)).thenThrows()).toThrow(SpecificationError)
})

test.for<[string, () => void, string]>([
  [
    'another decider',
    () =>
      given([placed])
        .when({ timeout: 'payment' })
        .then({ commands: [commandTo(other, 'order-7', { cancel: '7' })], ends: true }),
    'command for order-7',
  ],
  [
    'another stream',
    () =>
      given([placed])
        .when(paid(10))
        .then({ commands: [commandTo(order, 'order-8', { ship: '7' })], cancel: ['payment'], ends: true }),
    'expected: command for order-8 (decider 1) {"ship":"7"}; takes back payment; ends\nreceived: command for order-7',
  ],
  [
    'another time',
    () =>
      given()
        .when(placed)
        .then({ timeouts: { payment: '15m', report: '2s' } }),
    'report at 2026-01-01T00:00:02.000Z\n',
  ],
  [
    'another state',
    () =>
      given([placed])
        .when(paid(1))
        .then({ state: { paid: 2 } }),
    'received: state {"paid":1}',
  ],
  ['something instead of nothing', () => given().when(paid(1)).then({ ends: true }), 'received: nothing'],
  ['an error', () => given([placed]).when(paid(-1)).then({}), 'received: it threw RangeError'],
  [
    'a timeout that is not set',
    () => given([placed]).when({ timeout: 'tea' }).then({}),
    'timeout "tea" is not set\nThe instance has: payment, report.',
  ],
  [
    'two instances',
    () =>
      given([placed])
        .when(Placed.create({ order: '8' }))
        .then({}),
    'an event is of "8", and those before are of "7"',
  ],
])('%s is told', ([, specify, message]) => {
  expect(specify).toThrow(message)
})
