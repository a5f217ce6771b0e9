import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createBus } from '@tidings/bus'
import { type Recorded, runProjection, waitFor } from '@tidings/store'
import { afterAll, expect, test } from 'vitest'
import {
  OrderCancelled,
  OrderConfirmed,
  OrderPlaced,
  type RecordedEvent,
  RefundDue,
  StockReserved,
} from '../src/events.ts'
import { inExistingFolder } from '../src/ground.ts'
import type { Booking } from '../src/ledger.ts'
import { revenue } from '../src/modules/analytics.ts'
import { stock } from '../src/modules/inventory.ts'
import { dice } from '../src/story/dice.ts'
import { brokersThere } from './fixtures/brokers.ts'
import { DemoProcess, Folder } from './fixtures/demo-process.ts'

const folder = new Folder()
const brokers = await brokersThere()
afterAll(async () => {
  folder[Symbol.dispose]()
  await Promise.all(brokers.map((broker) => broker.close()))
})

/** Times that it is killed; on a broker, where a start takes longer, half as often. */
const kills = Number(process.env['SHOP_KILLS'] ?? 12)
const grounds = [
  { where: 'in its file', options: [], times: kills },
  ...brokers.map(({ name, options }) => ({ where: `on ${name}`, options, times: Math.ceil(kills / 2) })),
]

/** A line of what those outside remember. */
interface Remembered {
  readonly key: string
  readonly order: number
  readonly pence?: number
  readonly answer: { readonly ok: boolean } | 'sent'
}

test.each(grounds)(
  'INVARIANT: killed anywhere and started again $where, the shop goes on where it was, and charges no order twice',
  { timeout: 600_000 },
  async ({ where, options, times }) => {
    const seed = Number(process.env['SHOP_KILL_SEED'] ?? Math.floor(Math.random() * 2 ** 32))
    const roll = dice(seed)
    const data = join(folder.path, where)
    const places: string[] = []
    let ends = 0
    while (places.length < times) {
      // Where the day goes on in its middle fewer lines come than in a whole one.
      const lines = 1 + roll(40)
      const demo = new DemoProcess(['--data', data, ...options])
      const wasKilled = await demo.killedAt(lines, roll(20))
      const { code, stdout, stderr } = await demo.ended
      if (wasKilled) places.push(`${stdout.match(/^\d+(?= {2})/gm)?.at(-1) ?? '-'}/${lines}`)
      else ends++
      expect(code ?? 0, stderr).toBe(0)
    }
    const last = await new DemoProcess(['--data', data, ...options]).ended
    expect(last.code, last.stderr).toBe(0)
    console.info(
      `seed ${seed}: killed ${times} times ${where}, in act/behind line ${places.join(', ')}; ${ends + 1} days ended`,
    )

    const { recorded, letters, figures, left } = await keptIn(data)
    const of = <Definition extends { readonly type: string }>({ type }: Definition): number[] =>
      sorted(recorded.flatMap(({ event }) => (event.type === type && 'order' in event.data ? [event.data.order] : [])))
    const placed = of(OrderPlaced)
    expect(placed).toEqual([...new Set(placed)])
    expect(placed.length).toBeGreaterThanOrEqual(9 * (ends + 1))
    expect(sorted([...of(OrderConfirmed), ...of(OrderCancelled)])).toEqual(placed)

    const cards = remembered(join(data, 'outside/cards.ndjson'))
    const asked = cards.filter(({ pence }) => pence! > 0)
    expect(sorted(asked.map(({ order }) => order))).toEqual(of(StockReserved))
    const taken = asked.filter(({ answer }) => answer !== 'sent' && answer.ok).map(({ order }) => order)
    const givenBack = cards.filter(({ pence }) => pence! < 0).map(({ order }) => order)
    expect(sorted(givenBack)).toEqual(of(RefundDue))
    expect(sorted(taken)).toEqual(sorted([...of(OrderConfirmed), ...givenBack]))

    const booked = ledgerIn(data)
    expect(sorted(booked.map(({ key }) => key))).toEqual(sorted(cards.map(({ key }) => key)))
    expect(figures.revenue).toBe(booked.reduce((sum, { pence }) => sum + pence, 0))
    expect(figures).toMatchObject({ placed: placed.length, paid: of(OrderConfirmed).length })

    // One mail for each order, but for those that wait for the operator.
    const mails = remembered(join(data, 'outside/mail.ndjson')).map(({ order }) => order)
    expect(sorted([...mails, ...letters])).toEqual(placed)
    expect(letters.filter((order) => order % 1000 !== 7)).toEqual([])
    expect(Math.min(...left)).toBeGreaterThanOrEqual(0)
  },
)

/** What a shop that has come to rest has kept: its log, what it makes of it, and the orders of its dead letters. */
async function keptIn(data: string) {
  await using ground = await inExistingFolder(data)
  const { store } = ground.books
  const recorded: Recorded<RecordedEvent>[] = []
  for await (const each of store.readAll()) recorded.push(each)

  await using figures = await runProjection(store, revenue)
  await using shelves = await runProjection(store, stock)
  await Promise.all([figures, shelves].map(async (projection) => waitFor(projection, await store.end())))
  const left: number[] = []
  for await (const [, shelf] of shelves.entries()) left.push(shelf.left, shelf.held)

  await using bus = await createBus({ source: '/shop', transport: ground.transport, handlers: [], log: false })
  const letters: number[] = []
  for await (const { message } of bus.deadLetters.list()) {
    letters.push(Number(String(message.attributes['subject']).replace('order-', '')))
  }
  return { recorded, letters, figures: await figures.get(), left }
}

function remembered(file: string): Remembered[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Remembered)
}

function ledgerIn(data: string): Booking[] {
  const database = new DatabaseSync(join(data, 'shop.db'))
  try {
    const rows = database.prepare('SELECT key, of_order, pence FROM ledger').all()
    return rows.map(({ key, of_order, pence }) => ({ key: String(key), order: Number(of_order), pence: Number(pence) }))
  } finally {
    database.close()
  }
}

function sorted<Value extends number | string>(values: readonly Value[]): Value[] {
  return values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}
