// A weak subscription keeps no handler alive. Run with --expose-gc, so that the collection can be forced.
import { EventDispatcher } from '@tidings/core'

const dispatcher = new EventDispatcher<{ tick: number }>()

function openWidget(): { show: (n: number) => void } {
  const widget = { show: (n: number) => console.log(`Widget shows ${n}`) }
  dispatcher.subscribe('tick', widget.show, { weak: true })
  return widget
}

let widget: { show: (n: number) => void } | undefined = openWidget()
console.log(`${dispatcher.publish('tick', 1)} handler called`)

widget = undefined
await new Promise((resolve) => setTimeout(resolve, 10))
globalThis.gc?.()
console.log(`${dispatcher.publish('tick', 2)} handlers called`, widget ?? '')
