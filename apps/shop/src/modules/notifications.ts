import { OrderCancelled, OrderConfirmed } from '../events.ts'
import type { Delivery, Surroundings } from './module.ts'

/** The world outside that carries the mail. */
export interface MailServer {
  send(mail: { order: number; subject: string }): Promise<void>
}

/** Again when the server is busy, but never twice; and what cannot be sent is kept for the operator. */
const delivery: Delivery = {
  group: 'notifications',
  idempotent: true,
  timeout: '2s',
  retry: { attempts: 4, delay: '20ms', jitter: false },
  deadLetter: 'park',
}

/** Mails the customer. The policy stands beside the handlers, as a value: whoever carries the events follows it. */
export function notifications({ events, narrator }: Surroundings, mail: MailServer): void {
  const told = narrator.told('notifications')

  async function mailConfirmation(event: OrderConfirmed): Promise<string> {
    await mail.send({ order: event.data.order, subject: 'Thank you for your order' })
    return 'mail sent: thank you'
  }

  async function mailApology(event: OrderCancelled): Promise<string> {
    await mail.send({ order: event.data.order, subject: 'Your order is cancelled' })
    return `mail sent: sorry, ${event.data.reason}`
  }

  events.subscribe(OrderConfirmed, told(mailConfirmation), delivery)
  events.subscribe(OrderCancelled, told(mailApology), delivery)
}
