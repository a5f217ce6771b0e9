// Two handlers cause each other without end; the guard stops them and names the cycle.
import { EventDispatcher, isTidingsError } from '@tidings/core'

let calls = 0
const dispatcher = new EventDispatcher<{ ping: number; pong: number }>({
  maxDepth: 8,
  onError: ({ error, handler }) => {
    if (isTidingsError(error, 'EVENT_STORM')) console.log(`${handler}: ${error.message.split('\n')[0]}`)
  },
})

dispatcher.subscribe('ping', function answerPing(n) {
  calls++
  dispatcher.publish('pong', n + 1)
})
dispatcher.subscribe('pong', function answerPong(n) {
  calls++
  dispatcher.publish('ping', n + 1)
})

dispatcher.publish('ping', 1)
console.log(`Stopped after ${calls} calls`)
