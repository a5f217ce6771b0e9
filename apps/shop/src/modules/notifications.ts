import { compose, idempotent, retry, timeout } from '@tidings/decorators'
import { OrderCancelled, OrderConfirmed } from '../events.ts'
import type { Surroundings } from './module.ts'

/** The world outside that carries the mail. */
export interface MailServer {
  send(mail: { order: number; subject: string }): Promise<void>
}

/** Mails the customer: again when the server is busy, but never twice. */
export function notifications({ events, narrator }: Surroundings, mail: MailServer): void {
  const careful = compose(
    narrator.told('notifications'),
    idempotent(),
    retry({
      attempts: 4,
      delay: '20ms',
      jitter: false,
      onRetry: ({ error, delay }) => narrator.note(`${(error as Error).message}, again in ${delay} ms`),
    }),
    timeout('2s'),
  )

  async function mailConfirmation(event: OrderConfirmed): Promise<string> {
    await mail.send({ order: event.data.order, subject: 'Thank you for your order' })
    return 'mail sent: thank you'
  }

  async function mailApology(event: OrderCancelled): Promise<string> {
    await mail.send({ order: event.data.order, subject: 'Your order is cancelled' })
    return `mail sent: sorry, ${event.data.reason}`
  }

  events.subscribe(OrderConfirmed, careful(mailConfirmation))
  events.subscribe(OrderCancelled, careful(mailApology))
}
