import { expect, test } from 'vitest'
import type { Shop } from '../src/shop.ts'
import { tellStory } from '../src/story/story.ts'

async function story(seed: number): Promise<{ shop: Shop; lines: string[] }> {
  const lines: string[] = []
  const shop = await tellStory(
    seed,
    (line) => lines.push(line),
    (_style, text) => text,
  )
  return { shop, lines }
}

/** The lines of one act, without its heading. */
function act(lines: readonly string[], number: number): string[] {
  const start = lines.findIndex((line) => line.startsWith(`${number}  `))
  const rest = lines.slice(start + 1)
  return rest.slice(0, rest.indexOf(''))
}

test('a happy order goes from stock to mail', async () => {
  const { lines } = await story(1)
  expect(act(lines, 1)).toEqual([
    '   order 1001: Ada wants 3 × Bird ornament for £5.07',
    '   shop.order.placed                 order-1001',
    '     inventory.reserve               reserved 3 × Bird ornament, 6 left',
    '   shop.stock.reserved               order-1001',
    '     payments.charge                 took £5.07',
    '   shop.payment.taken                order-1001',
    '     orders.confirm                  confirmed',
    '   shop.order.confirmed              order-1001',
    '     shipping.callCourier            courier called',
    '     notifications.mailConfirmation  mail sent: thank you',
  ])
})

test('what was reserved for a declined card goes back on the shelf', async () => {
  const { lines } = await story(1)
  expect(act(lines, 2).slice(2)).toEqual([
    '     inventory.reserve               reserved 2 × Teapot, 8 left',
    '   shop.stock.reserved               order-1002',
    '     payments.charge                 declined: card declined',
    '   shop.payment.declined             order-1002',
    '     orders.cancelUnpaid             cancelled',
    '   shop.order.cancelled              order-1002',
    '     inventory.release               released 2 × Teapot, 10 left',
    '     notifications.mailApology       mail sent: sorry, card declined',
  ])
})

test('of two who want the last item one gets it, the other an apology', async () => {
  const told = act((await story(1)).lines, 3).map((line) => line.trim().replaceAll(/ {2,}/g, ' | '))
  expect(told).toContain('inventory.reserve | reserved 1 × Cake stand, 0 left')
  expect(told).toContain('inventory.reserve | refused, 0 × Cake stand left')
  expect(told).toContain('notifications.mailApology | mail sent: sorry, Cake stand is sold out')
  expect(told.filter((line) => line.startsWith('payments.charge'))).toEqual(['payments.charge | took £12.75'])
})

test('mail is tried again until the server has time', async () => {
  const told = act((await story(1)).lines, 4).slice(-5)
  expect(told.map((line) => line.trim().replaceAll(/ {2,}/g, ' | '))).toEqual([
    'notifications.mailConfirmation | failed: mail server is busy',
    'again in 20 ms',
    'notifications.mailConfirmation | failed: mail server is busy',
    'again in 40 ms',
    'notifications.mailConfirmation | mail sent: thank you',
  ])
})

test('an order that is delivered twice is handled once', async () => {
  const { lines, shop } = await story(1)
  const told = act(lines, 5)
  const again = told.slice(told.indexOf('   … and the network delivers it again') + 1)
  expect(again[0]).toBe('   shop.order.placed                 order-1006')
  expect(again.slice(1).toSorted()).toEqual(
    ['countAll', 'countPlaced', 'inventory', 'record'].map(
      (group) => `     ${group.padEnd(31)} ignored, this very event was handled before`,
    ),
  )
  expect(shop.figures).toMatchObject({ placed: 8, paid: 6, cancelled: 2, revenue: 5250 })
})

test('a parcel is followed in the order in which it moved', async () => {
  expect(act((await story(1)).lines, 6)).toEqual([
    '   the courier reports of order 1006: 3 van, 1 depot, 2 harbour, 4 doorstep',
    '   shop.parcel.moved                 order-1006',
    '     shipping.track                  seen at: depot',
    '     shipping.track                  seen at: depot, harbour',
    '     shipping.track                  seen at: depot, harbour, van',
    '     shipping.track                  seen at: depot, harbour, van, doorstep',
  ])
})

test('a scanner gone wild is shed by the breaker', async () => {
  expect(act((await story(1)).lines, 7)).toEqual([
    '   storm breaker open for shop.shelf.scanned',
    '   500 scans in a moment: 100 handled, 400 shed',
  ])
})

test('a mail that is given up is replayed to its group, and to no other', async () => {
  expect(act((await story(1)).lines, 8).slice(7)).toEqual([
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
    '   handled by countAll 1, notifications 1, record 1, shipping 1',
  ])
})

test('a shop that is closed in the middle of an order goes on with it when it opens again', async () => {
  expect(act((await story(1)).lines, 9)).toEqual([
    '   order 1008: Tony wants 3 × Glass lantern for £12.75',
    '   shop.order.placed                 order-1008',
    '     inventory.reserve               reserved 3 × Glass lantern, 6 left',
    '   the shop closes while the card network thinks',
    '   shop.stock.reserved               order-1008',
    '     payments.charge                 took £12.75',
    '   closed: what was begun has ended, what it led to waits',
    '   … and opens again, on the same broker',
    '   shop.payment.taken                order-1008',
    '     orders.confirm                  confirmed',
    '   shop.order.confirmed              order-1008',
    '     shipping.callCourier            courier called',
    '     notifications.mailConfirmation  mail sent: thank you',
  ])
})

test('the day ends with its figures', async () => {
  const { lines } = await story(1)
  expect(lines.slice(lines.indexOf('The day in figures'))).toEqual([
    'The day in figures',
    '   orders     8 placed, 6 paid, 2 cancelled',
    '   revenue    £52.50',
    '   events     36 published, 35 on the audit trail',
    '   handlers   129 calls, 6 failed, 1 given up and replayed',
    '   scans      400 shed',
  ])
})

test('each event knows the one that began its story, and how far from it it is', async () => {
  const { shop } = await story(1)
  const [first] = shop.trail.stories()
  expect(shop.trail.story(first!)).toEqual([
    { type: 'shop.order.placed', depth: 0 },
    { type: 'shop.stock.reserved', depth: 1 },
    { type: 'shop.payment.taken', depth: 2 },
    { type: 'shop.order.confirmed', depth: 3 },
  ])
})

test.for([1, 2, 3, 7, 42, 1000])(
  'the story of seed %d is told the same each time, in 80 columns, and ends well',
  async (seed) => {
    const { lines, shop } = await story(seed)
    expect((await story(seed)).lines).toEqual(lines)
    expect(lines.filter((line) => line.length > 80)).toEqual([])
    // Two mails while the server is busy, four while it is down.
    expect(lines.filter((line) => line.includes('failed:'))).toHaveLength(6)
    const { placed, paid, cancelled } = shop.figures
    expect([placed, paid, cancelled]).toEqual([8, 6, 2])
  },
)

test('another seed is another day', async () => {
  expect((await story(1)).lines).not.toEqual((await story(2)).lines)
})
