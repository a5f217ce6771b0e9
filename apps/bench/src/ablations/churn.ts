import { evaluate } from '../run/generate.ts'
import { keeping, type When } from './guarantees.ts'

/** What subscribing and unsubscribing guarantee, in the order in which a table adds them. */
export const churnGuarantees = {
  anyorder: 'ends in constant time in any order',
  checks: 'the handler is checked, the dispatcher open',
  priority: 'handlers are kept in the order of priorities',
  options: 'once, signal, weak and name',
  snapshot: 'a publish under way sees the change',
  release: 'an ended subscription holds no handler',
} as const

type Guarantee = keyof typeof churnGuarantees

/** A dispatcher with these guarantees only: `new Bus()` has `topic(name)`, with `subscribe` and `publish`. */
export function strippedSubscriptions(kept: readonly Guarantee[]): { readonly Bus: unknown } {
  return { Bus: evaluate({}, busText(keeping(kept))) }
}

function busText(when: When<Guarantee>): string {
  return `
  const none = {}
  const released = () => {}
  class Entry {
    constructor(topic, handler, options) {
      this.active = true
      this.topic = topic
      this.handler = handler
      ${when('priority', 'this.priority = options.priority ?? 0')}
      ${when(
        'options',
        `this.options = options
        this.once = options.once === true
        this.weak = options.weak ? new WeakRef(handler) : undefined
        this.name = options.name`,
      )}
    }
    unsubscribe() {
      if (!this.active) return
      this.active = false
      ${when('release', 'this.handler = released')}
      this.topic.remove(this)
      ${when('options', `if (this.options !== none) this.options.signal?.removeEventListener('abort', this)`)}
    }
  }
  class Topic {
    entries = []
    snapshot = undefined
    publisher = undefined
    dead = 0
    closed = false
    constructor(key) {
      this.key = key
    }
    subscribe(handler, options = none) {
      ${when(
        'checks',
        `if (this.closed) throw new Error('closed')
        if (typeof handler !== 'function') throw new TypeError('no function')`,
      )}
      const entry = new Entry(this, handler, options)
      const { entries } = this
      ${when(
        'priority',
        `let at = entries.length
        while (at > 0 && entries[at - 1].priority < entry.priority) at--
        if (at === entries.length) entries.push(entry)
        else entries.splice(at, 0, entry)`,
        'entries.push(entry)',
      )}
      ${when('snapshot', 'this.changed()')}
      ${when('options', `if (options !== none) options.signal?.addEventListener('abort', entry)`)}
      return entry
    }
    remove(entry) {
      const { entries } = this
      ${when(
        'anyorder',
        `this.dead++
        while (entries.length > 0 && !entries[entries.length - 1].active) {
          entries.pop()
          this.dead--
        }
        if (this.dead * 2 > entries.length) {
          this.entries = entries.filter((other) => other.active)
          this.dead = 0
        }`,
        'entries.splice(entries.lastIndexOf(entry), 1)',
      )}
      ${when('snapshot', 'this.changed()')}
    }
    changed() {
      if (this.snapshot === undefined) return
      this.snapshot = undefined
      this.publisher = undefined
    }
    publish(payload) {
      const entries = (this.snapshot = [...this.entries])
      for (const entry of entries) if (entry.active) entry.handler(payload, this.key)
    }
  }
  return class Bus {
    topics = new Map()
    topic(name) {
      let topic = this.topics.get(name)
      if (!topic) this.topics.set(name, (topic = new Topic(name)))
      return topic
    }
  }`
}
