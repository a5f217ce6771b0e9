// A decorator adds the log; the handler keeps its name.
import { EventDispatcher } from '@tidings/core'
import { logged } from '@tidings/decorators'

function my_handler(text: string): void {
  console.log(`Handled: ${text}`)
}

const handler = logged({
  format: (entry) => (entry.phase === 'started' ? `Executing ${entry.name}` : undefined),
})(my_handler)

const dispatcher = new EventDispatcher<{ message: string }>()
const subscription = dispatcher.subscribe('message', handler)

dispatcher.publish('message', 'hello')
console.log(`Subscribed as ${subscription.name}, a function of ${handler.length} argument`)
