import type { EventDefinition } from './definition.ts'

/** What is called with each event: the payload, then the event type. A promise that it returns is watched. */
export type Handler<Payload = unknown, Type extends string = string> = (payload: Payload, type: Type) => unknown

/** The types of an event map, without its patterns. */
export type TypeOf<Events> = Exclude<Extract<keyof Events, string>, `${string}*${string}`>

/** What `subscribe` takes: an event type of the map, a pattern, or an event definition. */
export type Key<Events> = TypeOf<Events> | `${string}*${string}` | EventDefinition

/** The types of the map that a key stands for: those that match when it is a pattern. */
export type MatchingType<Events, K> = K extends string
  ? K extends `${string}*${string}`
    ? string extends keyof Events
      ? string
      : { [T in TypeOf<Events>]: Matches<Tokens<T>, Tokens<K>> extends true ? T : never }[TypeOf<Events>]
    : K
  : K extends EventDefinition<infer Type, infer _Payload, infer _Input, infer _Options>
    ? Type
    : never

/** What the handlers of a key receive. */
export type Payload<Events, K> = K extends string
  ? MatchingType<Events, K> extends infer Type extends keyof Events
    ? Events[Type]
    : unknown
  : K extends { readonly type: infer Type; create?(input: never): infer Made }
    ? unknown extends Made
      ? Type extends keyof Events
        ? Events[Type]
        : Made
      : Made
    : never

/** What a publisher hands over with a definition. */
export type Input<Events, K> = K extends { readonly type: infer Type; create?(input: infer Given): unknown }
  ? unknown extends Given
    ? Type extends keyof Events
      ? Events[Type]
      : Given
    : Given
  : never

/** What the `create` of a definition takes after the input. */
export type CreateOptionsOf<K> = K extends { create?(input: never, options?: infer Options): unknown } ? Options : never

/** A key that can match something: otherwise a sentence, so that the compiler's message says what is wrong. */
export type Known<Events, K> = K extends `${string}*${string}`
  ? [MatchingType<Events, K>] extends [never]
    ? `no event type matches ${K}`
    : K
  : K

/** An event type to publish: without an event map, a pattern becomes a sentence. With one, patterns are no types. */
export type Publishable<Events, K> = string extends keyof Events
  ? K extends `${string}*${string}`
    ? `${K} is a pattern, publish to an event type`
    : K
  : K

/** The payload argument: optional where `undefined` is a payload. */
export type Argument<P> = undefined extends P ? [payload?: P] : [payload: P]

type Tokens<S extends string> = S extends `${infer Head}.${infer Rest}` ? [Head, ...Tokens<Rest>] : [S]

type Matches<Type extends string[], Pattern extends string[]> = Pattern extends [
  infer Head,
  ...infer Rest extends string[],
]
  ? Head extends '**'
    ? Matches<Type, Rest> extends true
      ? true
      : Type extends [string, ...infer Tail extends string[]]
        ? Matches<Tail, Pattern>
        : false
    : Type extends [infer Token, ...infer Tail extends string[]]
      ? Token extends Head
        ? Matches<Tail, Rest>
        : Head extends '*'
          ? Matches<Tail, Rest>
          : false
      : false
  : Type extends []
    ? true
    : false
