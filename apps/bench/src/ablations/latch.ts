import { evaluate } from '../run/generate.ts'
import { keeping, type When } from './guarantees.ts'

/** What an awaited publish to concurrent handlers guarantees, in the order in which a table adds them. */
export const latchGuarantees = {
  isolation: 'what a handler throws at once stops no other',
  names: 'a rejection is reported with its handler',
  drain: 'what is in flight is counted, for drain',
  depth: 'nested publishes are counted',
  snapshot: 'subscriptions may change meanwhile',
} as const

type Guarantee = keyof typeof latchGuarantees

/** An asynchronous dispatcher with these guarantees only: `new Bus()` has `topic(name)`, with `subscribe`, `publish`. */
export function strippedAsyncBus(kept: readonly Guarantee[]): { readonly Bus: unknown } {
  return { Bus: evaluate({ report }, busText(keeping(kept))) }
}

function report(error: unknown, handler?: string): void {
  console.error(handler, error)
}

function busText(when: When<Guarantee>): string {
  return `
  const counts = []
  const counted = (called) => (counts[called] ??= Promise.resolve(called))
  class Countdown {
    called = 0
    open = 1
    resolve = undefined
    constructor(bus) {
      ${when('drain', 'this.bus = bus; bus.inFlight++')}
      this.settle = () => { if (--this.open === 0) this.resolve(this.end()) }
      ${when('names', '', 'this.failed = (error) => { report(error); this.settle() }')}
    }
    last() {
      return --this.open === 0 ? this.end() : remaining(this)
    }
    end() {
      ${when('drain', 'this.bus.settled()')}
      return this.called
    }
  }
  const remaining = (latch) => new Promise((resolve) => { latch.resolve = resolve })
  const follow = (latch, promise, handler) => {
    latch.open++
    ${when(
      'names',
      'promise.then(latch.settle, (error) => { report(error, handler.name); latch.settle() })',
      'promise.then(latch.settle, latch.failed)',
    )}
  }
  const followLast = (latch, promise, handler) =>
    promise.then(() => latch.last(), (error) => { report(error${when('names', ', handler.name')}); return latch.last() })
  class Topic {
    entries = []
    calls = []
    constructor(key, bus) {
      this.key = key
      this.bus = bus
    }
    subscribe(handler) {
      this.entries = [...this.entries, { handler, active: true }]
      this.calls = this.entries.map((entry) => entry.handler)
    }
    publish(payload) {
      const { bus, key, calls, entries } = this
      ${when('depth', 'if (bus.depth >= bus.open) throw new Error("nested too deep")\nbus.depth++')}
      let latch, last, lastHandler
      let called = 0
      for (let i = 0; i < entries.length; i++) {
        ${when(
          'snapshot',
          `const entry = entries[i]
          const handler = this.calls === calls ? calls[i] : entry.active ? entry.handler : undefined
          if (!handler) continue`,
          'const handler = calls[i]',
        )}
        called++
        ${when('isolation', 'try {')}
        const result = handler(payload, key)
        if (result instanceof Promise) {
          latch ??= new Countdown(bus)
          if (last) follow(latch, last, lastHandler)
          last = result
          lastHandler = handler
        }
        ${when('isolation', '} catch (error) { report(error) }')}
      }
      ${when('depth', 'bus.depth--')}
      if (!latch) return counted(called)
      latch.called = called
      return followLast(latch, last, lastHandler)
    }
  }
  return class Bus {
    depth = 0
    open = 48
    inFlight = 0
    drained = []
    topics = new Map()
    topic(name) {
      let topic = this.topics.get(name)
      if (!topic) this.topics.set(name, (topic = new Topic(name, this)))
      return topic
    }
    settled() {
      if (--this.inFlight === 0 && this.drained.length > 0) for (const resolve of this.drained.splice(0)) resolve()
    }
  }`
}
