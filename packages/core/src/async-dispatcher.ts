import { AsyncDelivery } from './async-delivery.ts'
import type { EventDefinition } from './definition.ts'
import { EventStream, type StreamOptions } from './event-stream.ts'
import { Guard } from './guard.ts'
import type { TopicHandle } from './handle.ts'
import type { Handler, Key, Known, MatchingType, Payload, Publishable, TypeOf } from './keys.ts'
import { counted } from './lean-delivery.ts'
import type { AsyncDispatcherOptions, SubscribeOptions } from './options.ts'
import type { NamedEvent, PayloadArguments, Subject } from './publish-arguments.ts'
import type { Subscription } from './subscription.ts'
import { Topics, typeOf } from './topics.ts'

/**
 * Starts handlers at once, up to their first `await`, and tells by a promise when all have settled. The publisher may
 * await it or go on: a rejection is never left unhandled.
 *
 * @typeParam Events - event types and their payloads; leave it out to use event definitions alone
 *
 * @example
 * await using dispatcher = new AsyncEventDispatcher<{ 'order.placed': { item: string } }>({ concurrency: 8 })
 * dispatcher.subscribe('order.placed', async (order) => mail(order.item))
 * await dispatcher.publish('order.placed', { item: 'Book' }) // 1, once the mail is sent
 */
export class AsyncEventDispatcher<Events extends object = Record<string, unknown>> implements AsyncDisposable {
  readonly #topics: Topics
  readonly #delivery: AsyncDelivery

  constructor(options: AsyncDispatcherOptions = {}) {
    const guard = new Guard(options, ['mode', 'concurrency', 'maxPending', 'overflow'])
    const delivery = new AsyncDelivery(guard, options)
    this.#delivery = delivery
    this.#topics = new Topics(guard, function (payload) {
      return delivery.publish(this, payload)
    })
  }

  /**
   * Starts the handlers of an event; resolves, once all have settled, to the number called: 0 when there are none or
   * the event is shed. Takes an event type with its payload, a definition with what it makes an event of, or an event
   * that exists already, whose `type` says which handlers get it. Rejects (and tells `onError`, so that nothing is lost when nobody awaits) when the event is
   * refused: by its definition's `create`, beyond `maxDepth` or `maxPending`, after `close`. With `errors: 'throw'` it
   * rejects with an `AggregateError`.
   */
  publish<const Named extends NamedEvent, K extends TypeOf<Events>, Text = never, Create = never>(
    key: Subject<Events, K, Named, Text, Create>,
    ...rest: PayloadArguments<Events, K, Named, Text, Create>
  ): Promise<number>
  publish(given: unknown, input?: unknown, options?: unknown): Promise<number> {
    // What the signatures let through; anything else is refused by `typeOf`.
    return this.#publish(given as string | EventDefinition, input, options, arguments.length)
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
  topic<K extends TypeOf<Events> | EventDefinition>(key: K): TopicHandle<Events, K, Promise<number>> {
    return this.#topics.handle(key, (input, options) => this.#publish(key, input, options, 2))
  }

  /** The events of a key as an async iterator, buffered from this call on. */
  events<K extends Key<Events>>(key: Known<Events, K>, options?: StreamOptions): EventStream<Payload<Events, K>> {
    return new EventStream((handler, more) => this.#topics.subscribe(key, handler as Handler, more), options)
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

  /** Handler calls that wait for a slot. */
  get pending(): number {
    return this.#delivery.waiting
  }

  /** Resolves once fewer than `maxPending` handler calls wait: backpressure for those who do not await `publish`. */
  ready(): Promise<void> {
    return this.#delivery.ready()
  }

  /** Resolves once everything in flight has settled, what it publishes meanwhile included. */
  drain(): Promise<void> {
    return this.#delivery.drain()
  }

  /** Refuses further work, drains, and ends every subscription and iterator. Idempotent. */
  async close(): Promise<void> {
    this.#topics.guard.close()
    await this.#delivery.drain()
    this.#topics.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #publish(key: string | EventDefinition, input: unknown, options: unknown, given: number): Promise<number> {
    const topics = this.#topics
    let type = ''
    try {
      type = typeOf(key)
      const payload = topics.payload(key, input, options, given)
      const topic = topics.find(type)
      if (topic) return topic.publish(payload) as Promise<number>
      topics.unheard(type, payload)
      return counted(0)
    } catch (error) {
      return this.#delivery.refused(error, type, input)
    }
  }
}
