import type { Argument, CreateOptionsOf, Input, Payload, Publishable, TypeOf } from './keys.ts'

// One signature of `publish` takes event types, definitions and events: of several, the compiler would say that none
// matches and speak of the last one; of one, it tells a wrong argument where it stands, in one line.
//
// What the first argument is, is read off a property: `Text` is inferred from a method that texts have, `Create` from
// the `create` of definitions, and each is `never` where there is none. The type of the argument itself cannot be
// asked: in a generic function it is not known yet, and the answer would wait for it.

/** The first argument of `publish`: an event type, a definition, or an event. */
export type Subject<Events, K, Named extends NamedEvent, Text, Create> = [Text] extends [never]
  ? [Create] extends [never]
    ? KeptEvent<Events, Named['type'], Named>
    : KeptDefinition<Events, Named>
  : [Text] extends [0]
    ? Marks<Text, Create> // never the answer: it is there to infer from
    : Publishable<Events, K>

/** What follows the {@link Subject}: the payload of a type, what a definition wants; nothing where it is the event. */
export type PayloadArguments<Events, K extends keyof Events, Named extends NamedEvent, Text, Create> = [Text] extends [
  never,
]
  ? [Create] extends [never]
    ? PlainArguments<Events, Named['type']>
    : [input: Input<Events, Named>, options?: CreateOptionsOf<Named>]
  : Argument<Events[K]>

/** What names its event type: an event, or a definition. */
export interface NamedEvent {
  readonly type: string
}

interface Marks<Text, Create> {
  readonly charAt?: Text
  readonly create?: Create
}

/** An event that is what the map says of its type; otherwise what it must be. */
type KeptEvent<Events, Type, Event> = string extends keyof Events
  ? Event
  : Type extends TypeOf<Events>
    ? Event extends Events[Type]
      ? Event
      : Events[Type] & { readonly type: Type }
    : Event

/** A definition that makes what the map says of its type; otherwise a sentence. */
type KeptDefinition<Events, Definition extends NamedEvent> = string extends keyof Events
  ? Definition
  : Definition extends unknown
    ? KeptBy<Events, Definition['type'], Definition>
    : never

type KeptBy<Events, Type, Definition> =
  Type extends TypeOf<Events>
    ? Payload<Events, Definition> extends Events[Type]
      ? Definition
      : `the event map has another payload for ${Type}`
    : Definition

/** After an object without `create`: nothing where it must be the event, since the map knows its type. */
type PlainArguments<Events, Type> = string extends keyof Events
  ? [payload?: unknown, options?: unknown]
  : Type extends keyof Events
    ? []
    : [payload?: unknown, options?: unknown]
