import type { EventDefinition } from './definition.ts'
import { resume } from './delivery.ts'
import { specialise } from './fast-path.ts'
import { Guard } from './guard.ts'
import type { TopicHandle } from './handle.ts'
import type { Handler, Key, Known, MatchingType, Payload, Publishable, TypeOf } from './keys.ts'
import type { DispatcherOptions, SubscribeOptions } from './options.ts'
import type { NamedEvent, PayloadArguments, Subject } from './publish-arguments.ts'
import type { Subscription } from './subscription.ts'
import type { Topic } from './topic.ts'
import { Topics, typeOf } from './topics.ts'

/**
 * Calls handlers at once, in the publisher's stack, and isolates their errors from it and from one another.
 *
 * Handlers run by priority, then in the order of subscription. Those added during a publish are called from the next
 * one on; those removed are not called any more.
 *
 * @typeParam Events - event types and their payloads; leave it out to use event definitions alone
 *
 * @example
 * const dispatcher = new EventDispatcher<{ 'order.placed': { item: string } }>()
 * dispatcher.subscribe('order.placed', (order) => console.log(order.item))
 * dispatcher.publish('order.placed', { item: 'Book' }) // 1, the handlers called
 */
export class EventDispatcher<Events extends object = Record<string, unknown>> implements Disposable {
  readonly #topics: Topics
  readonly #bound: readonly (Topic | undefined)[]

  constructor(options: DispatcherOptions = {}) {
    this.#topics = new Topics(new Guard(options), deliver)
    this.#bound = this.#topics.bound
  }

  /**
   * Calls the handlers of an event and returns their number; 0 when there are none or the event is shed.
   *
   * Takes an event type with its payload, a definition with what it makes an event of, or an event that exists already,
   * whose `type` says which handlers get it. A definition that validates creates the event first: what its `create`
   * throws reaches the publisher, and nobody is called. Throws `EventStormError` beyond `maxDepth`, `DispatcherClosedError` after `close`, and an `AggregateError`
   * with `errors: 'throw'`.
   */
  publish<const Named extends NamedEvent, K extends TypeOf<Events>, Text = never, Create = never>(
    key: Subject<Events, K, Named, Text, Create>,
    ...rest: PayloadArguments<Events, K, Named, Text, Create>
  ): number
  publish(given: unknown, input?: unknown, options?: unknown): number {
    // What the signatures let through; anything else is refused by `typeOf`.
    const key = given as string | EventDefinition
    if (typeof key === 'string') {
      const topic = this.#topics.byType.get(key)
      return topic === undefined ? this.#publish(key, input, options, 2) : topic.publishPlain(input)
    }
    // A definition that this dispatcher has seen before, and that only names its type.
    const bound = this.#bound[(key as EventDefinition | null)?.index as number]
    if (bound !== undefined && bound.definition === key && input !== undefined) return bound.publishPlain(input)
    return this.#publish(key, input, options, arguments.length)
  }

  /**
   * Has a handler called with the events of a key: an event type, a pattern, or a definition.
   * In a pattern `*` stands for one dot-separated token, `**` for any number.
   */
  subscribe<K extends TypeOf<Events>>(
    key: Publishable<Events, K>,
    handler: Handler<Events[K], K>,
    options?: SubscribeOptions,
  ): Subscription
  subscribe<K extends Key<Events>>(
    key: Known<Events, K>,
    handler: Handler<Payload<Events, K>, MatchingType<Events, K>>,
    options?: SubscribeOptions,
  ): Subscription
  subscribe(key: string | EventDefinition, handler: Handler<never, never>, options?: SubscribeOptions): Subscription {
    return this.#topics.subscribe(key, handler as Handler, options)
  }

  /**
   * A handle of one event type, always the same one: the fastest way to publish.
   * It is kept for the life of the dispatcher, so take one for each type, not for each entity.
   */
  topic<K extends TypeOf<Events> | EventDefinition>(key: K): TopicHandle<Events, K, number> {
    return this.#topics.handle(key, (input, options) => this.#publish(key, input, options, 2))
  }

  /** The active subscriptions that an event of this type would reach, in the order of calls. */
  handlers(key: TypeOf<Events> | EventDefinition): readonly Subscription[] {
    return this.#topics.handlers(key)
  }

  /** The keys that somebody is subscribed to, patterns included. */
  types(): string[] {
    return this.#topics.keys()
  }

  /** Active subscriptions. */
  get size(): number {
    return this.#topics.all().length
  }

  /** Events dropped by the storm breaker. */
  get shed(): number {
    return this.#topics.guard.shed
  }

  /** Ends every subscription and refuses further work. A publish under way calls nobody else. Idempotent. */
  close(): void {
    this.#topics.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #publish(key: string | EventDefinition, input: unknown, options: unknown, given: number): number {
    const topics = this.#topics
    const type = typeOf(key)
    const payload = topics.payload(key, input, options, given)
    const topic = topics.find(given > 1 ? key : type)
    if (topic) return topic.publish(payload) as number
    topics.unheard(type, payload)
    return 0
  }
}

/** The careful `publish` of a topic: what every event takes that the fast path leaves. */
function deliver(this: Topic, payload: unknown): number {
  const { guard } = this
  const entries = this.plan()
  const open = guard.depth < guard.open
  if (open && this.calls) {
    // From the second publish on: subscriptions that come and go would pay for a function each time.
    if (++this.quiet === 2) this.publish = specialise(this, this.calls)
    return this.publishPlain(payload)
  }
  if (!open && !guard.admit(this, payload)) return 0
  if (entries.length === 0) {
    guard.unhandled(this.key, payload)
    return 0
  }
  guard.depth++
  return resume(this, entries, 0, payload)
}
