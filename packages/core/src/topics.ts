import type { EventDefinition } from './definition.ts'
import { invalidArgument, misuse } from './check.ts'
import type { Guard } from './guard.ts'
import type { TopicHandle } from './handle.ts'
import type { Handler } from './keys.ts'

import { isPattern, matches, patternTokens } from './pattern.ts'
import { Entry, type EntryOptions, type Shelf } from './subscription.ts'
import { Topic } from './topic.ts'

/** The topics of a dispatcher, found by key. Patterns are resolved here, when topics and subscriptions meet. */
export class Topics {
  readonly guard: Guard
  /**
   * Topics by the index of the definition that was used last; those that only name their type, and do not create.
   *
   * To the engine it is an array with holes from the start. Else it became one with the first index left out, in some
   * dispatchers, and `publish` would have to tell the kinds: 0.3 ns of 11.
   */
  // oxlint-disable-next-line unicorn/no-new-array -- what the rule proposes makes the other kind
  readonly bound: (Topic | undefined)[] = new Array<Topic | undefined>(16).fill(undefined)
  readonly byType: Map<string, Topic> = new Map()
  readonly #patterns = new Set<Pattern>()
  readonly #careful: (this: Topic, payload: unknown) => unknown
  readonly #handles = new WeakMap<EventDefinition, object>()
  #sweepAt = 1024

  constructor(guard: Guard, careful: (this: Topic, payload: unknown) => unknown) {
    this.guard = guard
    this.#careful = careful
  }

  /** The topic of a key that is published; undefined where nobody can be listening. */
  find(key: string | EventDefinition): Topic | undefined {
    const type = typeOf(key)
    if (typeof key !== 'string' && key.index !== undefined && key.create === undefined)
      return this.#bind(key, key.index)
    const topic = this.byType.get(type)
    if (topic) return topic
    refusePattern(type)
    return this.#patterns.size > 0 || this.guard.counts ? this.#create(type) : undefined
  }

  /** The topic of a key, made where there is none, and kept for good. */
  topic(key: string | EventDefinition): Topic {
    const type = typeOf(key)
    refusePattern(type)
    const topic = this.byType.get(type) ?? this.#create(type)
    topic.pinned = true
    return topic
  }

  #bind(definition: EventDefinition, index: number): Topic {
    const topic = this.topic(definition)
    topic.definition = definition
    this.bound[index] = topic
    return topic
  }

  /** The public handle of a topic; where the definition validates, `publish` goes by way of it. */
  handle<Events, K extends string | EventDefinition, Result>(
    key: K,
    publish: (input: unknown, options: unknown) => Result,
  ): TopicHandle<Events, K, Result> {
    const topic = this.topic(key)
    if (typeof key === 'string' || key.create === undefined) return topic as unknown as TopicHandle<Events, K, Result>
    let handle = this.#handles.get(key)
    if (!handle) {
      handle = { key: topic.key, publish, subscribe: topic.subscribe.bind(topic) }
      this.#handles.set(key, handle)
    }
    return handle as TopicHandle<Events, K, Result>
  }

  subscribe(key: string | EventDefinition, handler: Handler, options?: EntryOptions): Entry {
    const type = typeOf(key)
    const topic = this.byType.get(type) ?? (isPattern(type) ? undefined : this.#create(type))
    if (topic) return topic.subscribe(handler, options)
    this.guard.checkHandler(type, handler)
    const pattern = new Pattern(type, handler, options, (gone) => {
      this.#patterns.delete(gone)
      for (const topic of this.#matching(gone)) topic.remove()
    })
    this.#patterns.add(pattern)
    for (const topic of this.#matching(pattern)) topic.add(pattern.entry)
    return pattern.entry.follow()
  }

  /** The event that a publish means: one that exists, or one to be made. `given` counts the publisher's arguments. */
  payload(key: string | EventDefinition, input: unknown, options: unknown, given: number): unknown {
    typeOf(key)
    if (typeof key === 'string') return input
    const event = key.create ? key.create(input, options) : given > 1 ? input : key
    this.guard.checkCausation(key.type, event)
    return event
  }

  /** Tells that an event found no topic, under the same guard as any other. */
  unheard(type: string, payload: unknown): void {
    const { guard } = this
    if (guard.depth < guard.open || guard.admit({ key: type }, payload)) guard.unhandled(type, payload)
  }

  /** The active subscriptions that an event of this type would reach, in the order of calls. */
  handlers(key: string | EventDefinition): readonly Entry[] {
    return this.find(typeOf(key))?.entries.filter((entry) => entry.active) ?? []
  }

  /** Every active subscription, once. */
  all(): Entry[] {
    const own = [...this.byType.values()].flatMap((topic) => topic.own())
    return [...own, ...[...this.#patterns].map((pattern) => pattern.entry)]
  }

  keys(): string[] {
    return [...new Set(this.all().map((entry) => entry.key))]
  }

  close(): void {
    this.guard.close()
    for (const entry of this.all()) entry.unsubscribe()
  }

  #matching({ tokens }: Pattern): Topic[] {
    return [...this.byType.values()].filter((topic) => matches(tokens, topic.key.split('.')))
  }

  #create(type: string): Topic {
    if (this.byType.size >= this.#sweepAt && this.guard.depth === 0) this.#sweep()
    const topic = new Topic(type, this.guard, this.#careful)
    const tokens = type.split('.')
    for (const pattern of this.#patterns) if (matches(pattern.tokens, tokens)) topic.add(pattern.entry)
    this.byType.set(type, topic)
    return topic
  }

  /** Forgets topics that only patterns listen to, or nobody: types made up at run time must not pile up. */
  #sweep(): void {
    for (const [type, topic] of this.byType) if (topic.idle) this.byType.delete(type)
    this.#sweepAt = Math.max(1024, this.byType.size * 2)
  }
}

/** A pattern with its one subscription, which stands in the list of each topic that matches. */
class Pattern implements Shelf {
  readonly key: string
  readonly tokens: readonly string[]
  readonly entry: Entry
  readonly #gone: (pattern: Pattern) => void

  constructor(key: string, handler: Handler, options: EntryOptions | undefined, gone: (pattern: Pattern) => void) {
    this.key = key
    this.tokens = patternTokens(key)
    this.entry = new Entry(this, handler, options ?? undefined)
    this.#gone = gone
  }

  remove(): void {
    this.#gone(this)
  }
}

/** The type that a key or an event names. */
export function typeOf(key: string | { readonly type: string }): string {
  const type: unknown = typeof key === 'string' ? key : key?.type
  if (typeof type === 'string') return type
  throw invalidArgument('key', 'an event type or have one', key, 'Use a string, an event definition or an event.')
}

function refusePattern(type: string): void {
  if (isPattern(type)) {
    throw misuse(`the pattern "${type}" stands where an event type must stand\nPatterns are for subscribe and events.`)
  }
}
