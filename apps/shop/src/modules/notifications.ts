import { type Handler, handler, type HandlerOptions } from '@tidings/bus'
import { OrderCancelled, OrderConfirmed } from '../events.ts'

/** The world outside that carries the mail. */
export interface MailServer {
  /** A mail with a key that it knows is not sent again. */
  send(mail: { readonly key: string; readonly order: number; readonly subject: string }): Promise<void>
}

/** Again when the server is busy, but never twice; and what cannot be sent is kept for the operator. */
const policy: HandlerOptions = {
  group: 'notifications',
  idempotent: true,
  timeout: '2s',
  retry: { attempts: 4, delay: '20ms', jitter: false },
  deadLetter: 'park',
}

/** Mails the customer. */
export function notifications(mail: MailServer): Handler[] {
  return [
    handler(OrderConfirmed, policy, async function mailConfirmation({ id, data: { order } }, { group, log }) {
      await mail.send({ key: `${group}/${id}`, order, subject: 'Thank you for your order' })
      log.info('mail sent: thank you')
    }),
    handler(OrderCancelled, policy, async function mailApology({ id, data: { order, reason } }, { group, log }) {
      await mail.send({ key: `${group}/${id}`, order, subject: 'Your order is cancelled' })
      log.info(`mail sent: sorry, ${reason}`)
    }),
  ]
}
