import type { EventDefinition } from './definition.ts'
import type { Argument, CreateOptionsOf, Handler, Input, MatchingType, Payload } from './keys.ts'
import type { SubscribeOptions } from './options.ts'
import type { Subscription } from './subscription.ts'

/** One event type of a dispatcher. `Result` is what its `publish` returns. */
export interface TopicHandle<Events, K, Result> {
  /** The event type. */
  readonly key: string
  /** As the dispatcher's `publish` with this key. It may be taken off the handle, at the cost of the fast path. */
  publish(
    ...input: K extends EventDefinition
      ? [input: Input<Events, K>, options?: CreateOptionsOf<K>]
      : Argument<Payload<Events, K>>
  ): Result
  /** As the dispatcher's `subscribe` with this key. */
  subscribe(handler: Handler<Payload<Events, K>, MatchingType<Events, K>>, options?: SubscribeOptions): Subscription
}
