import { type Handler, handler } from '@tidings/bus'
import { circuitBreaker } from '@tidings/decorators'
import { PaymentDeclined, PaymentTaken, StockReserved } from '../events.ts'
import { pounds } from '../money.ts'

/** The world outside that moves the money. */
export interface CardNetwork {
  /** With a key that it knows, it gives the answer of the first time and does nothing. */
  charge(charge: Charge): Promise<{ ok: true } | { ok: false; reason: string }>
}

export interface Charge {
  readonly key: string
  readonly order: number
  readonly card: string
  readonly pence: number
}

/** Takes the money for what is reserved: once, in time, and not from a network that is down. */
export function payments(cards: CardNetwork): Handler[] {
  const ask = circuitBreaker({ failures: 5, resetAfter: '30s' })((charge: Charge) => cards.charge(charge))
  return [
    handler(
      StockReserved,
      { group: 'payments', idempotent: true, timeout: '5s' },
      async function charge({ id, data: { order, card, pence } }, { group, publish, log }) {
        // The same at every attempt: one that broke off may have taken the money.
        const answer = await ask({ key: `${group}/${id}`, order, card, pence })
        if (answer.ok) {
          log.info(`took ${pounds(pence)}`)
          await publish(PaymentTaken, { order, pence })
        } else {
          log.info(`declined: ${answer.reason}`)
          await publish(PaymentDeclined, { order, reason: answer.reason })
        }
      },
    ),
  ]
}
