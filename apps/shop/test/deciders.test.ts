import { givenFor } from '@tidings/testing'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ActEnded,
  DayEnded,
  DayOpened,
  OrderCancelled,
  OrderConfirmed,
  OrderPlaced,
  ParcelSeen,
  RefundDue,
  StockReceived,
  StockRefused,
  StockReleased,
  StockReserved,
} from '../src/events.ts'
import { fulfilment } from '../src/modules/fulfilment.ts'
import { shelf, type ShelfCommand } from '../src/modules/inventory.ts'
import { order, type OrderCommand } from '../src/modules/orders.ts'
import { diary } from '../src/story/diary.ts'

const wish = { order: 7, customer: 'Ada', item: 'Teapot', quantity: 2, pence: 3198, card: '4000' }
const placed = OrderPlaced.create(wish)
const confirmed = OrderConfirmed.create({ order: 7, pence: 3198 })
const cancelled = OrderCancelled.create({ order: 7, reason: 'not paid in time' })

describe('an order', () => {
  const given = givenFor(order)

  test('is placed once', () => {
    given([]).when({ type: 'place', placed: wish }).then([placed])
    given([placed]).when({ type: 'place', placed: wish }).then([])
  })

  test('is confirmed when it is paid, once', () => {
    given([placed]).when({ type: 'confirm', pence: 3198 }).then([confirmed])
    given([placed, confirmed]).when({ type: 'confirm', pence: 3198 }).then([])
  })

  test('is cancelled while it is open, and stays what it became', () => {
    given([placed]).when({ type: 'cancel', reason: 'not paid in time' }).then([cancelled])
    given([placed, cancelled]).when({ type: 'cancel', reason: 'card declined' }).then([])
    given([placed, confirmed]).when({ type: 'cancel', reason: 'not paid in time' }).then([])
  })

  test('that is cancelled gives back what comes too late, once', () => {
    const due = RefundDue.create({ order: 7, pence: 3198 })
    given([placed, cancelled]).when({ type: 'confirm', pence: 3198 }).then([due])
    given([placed, cancelled, due]).when({ type: 'confirm', pence: 3198 }).then([])
  })

  test('is followed from place to place', () => {
    const seen = ParcelSeen.create({ order: 7, place: 'depot', move: 1 })
    given([placed]).when({ type: 'see', place: 'depot', move: 1 }).then([seen])
    given([placed, seen]).when({ type: 'see', place: 'depot', move: 1 }).then([])
  })

  test('that nobody placed is refused whatever is asked', () => {
    for (const command of [
      { type: 'confirm', pence: 1 },
      { type: 'cancel', reason: '' },
    ] as const) {
      given([]).when(command).thenThrows(Error)
    }
  })

  test('INVARIANT: ends once, whatever is asked of it in whatever order', () => {
    const commands = fc.array(
      fc.constantFrom<OrderCommand>(
        { type: 'place', placed: wish },
        { type: 'confirm', pence: 3198 },
        { type: 'cancel', reason: 'sold out' },
      ),
    )
    fc.assert(
      fc.property(commands, (rest) => {
        const events = played(order, [{ type: 'place', placed: wish }, ...rest])
        const ends = events.filter(({ type }) => type === OrderConfirmed.type || type === OrderCancelled.type)
        expect(ends.length).toBeLessThanOrEqual(1)
        expect(events.filter(({ type }) => type === RefundDue.type).length).toBeLessThanOrEqual(1)
      }),
    )
  })
})

