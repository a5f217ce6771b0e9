import { evaluate } from '../run/generate.ts'
import { keeping, type When } from './guarantees.ts'
import { latchGuarantees, strippedAsyncBus } from './latch.ts'

/** What an async iterator of events guarantees, in the order in which a table adds them. */
export const streamGuarantees = {
  bounded: 'the buffer is bounded, by a ring',
  waiting: 'readers, and publishers where asked for, wait',
  ending: 'it ends with return, a signal, or the dispatcher',
  dispatched: 'events come by an isolating dispatcher',
} as const

type Guarantee = keyof typeof streamGuarantees

/** `open(name)` makes a stream with these guarantees only and a `publish` that feeds it. */
export function strippedStream(kept: readonly Guarantee[]): { readonly open: unknown } {
  const { Bus } = strippedAsyncBus(Object.keys(latchGuarantees) as (keyof typeof latchGuarantees)[])
  return { open: evaluate({ Bus }, streamText(keeping(kept))) }
}

function streamText(when: When<Guarantee>): string {
  return `
  class Stream {
    buffer = []
    head = 0
    size = 0
    capacity = 1000
    readers = []
    writers = []
    ended = false
    error = undefined
    dropped = 0
    next() {
      if (this.size > 0) {
        const value = this.buffer[this.head]
        this.buffer[this.head] = undefined
        this.size--
        ${when('bounded', 'this.head = (this.head + 1) % this.buffer.length', 'this.head++')}
        ${when('bounded', '', 'if (this.size === 0) { this.buffer = []; this.head = 0 }')}
        ${when(
          'waiting',
          `const writer = this.writers.length > 0 ? this.writers.shift() : undefined
          if (writer) { this.push(writer.payload); writer.resolve() }`,
        )}
        return Promise.resolve({ value, done: false })
      }
      ${when(
        'ending',
        `if (this.error !== undefined) return Promise.reject(this.error)
        if (this.ended) return Promise.resolve({ value: undefined, done: true })`,
      )}
      return new Promise((resolve) => this.readers.push(resolve))
    }
    take(payload) {
      ${when(
        'waiting',
        `const reader = this.readers.length > 0 ? this.readers.shift() : undefined
        if (reader) { reader({ value: payload, done: false }); return undefined }`,
      )}
      ${when(
        'bounded',
        `if (this.size < this.capacity) { this.push(payload); return undefined }
        this.dropped++
        this.buffer[this.head] = payload
        this.head = (this.head + 1) % this.buffer.length
        return undefined`,
        'this.size++; this.buffer.push(payload)',
      )}
    }
    push(payload) {
      const { length } = this.buffer
      if (this.size === length) {
        this.buffer = [...this.buffer.slice(this.head), ...this.buffer.slice(0, this.head)]
        this.buffer.length = Math.min(this.capacity, Math.max(16, length * 2))
        this.head = 0
      }
      this.buffer[(this.head + this.size++) % this.buffer.length] = payload
    }
  }
  return (name) => {
    const stream = new Stream()
    ${when(
      'dispatched',
      `const topic = new Bus().topic(name)
      topic.subscribe((payload) => stream.take(payload))
      return { stream, topic }`,
      'return { stream, topic: { publish: (payload) => stream.take(payload) } }',
    )}
  }`
}
