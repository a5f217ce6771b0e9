import { AsyncEventDispatcher } from '@tidings/core'
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

/** The world around the shop: its customers, and a card network, a mail server and scanners that can be made to fail. */
export interface Town extends World {
  /** What the scanners on the shelves publish to. */
  readonly scanners: AsyncEventDispatcher
  readonly stock: Readonly<Record<string, number>>
  nextOrder(): number
  readonly lastOrder: number
  /** Somebody who wants something, the same for the same seed. */
  wish(): Wish
  /** What nobody else in this story buys; one is left. */
  readonly lastItem: { item: string; pence: number }
  declineNextCard(reason: string): void
  failNextMails(count: number): void
  breakMail(): void
  mendMail(): void
  /** Resolves when a card is being charged, to what lets the network answer. */
  slowCards(): Promise<() => void>
  /** Scans that were shed. */
  readonly shed: number
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

/** `onStorm` is told what the storm breaker of the scanners does. */
export function townOf(seed: number, onStorm: (change: string) => void): Town {
  const roll = dice(seed)
  const lastItem = { item: 'Cake stand', pence: 1275 }
  let orders = 1000
  let declined: string | undefined
  let busy = 0
  let broken = false
  let onCharge: ((answer: () => void) => void) | undefined
  const scanners = new AsyncEventDispatcher({
    storm: { limit: stormLimit, onChange: ({ type, state }) => onStorm(`storm breaker ${state} for ${type}`) },
  })
  return {
    stock: { ...Object.fromEntries(goods.map(({ item }) => [item, 8 + roll(5)])), [lastItem.item]: 1 },
    lastItem,
    nextOrder: () => ++orders,
    get lastOrder() {
      return orders
    },
    wish() {
      const { item, pence } = goods[roll(goods.length)]!
      const quantity = 1 + roll(3)
      const customer = customers[roll(customers.length)]!
      return { customer, item, quantity, pence: pence * quantity, card: '4000 0000 0000 0002' }
    },
    declineNextCard(reason) {
      declined = reason
    },
    failNextMails(count) {
      busy = count
    },
    breakMail() {
      broken = true
    },
    mendMail() {
      broken = false
    },
    slowCards: () => new Promise((resolve) => (onCharge = resolve)),
    get shed() {
      return scanners.shed
    },
    close: () => scanners.close(),
    scanners,
    cards: {
      async charge() {
        if (onCharge) {
          await new Promise<void>(onCharge)
          onCharge = undefined
        }
        const reason = declined
        declined = undefined
        return reason === undefined ? { ok: true } : { ok: false, reason }
      },
    },
    mail: {
      async send() {
        if (broken) throw new Error('mail server is down')
        if (busy === 0) return
        busy--
        throw new Error('mail server is busy')
      },
    },
  }
}
