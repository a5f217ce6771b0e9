import { evaluate } from '../run/generate.ts'
import { keeping, type When } from './guarantees.ts'

/** What a synchronous publish guarantees, in the order in which a table adds them. */
export const publishGuarantees = {
  isolation: 'an error stops no other handler',
  promises: 'promises that handlers return are watched',
  depth: 'nested publishes are counted',
  snapshot: 'subscriptions may change meanwhile',
} as const

/** The same of a publish by definition, which first has to find its topic. */
export const definitionGuarantees = {
  ...publishGuarantees,
  keys: 'a key may be a string, or of another dispatcher',
} as const

type Guarantee = keyof typeof definitionGuarantees

/**
 * A dispatcher with these guarantees only: `new Bus()` has `topic(name)`, whose handle publishes by a closure for each
 * number of handlers, and `subscribe` and `publish` by definition, which loop. Both are written as our own are, without
 * what keeps a guarantee that is not asked for. Generated, so that a variant holds no check for what it leaves out.
 */
export function strippedBus(kept: readonly Guarantee[]): { readonly Bus: unknown } {
  return { Bus: evaluate({ report, watch, Topic }, busText(keeping(kept))) }
}

function report(error: unknown): void {
  console.error(error)
}

function watch(result: unknown): void {
  if (result instanceof Promise) result.catch(report)
}

type Handler = (payload: unknown, key: string) => unknown
type Specialise = (topic: Topic, calls: readonly Handler[]) => (payload: unknown) => unknown

/** Replaces its list with each change and empties the old one: so a loop over it ends, and a publish under way sees it. */
class Topic {
  readonly key: string
  readonly guard: { depth: number; open: number }
  calls: Handler[] = []
  definition: unknown = undefined
  publish: (payload: unknown) => unknown
  readonly #specialise: Specialise

  constructor(key: string, guard: { depth: number; open: number }, specialise: Specialise) {
    this.key = key
    this.guard = guard
    this.#specialise = specialise
    this.publish = specialise(this, this.calls)
  }

  subscribe(handler: Handler): { unsubscribe: () => void } {
    this.#change([...this.calls, handler])
    return { unsubscribe: () => this.#change(this.calls.filter((other) => other !== handler)) }
  }

  #change(calls: Handler[]): void {
    this.calls.length = 0
    this.calls = calls
    this.publish = this.#specialise(this, calls)
  }
}

function busText(when: When<Guarantee>): string {
  return `
  const careful = (topic, payload, at) => {
    for (const handler of topic.calls.slice(at)) try { watch(handler(payload, topic.key)) } catch (error) { report(error) }
    return topic.calls.length
  }
  const specialise = (topic, calls) => {
    const { guard, key } = topic
    const [a, b, c] = calls
    switch (calls.length) {
      ${[1, 2, 3].map((count) => `case ${count}: return (payload) => { ${unrolledText(count, when)} }`).join('\n')}
      default: return (payload) => publishPlain(topic, payload)
    }
  }
  const publishPlain = (topic, payload) => {
    const { calls, guard, key } = topic
    ${enterText(when, '')}
    if (calls.length === 1) {
      const only = calls[0]
      ${callText('only', when)}
      ${leaveText(when)}
      return 1
    }
    let at = 0
    for (; at < calls.length; at++) { ${callText('calls[at]', when)} }
    ${when('snapshot', 'if (topic.calls !== calls) return careful(topic, payload, at)')}
    ${leaveText(when)}
    return at
  }
  return class Bus {
    guard = { depth: 0, open: 48 }
    topics = new Map()
    bound = []
    topic(name) {
      let topic = this.topics.get(name)
      if (!topic) this.topics.set(name, (topic = new Topic(name, this.guard, specialise)))
      return topic
    }
    subscribe(definition, handler) {
      const topic = this.topic(definition.type)
      topic.definition = definition
      this.bound[definition.index] = topic
      return topic.subscribe(handler)
    }
    publish(key, payload) {
      ${when('keys', `if (typeof key === 'string') return publishPlain(this.topic(key), payload)`)}
      const topic = this.bound[key.index]
      ${when(
        'keys',
        'if (topic === undefined || topic.definition !== key || payload === undefined) return this.other(key, payload)',
        'if (topic === undefined) return 0',
      )}
      return publishPlain(topic, payload)
    }
    other(key, payload) {
      return publishPlain(this.topic(key.type), payload)
    }
  }`
}

function unrolledText(count: number, when: When<Guarantee>): string {
  const calls = ['a', 'b', 'c'].slice(0, count).map((handler, at) => {
    const last = at === count - 1
    const changed = `if (topic.calls !== calls) return careful(topic, payload, ${at + 1})`
    return callText(handler, when) + (last ? '' : when('snapshot', changed))
  })
  return `${enterText(when, when('snapshot', 'topic.calls !== calls'))}
    ${calls.join('\n')}
    ${leaveText(when)}
    return ${count}`
}

function enterText(when: When<Guarantee>, changed: string): string {
  const checks = [changed, when('depth', 'depth >= guard.open')].filter((check) => check !== '')
  return `${when('depth', 'const { depth } = guard')}
    ${checks.length === 0 ? '' : `if (${checks.join(' || ')}) return careful(topic, payload, 0)`}
    ${when('depth', 'guard.depth = depth + 1')}`
}

function leaveText(when: When<Guarantee>): string {
  return when('depth', 'guard.depth = depth')
}

function callText(handler: string, when: When<Guarantee>): string {
  const call = `${when('promises', 'const result = ')}${handler}(payload, key)
    ${when('promises', 'if (result !== undefined) watch(result)')}`
  return when('isolation', `try { ${call} } catch (error) { report(error) }\n`, `{ ${call} }\n`)
}
