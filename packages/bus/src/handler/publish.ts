import type { DefinedEvent, EventOf, InputOf, StandardSchema, TidingsEvent } from '@tidings/events'
import type { PublishOptions } from './publish-options.ts'

/**
 * `publish` of a bus and of a handler's context: `(definition, input, options?)`, which creates the event, or
 * `(event, options?)` of an event made before.
 *
 * It has one signature for both. Of two, the compiler would say that none matches and speak of the last one; of one, it
 * tells a wrong argument where it stands, in one line. What the first argument is, is read off a property: `Id` is
 * inferred from the id of an event, `Index` from the index of a definition, and each is `never` where there is none. The
 * type of the argument itself cannot be asked: in a generic function it is not known yet.
 */
export type Publish = <
  Type extends string,
  Schema extends StandardSchema,
  Event extends TidingsEvent,
  Id = never,
  Index = never,
>(
  what: DefinitionOrEvent<Type, Schema, Event, Id, Index>,
  ...rest: InputAndOptions<Schema, Id, Index>
) => Promise<[Index] extends [never] ? Event : EventOf<DefinedEvent<Type, Schema>>>

type DefinitionOrEvent<Type extends string, Schema extends StandardSchema, Event, Id, Index> = [Id] extends [never]
  ? DefinedEvent<Type, Schema>
  : [Id] extends [0]
    ? { readonly id?: Id; readonly index?: Index } // never the answer: it is there to infer from
    : Event

type InputAndOptions<Schema extends StandardSchema, Id, Index> = [Id] extends [never]
  ? [Index] extends [never]
    ? [input?: unknown, options?: PublishOptions]
    : [input: InputOf<Schema>, options?: PublishOptions]
  : [options?: PublishOptions]
