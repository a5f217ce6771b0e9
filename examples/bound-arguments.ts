// One handler for several uses: its leading arguments are bound, the event comes last.
import { EventDispatcher } from '@tidings/core'
import { partial } from '@tidings/decorators'

function notify(channel: string, urgent: boolean, order: { item: string }): void {
  console.log(`${urgent ? 'Urgent ' : ''}${channel}: ${order.item} was ordered`)
}

const dispatcher = new EventDispatcher<{ order_placed: { item: string } }>()
dispatcher.subscribe('order_placed', partial(notify, 'mail', false))
dispatcher.subscribe('order_placed', partial(notify, 'text message', true))

dispatcher.publish('order_placed', { item: 'Tea' })
