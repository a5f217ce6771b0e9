import { circuitBreaker, compose } from '@tidings/decorators'
import { causedBy } from '@tidings/events'
import { PaymentDeclined, PaymentTaken, StockReserved } from '../events.ts'
import { pounds } from '../money.ts'
import type { Surroundings } from './module.ts'

/** The world outside that moves the money. */
export interface CardNetwork {
  charge(card: string, pence: number): Promise<{ ok: true } | { ok: false; reason: string }>
}

/** Takes the money for what is reserved: once, in time, and not from a network that is down. */
export function payments({ events, narrator }: Surroundings, cards: CardNetwork): void {
  const careful = compose(narrator.told('payments'), circuitBreaker({ failures: 5, resetAfter: '30s' }))

  async function charge(event: StockReserved): Promise<string> {
    const { order, pence, card } = event.data
    const answer = await cards.charge(card, pence)
    if (answer.ok) {
      void events.publish(PaymentTaken, { order, pence }, causedBy(event))
      return `took ${pounds(pence)}`
    }
    void events.publish(PaymentDeclined, { order, reason: answer.reason }, causedBy(event))
    return `declined: ${answer.reason}`
  }

  events.subscribe(StockReserved, careful(charge), { group: 'payments', idempotent: true, timeout: '5s' })
}
