import type { HandlerOptions } from '@tidings/bus'
import type { HandlerDecorator, Logged, Unsubscriber } from '@tidings/decorators'
import type {
  AnyDefinedEvent,
  causedBy,
  DefinedEvent,
  EventOf,
  InputOf,
  StandardSchema,
  TidingsEvent,
} from '@tidings/events'

/** What every module is given: the events, and somebody who tells people what it does. No other module. */
export interface Surroundings {
  readonly events: Events
  readonly narrator: Narrator
}

/** What modules need of whoever carries their events: a dispatcher (`onDispatcher`) or a bus (`onBus`). */
export interface Events {
  /** From within a handler, with `causedBy(event)`. */
  publish<Type extends string, Schema extends StandardSchema>(
    definition: DefinedEvent<Type, Schema>,
    input: InputOf<Schema>,
    options?: ReturnType<typeof causedBy>,
  ): Promise<unknown>
  subscribe<const Definition extends AnyDefinedEvent>(
    definition: Definition,
    handle: (event: EventOf<Definition>, type: string) => unknown,
    delivery?: Delivery,
  ): Unsubscriber
  subscribe(pattern: string, handle: (event: TidingsEvent, type: string) => unknown, delivery?: Delivery): Unsubscriber
}

/**
 * How a handler is delivered to. Its events wait under the name of the group: one for all handlers of a module, so that
 * what happens to an order reaches it in order. By default each function is a group of its own.
 */
export type Delivery = Pick<HandlerOptions, 'group' | 'ordering' | 'timeout' | 'retry' | 'idempotent' | 'deadLetter'>

/** Tells people what the handlers do. */
export interface Narrator {
  /** A decorator that tells what a handler of the module returns, or that it returned nothing, or failed. */
  told(module: string): HandlerDecorator<Logged>
  /** A remark on what has just been told. */
  note(line: string): void
}