describe('a shelf', () => {
  const given = givenFor(shelf)
  const received = StockReceived.create({ delivery: 'day-1', item: 'Teapot', quantity: 2 })
  const reserved = StockReserved.create({ order: 7, item: 'Teapot', quantity: 2, pence: 3198, card: '4000' })

  test('takes each delivery once', () => {
    const receive = { type: 'receive', delivery: 'day-1', item: 'Teapot', quantity: 2 } as const
    given([]).when(receive).then([received])
    given([received]).when(receive).then([])
  })

  test('holds what is there, once, and refuses what is not', () => {
    given([received]).when({ type: 'reserve', placed: placed.data }).then([reserved])
    given([received, reserved]).when({ type: 'reserve', placed: placed.data }).then([])
    given([received, reserved])
      .when({ type: 'reserve', placed: { ...placed.data, order: 8 } })
      .then([StockRefused.create({ order: 8, item: 'Teapot', available: 0 })])
  })

  test('takes back what it holds, once, and nothing else', () => {
    const released = StockReleased.create({ order: 7, item: 'Teapot', quantity: 2 })
    given([received, reserved]).when({ type: 'release', order: 7 }).then([released])
    given([received, reserved, released]).when({ type: 'release', order: 7 }).then([])
    given([received]).when({ type: 'release', order: 7 }).then([])
  })

  test('INVARIANT: never holds less than nothing, and loses nothing', () => {
    const order = fc.integer({ min: 1, max: 4 })
    const commands = fc.array(
      fc.oneof(
        fc
          .record({ order, quantity: fc.integer({ min: 1, max: 4 }) })
          .map((change): ShelfCommand => ({ type: 'reserve', placed: { ...placed.data, ...change } })),
        order.map((order): ShelfCommand => ({ type: 'release', order })),
        fc
          .integer({ min: 1, max: 3 })
          .map((n): ShelfCommand => ({ type: 'receive', delivery: `day-${n}`, item: 'Teapot', quantity: n })),
      ),
    )
    fc.assert(
      fc.property(commands, (all) => {
        let received = 0
        let state = shelf.initial()
        for (const event of played(shelf, all)) {
          state = shelf.evolve(state, event)
          if (event.type === StockReceived.type) received += event.data.quantity
          expect(state.left).toBeGreaterThanOrEqual(0)
          expect(Object.values(state.held).reduce((sum, quantity) => sum + quantity, state.left)).toBe(received)
        }
      }),
    )
  })
})

describe('fulfilment', () => {
  const place = { key: '7', now: new Date(), stream: '', version: 1, position: 1 as never, recordedAt: '' }

  test('holds the goods, and waits as long as the order says', () => {
    const begun = fulfilment.react(fulfilment.initial(), OrderPlaced.create({ ...wish, heldFor: 500 }), place)!
    expect(begun.commands).toMatchObject([{ stream: 'shelf-Teapot', command: { type: 'reserve' } }])
    const reserved = StockReserved.create({ order: 7, item: 'Teapot', quantity: 2, pence: 3198, card: '4000' })
    const waiting = fulfilment.react(begun.state!, reserved, place)!
    expect(waiting.timeouts).toEqual({ payment: 500 })
    expect(fulfilment.timedOut!(waiting.state!, 'payment', place)).toMatchObject({
      commands: [{ stream: 'order-7', command: { type: 'cancel', reason: 'not paid in time' } }],
    })
    expect(fulfilment.react(waiting.state!, confirmed, place)).toEqual({ ends: true })
    expect(fulfilment.react(waiting.state!, cancelled, place)).toMatchObject({
      commands: [{ stream: 'shelf-Teapot', command: { type: 'release', order: 7 } }],
      ends: true,
    })
  })

  test('cancels what is sold out, and puts nothing back', () => {
    const { state } = fulfilment.react(fulfilment.initial(), placed, place)!
    expect(
      fulfilment.react(state!, StockRefused.create({ order: 7, item: 'Teapot', available: 1 }), place),
    ).toMatchObject({
      commands: [{ stream: 'order-7', command: { type: 'cancel', reason: 'Teapot is sold out' } }],
    })
    expect(fulfilment.react(state!, cancelled, place)).toEqual({ commands: [], ends: true })
  })
})

test('the diary opens one day after the other, and notes each act once', () => {
  const given = givenFor(diary)
  const opened = DayOpened.create({ day: 1, seed: 7 })
  const ended = DayEnded.create({ day: 1 })
  given([]).when({ type: 'open', seed: 7 }).then([opened])
  given([opened]).when({ type: 'open', seed: 8 }).then([])
  given([opened])
    .when({ type: 'end-act', act: 1 })
    .then([ActEnded.create({ day: 1, act: 1 })])
  given([opened, ActEnded.create({ day: 1, act: 1 })])
    .when({ type: 'end-act', act: 1 })
    .then([])
  given([opened]).when({ type: 'end-day' }).then([ended])
  given([opened, ended])
    .when({ type: 'open', seed: 8 })
    .then([DayOpened.create({ day: 2, seed: 8 })])
})

/** All that happens by commands, one after the other. */
function played<State, Command, Event>(
  decider: {
    initial(): State
    evolve(state: State, event: Event): State
    decide(command: Command, state: State): Event | readonly Event[]
  },
  commands: readonly Command[],
): Event[] {
  let state = decider.initial()
  return commands.flatMap((command) => {
    const events = [decider.decide(command, state)].flat() as Event[]
    for (const event of events) state = decider.evolve(state, event)
    return events
  })
}
