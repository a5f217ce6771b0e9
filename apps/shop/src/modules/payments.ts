import type { Handler } from '@tidings/bus'
import { circuitBreaker } from '@tidings/decorators'
import { PaymentDeclined, PaymentRefunded, PaymentTaken } from '../events.ts'
import type { Ledger } from '../ledger.ts'
import { pounds } from '../money.ts'

/** The world outside that moves the money. With a key that it knows, it gives the answer of the first time and does nothing. */
export interface CardNetwork {
  charge(charge: Charge): Promise<{ ok: true } | { ok: false; reason: string }>
  refund(refund: Omit<Charge, 'card'>): Promise<void>
}

export interface Charge {
  readonly key: string
  readonly order: number
  readonly card: string
  readonly pence: number
}

const policy = { group: 'payments', idempotent: true, timeout: '5s' } as const

/**
 * Takes the money for what is held: once, in time, and not from a network that is down.
 *
 * No transaction reaches the network. So it is asked with a key, the same at every attempt: one that broke off may have
 * taken the money. All that the shop itself makes of the answer is one commit: it is booked, told and done, or nothing is.
 */
export function payments(cards: CardNetwork, ledger: Ledger): Handler[] {
  const ask = circuitBreaker({ failures: 5, resetAfter: '30s' })((charge: Charge) => cards.charge(charge))
  return [
    ledger.charging(policy, async function charge({ id, data }, { group, publish, log }, book) {
      const { order, card, pence } = data
      const key = `${group}/${id}`
      const answer = await ask({ key, order, card, pence })
      book({ key, order, pence: answer.ok ? pence : 0 })
      if (answer.ok) {
        log.info(`took ${pounds(pence)}`)
        await publish(PaymentTaken, { order, pence })
      } else {
        log.info(`declined: ${answer.reason}`)
        await publish(PaymentDeclined, { order, reason: answer.reason })
      }
    }),
    ledger.refunding(policy, async function refund({ id, data }, { group, publish, log }, book) {
      const { order, pence } = data
      const key = `${group}/${id}`
      await cards.refund({ key, order, pence })
      book({ key, order, pence: -pence })
      log.info(`gave back ${pounds(pence)}`)
      await publish(PaymentRefunded, { order, pence })
    }),
  ]
}
