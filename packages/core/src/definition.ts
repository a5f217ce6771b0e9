/**
 * An event definition: the value that names an event type and, where it validates, makes its events.
 * Any object of this shape serves as a key; `defineEvent` of `@tidings/events` makes the full kind.
 *
 * @typeParam Type - the literal event type
 * @typeParam Payload - what handlers receive: the event that `create` returns or, without `create`, what is published
 * @typeParam Input - what a publisher hands over
 * @typeParam Options - the second argument of `create`
 */
export interface EventDefinition<Type extends string = string, Payload = unknown, Input = Payload, Options = unknown> {
  readonly type: Type
  /** From {@link nextDefinitionIndex}: lets a dispatcher find the topic by array index instead of by string. */
  readonly index?: number
  /** Validates `input` and returns the event; throws what the publisher is to see. */
  create?(input: Input, options?: Options): Payload
}

/** The payload that handlers of a definition receive. */
export type PayloadOf<Definition> =
  Definition extends EventDefinition<string, infer Payload, infer _Input, infer _Options> ? Payload : never

let count = 0

/** A number that no other definition of this process has, for authors of definition factories. */
export function nextDefinitionIndex(): number {
  return count++
}

/**
 * A typed key without validation, for those who want neither an event map nor a schema.
 *
 * @example
 * const OrderPlaced = eventType<{ item: string }>()('order.placed')
 * dispatcher.subscribe(OrderPlaced, (order) => reserve(order.item))
 */
export function eventType<Payload>(): <Type extends string>(type: Type) => EventDefinition<Type, Payload> {
  return (type) => ({ type, index: nextDefinitionIndex() })
}
