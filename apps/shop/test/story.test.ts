import { expect, test } from 'vitest'
import { OrderPlaced } from '../src/events.ts'
import { type Ground, inMemory } from '../src/ground.ts'
import { story as storyOf } from '../src/modules/audit.ts'
import { tellStory } from '../src/story/story.ts'

async function story(seed: number, ground: Ground = inMemory()): Promise<string[]> {
  const lines: string[] = []
  const isWhole = await tellStory({
    ground,
    seed,
    print: (line) => lines.push(line),
    paint: (_style, text) => text,
  })
  expect(isWhole).toBe(true)
  return lines
}

/** The lines of one act, without its heading. */
function act(lines: readonly string[], number: number): string[] {
  const start = lines.findIndex((line) => line.startsWith(`${number}  `))
  const rest = lines.slice(start + 1)
  return rest.slice(0, rest.indexOf(''))
}

test('a happy order goes from stock to mail', async () => {
  const lines = await story(1)
  expect(act(lines, 1)).toEqual([
    '   order 1001: Ada wants 3 × Bird ornament for £5.07',
    '   shop.order.placed                 order-1001',
    '     fulfilment                      hold 3 × Bird ornament',
    '   shop.stock.reserved               order-1001',
    '     payments.charge                 took £5.07',
    '   shop.payment.taken                order-1001',
    '     orders.confirm                  confirmed',
    '   shop.order.confirmed              order-1001',
    '     shipping.callCourier            courier called',
    '     notifications.mailConfirmation  mail sent: thank you',
  ])
})

test('what was held for a declined card goes back on the shelf', async () => {
  const told = act(await story(1), 2)
  expect(told.slice(2, -2)).toEqual([
    '     fulfilment                      hold 2 × Teapot',
    '   shop.stock.reserved               order-1002',
    '     payments.charge                 declined: card declined',
    '   shop.payment.declined             order-1002',
    '     orders.cancelUnpaid             cancelled',
    '   shop.order.cancelled              order-1002',
  ])
  expect(told.slice(-2).toSorted()).toEqual([
    '     fulfilment                      put back what is held',
    '     notifications.mailApology       mail sent: sorry, card declined',
  ])
})

test('of two who want the last item one gets it, the other an apology', async () => {
  const told = act(await story(1), 3).map((line) => line.trim().replaceAll(/ {2,}/g, ' | '))
  expect(told.filter((line) => line === 'fulfilment | hold 1 × Cake stand')).toHaveLength(2)
  expect(told).toContain('fulfilment | cancel: Cake stand is sold out')
  expect(told).toContain('notifications.mailApology | mail sent: sorry, Cake stand is sold out')
  expect(told.filter((line) => line.startsWith('payments.charge'))).toEqual(['payments.charge | took £12.75'])
  expect(told).not.toContain('fulfilment | put back what is held')
})

test('mail is tried again until the server has time', async () => {
  const told = act(await story(1), 4).slice(-5)
  expect(told.map((line) => line.trim().replaceAll(/ {2,}/g, ' | '))).toEqual([
    'notifications.mailConfirmation | failed: mail server is busy',
    'again in 20 ms',
    'notifications.mailConfirmation | failed: mail server is busy',
    'again in 40 ms',
    'notifications.mailConfirmation | mail sent: thank you',
  ])
})

test('an order that is sent twice is placed once, and what is delivered twice is handled once', async () => {
  const told = act(await story(1), 5)
  expect(told.slice(told.indexOf('   … and the customer clicks again') + 1)).toEqual([
    '   order 1006: Grace wants 1 × Teapot for £15.99',
    '   order 1006 is there already: nothing happens',
    '   … and the network delivers again what is to be paid',
    '   shop.stock.reserved               order-1006',
    '     payments                        ignored, this very event was handled before',
  ])
})

test('a parcel is followed in the order in which it moved', async () => {
  expect(act(await story(1), 6)).toEqual([
    '   the courier reports of order 1006: 3 van, 1 depot, 2 harbour, 4 doorstep',
    '   shop.parcel.moved                 order-1006',
    '     shipping.track                  seen at: depot',
    '     shipping.track                  seen at: depot, harbour',
    '     shipping.track                  seen at: depot, harbour, van',
    '     shipping.track                  seen at: depot, harbour, van, doorstep',
  ])
})

test('a scanner gone wild is shed by the breaker', async () => {
  expect(act(await story(1), 7)).toEqual([
    '   storm breaker open for shop.shelf.scanned',
    '   500 scans in a moment: 100 handled, 400 shed',
  ])
})

