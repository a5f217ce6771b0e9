import type { TidingsEvent } from '@tidings/events'
import type { HandlerContext } from '../handler/context.ts'

/** A handler function of the bus, as {@link handler} takes it and integration patterns take and give it. */
export type EventHandler<Event extends TidingsEvent> = (event: Event, context: HandlerContext) => unknown

/** What an integration pattern makes: a handler function that ends when all of its work has. */
export type AsyncEventHandler<Event extends TidingsEvent> = (event: Event, context: HandlerContext) => Promise<void>

/** Gives an integration pattern the name of the function that it decorates, by which `handler` names the group. */
export function named<F extends (...args: never[]) => unknown>(of: { readonly name: string }, made: F): F {
  return Object.defineProperty(made, 'name', { value: of.name, configurable: true })
}
