import { Deque } from './collections/deque.ts'

/** Runs something in a later turn of the event loop, as soon as the runtime can. */
export const macrotask: (callback: () => void) => void = macrotasks()

/** Taken when the module is loaded, so that the faked timers of a test do not stop deliveries. */
function macrotasks(): (callback: () => void) => void {
  const { setImmediate, MessageChannel, setTimeout } = globalThis as {
    setImmediate?: (callback: () => void) => unknown
    MessageChannel?: typeof globalThis.MessageChannel
    setTimeout: typeof globalThis.setTimeout
  }
  if (setImmediate) return (callback) => void setImmediate(callback)
  if (!MessageChannel) return (callback) => void setTimeout(callback, 0)
  const { port1, port2 } = new MessageChannel()
  const callbacks = new Deque<() => void>()
  port1.addEventListener('message', () => callbacks.shift()?.())
  port1.start()
  return (callback) => {
    callbacks.push(callback)
    port2.postMessage(undefined)
  }
}