test('a mail that is given up is replayed to its group, and to no other', async () => {
  expect(act(await story(1), 8).slice(7)).toEqual([
    '   shop.order.confirmed              order-1007',
    '     shipping.callCourier            courier called',
    '     notifications.mailConfirmation  failed: mail server is down',
    '                                     again in 20 ms',
    '     notifications.mailConfirmation  failed: mail server is down',
    '                                     again in 40 ms',
    '     notifications.mailConfirmation  failed: mail server is down',
    '                                     again in 80 ms',
    '     notifications.mailConfirmation  failed: mail server is down',
    '                                     parked: attempts-exhausted',
    '   dead letter: shop.order.confirmed order-1007, for shop.notifications',
    '   4 attempts, at last Error: mail server is down',
    '   the server is mended, the letter goes back to its group',
    '   shop.order.confirmed              order-1007',
    '     notifications.mailConfirmation  mail sent: thank you',
    '   handled by notifications 1, shipping 1',
  ])
})

test('an order that is not paid in time is cancelled, and money that comes too late goes back', async () => {
  const told = act(await story(1), 9)
  expect(told.slice(0, 6)).toEqual([
    '   the goods are held for 300 ms, and the card network thinks for longer',
    '   order 1008: Tony wants 3 × Glass lantern for £12.75',
    '   shop.order.placed                 order-1008',
    '     fulfilment                      hold 3 × Glass lantern',
    '   time is up for payment',
    '     fulfilment                      cancel: not paid in time',
  ])
  expect(told.slice(6, 9).toSorted()).toEqual([
    '     fulfilment                      put back what is held',
    '     notifications.mailApology       mail sent: sorry, not paid in time',
    '   shop.order.cancelled              order-1008',
  ])
  expect(told.slice(9)).toEqual([
    '   the card network answers',
    '   shop.stock.reserved               order-1008',
    '     payments.charge                 took £12.75',
    '   shop.payment.taken                order-1008',
    '     orders.confirm                  cancelled meanwhile: the money goes back',
    '   shop.refund.due                   order-1008',
    '     payments.refund                 gave back £12.75',
  ])
})

test('a shop that is closed in the middle of an order goes on with it when it opens again', async () => {
  const told = act(await story(1), 10)
  expect(told.slice(0, 4)).toEqual([
    '   order 1009: Edsger wants 2 × Teapot for £31.98',
    '   shop.order.placed                 order-1009',
    '     fulfilment                      hold 2 × Teapot',
    '   the shop closes while the card network thinks',
  ])
  expect(told.slice(-5)).toEqual([
    '   closed: what was begun has ended, what it led to waits',
    '   … and opens again, on the same broker',
    '   shop.order.confirmed              order-1009',
    '     shipping.callCourier            courier called',
    '     notifications.mailConfirmation  mail sent: thank you',
  ])
})

test('the day ends with its figures', async () => {
  const lines = await story(1)
  expect(lines.slice(lines.indexOf('The day in figures'))).toEqual([
    'The day in figures',
    '   orders     9 placed, 6 paid, 3 cancelled',
    '   revenue    £71.73',
    '   stock      Bird ornament    5 left',
    '              Cake stand       0 left',
    '              Glass lantern    9 left',
    '              Jumbo bag       11 left',
    '              Teapot           7 left',
    '   events     51 in the log',
    '   handlers   36 calls, 6 failed, 1 given up',
    '   scans      400 shed',
  ])
})

test('each event knows the one that began its story, and how far from it it is', async () => {
  const ground = inMemory()
  await story(1, ground)
  const { store } = ground.books
  for await (const { event } of store.readAll({ types: [OrderPlaced.type], limit: 1 })) {
    expect(await storyOf(store, event.id)).toEqual([
      { type: 'shop.order.placed', depth: 0 },
      { type: 'shop.stock.reserved', depth: 1 },
      // Behind the payment, which is on the bus alone.
      { type: 'shop.order.confirmed', depth: 3 },
    ])
  }
  expect.assertions(2)
})

test.for([1, 2, 3, 7, 42, 1000])(
  'the story of seed %d is told the same each time, in 80 columns, and ends well',
  async (seed) => {
    const lines = await story(seed)
    expect(await story(seed)).toEqual(lines)
    expect(lines.filter((line) => line.length > 80)).toEqual([])
    // Two mails while the server is busy, four while it is down.
    expect(lines.filter((line) => line.includes('failed:'))).toHaveLength(6)
    expect(lines).toContain('   orders     9 placed, 6 paid, 3 cancelled')
  },
)

test('another seed is another day', async () => {
  expect(await story(1)).not.toEqual(await story(2))
})
