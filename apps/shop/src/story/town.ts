import { AsyncEventDispatcher } from '@tidings/core'
import type { Ground } from '../ground.ts'
import type { World } from '../shop.ts'
import { dice } from './dice.ts'

/** An order as a customer fills it in. */
export interface Wish {
  customer: string
  item: string
  quantity: number
  pence: number
  card: string
}

/** A card network that takes its time for an order. */
interface Stall {
  /** Resolves when it is asked. */
  readonly asked: Promise<void>
  /** Lets it answer. */
  readonly answer: () => void
}

/**
 * The world around the shop on one day: its customers, and a card network, a mail server and scanners that can be made to
 * fail. What it does depends on the seed, the day and the number of an order alone, so that a day that was broken off
 * goes on as it would have.
 */
export interface Town extends World {
  /** What the scanners on the shelves publish to. */
  readonly scanners: AsyncEventDispatcher
  /** What is delivered in the morning. */
  readonly stock: Readonly<Record<string, number>>
  /** The number of the nth order of the day, from 1. */
  number(nth: number): number
  /** What somebody wants with the nth order. */
  wish(nth: number): Wish
  /** What nobody else in this story buys; one is delivered. */
  readonly lastItem: { item: string; pence: number }
  declineCard(order: number, reason: string): void
  failMails(order: number, count: number): void
  breakMail(order: number): void
  mendMail(): void
  stallCard(order: number): Stall
  /** Scans that were shed. */
  readonly shed: number
  /** Lets all answer who take their time. */
  close(): Promise<void>
}

/** Scans that may pass in a second. */
const stormLimit = 100

const customers = ['Ada', 'Grace', 'Alan', 'Barbara', 'Edsger', 'Radia', 'Tony', 'Margaret']
const goods = [
  { item: 'Teapot', pence: 1599 },
  { item: 'Jumbo bag', pence: 195 },
  { item: 'Glass lantern', pence: 425 },
  { item: 'Bird ornament', pence: 169 },
]

interface Dawn {
  readonly seed: number
  readonly day: number
  readonly outside: Ground['outside']
  /** Told what the storm breaker of the scanners does. */
  readonly onStorm: (change: string) => void
}

export function townOf({ seed, day, outside, onStorm }: Dawn): Town {
  const roll = dice(seed)
  const lastItem = { item: 'Cake stand', pence: 1275 }
  const stock = { ...Object.fromEntries(goods.map(({ item }) => [item, 8 + roll(5)])), [lastItem.item]: 1 }
  const wishes: Wish[] = []
  const declined = new Map<number, string>()
  const busy = new Map<number, number>()
  const broken = new Set<number>()
  const stalls = new Map<
    number,
    { readonly ask: () => void; readonly answered: Promise<void>; readonly answer: () => void }
  >()
  const scanners = new AsyncEventDispatcher({
    storm: { limit: stormLimit, onChange: ({ type, state }) => onStorm(`storm breaker ${state} for ${type}`) },
  })
  return {
    stock,
    lastItem,
    number: (nth) => 1000 * day + nth,
    wish(nth) {
      while (wishes.length < nth) {
        const { item, pence } = goods[roll(goods.length)]!
        const quantity = 1 + roll(3)
        const customer = customers[roll(customers.length)]!
        wishes.push({ customer, item, quantity, pence: pence * quantity, card: '4000 0000 0000 0002' })
      }
      return wishes[nth - 1]!
    },
    declineCard: (order, reason) => void declined.set(order, reason),
    failMails: (order, count) => void busy.set(order, count),
    breakMail: (order) => void broken.add(order),
    mendMail: () => broken.clear(),
    stallCard(order) {
      let ask!: () => void
      let answer!: () => void
      const asked = new Promise<void>((resolve) => (ask = resolve))
      const answered = new Promise<void>((resolve) => (answer = resolve))
      stalls.set(order, { ask, answered, answer })
      return { asked, answer }
    },
    get shed() {
      return scanners.shed
    },
    close() {
      for (const { answer } of stalls.values()) answer()
      return scanners.close()
    },
    scanners,
    cards: {
      async charge({ key, order, pence }) {
        const { cards } = outside
        await cards.travel()
        const stall = stalls.get(order)
        stall?.ask()
        await stall?.answered
        if (cards.get(key) === undefined) {
          const reason = declined.get(order)
          const answer = reason === undefined ? { ok: true } : { ok: false, reason }
          cards.keep(key, { asked: { order, pence }, answer })
        }
        await cards.travel()
        return cards.get(key) as { ok: true } | { ok: false; reason: string }
      },
      async refund({ key, order, pence }) {
        const { cards } = outside
        await cards.travel()
        if (cards.get(key) === undefined) cards.keep(key, { asked: { order, pence: -pence }, answer: { ok: true } })
        await cards.travel()
      },
    },
    mail: {
      async send({ key, order, subject }) {
        const { mail } = outside
        await mail.travel()
        if (mail.get(key) !== undefined) return
        if (broken.has(order)) throw new Error('mail server is down')
        const times = busy.get(order) ?? 0
        if (times > 0) {
          busy.set(order, times - 1)
          throw new Error('mail server is busy')
        }
        mail.keep(key, { asked: { order, subject }, answer: 'sent' })
      },
    },
  }
}
