import { functionOption, invalidArgument } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'
import { PermanentError } from '../errors.ts'
import { admits } from './admission.ts'
import type { AsyncEventHandler, EventHandler } from './event-handler.ts'

/** One way of a {@link router}. */
export interface Route<Event extends TidingsEvent> {
  readonly when: (event: Event) => boolean
  /** A handler function: your own, or another integration pattern, such as {@link translator} to publish another event. */
  readonly to: EventHandler<Event>
}

/**
 * **Content-Based Router**: hands each event to one handler function, chosen by what is in it. Either the first route
 * whose `when` accepts the event, in the order of the list; or the destination that a function names.
 *
 * An event that has no route goes to `otherwise`. Without one it fails with a `PermanentError`, so that it stands among
 * the dead letters with its reason: to leave such events out, say so with `otherwise: () => {}`.
 *
 * The order of choice is the routes'; everything else, retries included, is the handler's own policy: an event that is
 * tried again is routed again.
 *
 * @example
 * handler(OrderPlaced, { group: 'shipping' }, router([
 *   { when: (event) => event.data.quantity > 100, to: translator(FreightOrdered, ({ data }) => ({ orderId: data.orderId })) },
 *   { when: (event) => event.data.country === 'CH', to: shipAtHome },
 * ], shipAbroad))
 *
 * @example
 * router((event: PaymentMade) => event.data.method, { card: settleCard, invoice: sendInvoice })
 *
 * @throws TidingsError `INVALID_ARGUMENT` for routes that are none
 */
export function router<Event extends TidingsEvent>(
  routes: readonly Route<Event>[],
  otherwise?: EventHandler<Event>,
): AsyncEventHandler<Event>
export function router<Event extends TidingsEvent, Name extends string>(
  choose: (event: Event) => Name | undefined,
  destinations: { readonly [Each in Name]: EventHandler<Event> },
  otherwise?: EventHandler<Event>,
): AsyncEventHandler<Event>
export function router<Event extends TidingsEvent>(
  routes: readonly Route<Event>[] | ((event: Event) => string | undefined),
  second?: EventHandler<Event> | Readonly<Record<string, EventHandler<Event>>>,
  third?: EventHandler<Event>,
): AsyncEventHandler<Event> {
  if (typeof routes !== 'function') {
    const otherwise = second as EventHandler<Event> | undefined
    return routed(byPredicate(checkedRoutes(routes)), otherwise)
  }
  return routed(byName(routes, checkedDestinations(second)), third)
}

/**
 * A route whose type predicate narrows what its handler is given.
 *
 * @example
 * router([route(isGift, (event) => wrap(event.data.ribbon))], pack)
 */
export function route<Event extends TidingsEvent, Narrow extends Event>(
  when: (event: Event) => event is Narrow,
  to: EventHandler<Narrow>,
): Route<Event> {
  functionOption(when, 'when')
  // The router calls `to` only behind `when`.
  return { when, to: (event, context) => to(event as Narrow, context) }
}

function routed<Event extends TidingsEvent>(
  find: (event: Event) => { readonly to: EventHandler<Event> | undefined; readonly refusal: string },
  otherwise: EventHandler<Event> | undefined,
): AsyncEventHandler<Event> {
  if (otherwise !== undefined) functionOption(otherwise, 'otherwise')
  return async (event, context) => {
    const { to = otherwise, refusal } = find(event)
    if (to === undefined) {
      throw new PermanentError(
        `no route for the event "${event.type}" ${event.id}: ${refusal}\nAdd a route for it, or an \`otherwise\`.`,
      )
    }
    await to(event, context)
  }
}

function byPredicate<Event extends TidingsEvent>(routes: readonly Route<Event>[]): Parameters<typeof routed<Event>>[0] {
  const refusal = `none of ${routes.length} accepts it`
  return (event) => ({ to: routes.find(({ when }) => admits(when, event, '`when` of a route'))?.to, refusal })
}

function byName<Event extends TidingsEvent>(
  choose: (event: Event) => string | undefined,
  destinations: Readonly<Record<string, EventHandler<Event>>>,
): Parameters<typeof routed<Event>>[0] {
  return (event) => {
    const name = choose(event)
    const known = name !== undefined && Object.hasOwn(destinations, name)
    return { to: known ? destinations[name] : undefined, refusal: 'its destination is not in the list' }
  }
}

function checkedRoutes<Event extends TidingsEvent>(routes: readonly Route<Event>[]): readonly Route<Event>[] {
  if (!Array.isArray(routes) || routes.length === 0) {
    throw invalidArgument('routes', 'a list of routes', routes, 'Give one at least: [{ when, to }].')
  }
  return routes.map((each: Route<Event>, index) => {
    const { when, to } = Object(each) as Route<Event>
    functionOption(when, `routes[${index}].when`)
    functionOption(to, `routes[${index}].to`)
    return { when, to }
  })
}

function checkedDestinations<Event extends TidingsEvent>(
  destinations: unknown,
): Readonly<Record<string, EventHandler<Event>>> {
  const entries = Object.entries(Object(destinations) as Record<string, EventHandler<Event>>)
  if (typeof destinations !== 'object' || entries.length === 0) {
    throw invalidArgument('destinations', 'an object of handlers by name', destinations, 'Give one at least.')
  }
  for (const [name, to] of entries) functionOption(to, `destinations.${name}`)
  return Object.fromEntries(entries)
}
