import { functionOption, invalidArgument } from '@tidings/core/tools'
import { leftOut } from '../wrapping/calls.ts'
import { decorator } from '../wrapping/decorator.ts'
import type { AnyHandler, Change, EventOf, HandlerDecorator, Kept, MaybeResult } from '../wrapping/types.ts'

/** The handler takes `Event` and is called with those that are `Narrow`, and left out otherwise. */
export interface Filtered<Event, Narrow extends Event> extends Change {
  readonly accepts: (event: Narrow, ...rest: never[]) => unknown
  readonly check: [Narrow] extends [EventOf<this['handler']>]
    ? unknown
    : 'the handler does not take the events that the predicate lets through'
  readonly wrapped: FilteredHandler<this['handler'], Event> & Kept<this['handler']>
  readonly method: FilteredMethod<this['handler'], Event>
}

/**
 * Calls the handler for the events that the predicate accepts. For others the result is `undefined`, or a promise of
 * it where the handler is an `async` function. Sync handlers stay sync; a predicate that throws fails the call.
 *
 * A type guard narrows what the handler is given: the wrapper takes the wider type. (Around functions only: above a
 * method TypeScript keeps the method's own type.)
 *
 * @example
 * const large = filtered((order: Order) => order.quantity > 100)
 * dispatcher.subscribe(OrderPlaced, large(inspect))
 */
export function filtered<Event, Narrow extends Event>(
  predicate: (event: Event, ...rest: unknown[]) => event is Narrow,
): HandlerDecorator<Filtered<Event, Narrow>>
export function filtered<Event>(
  predicate: (event: Event, ...rest: unknown[]) => boolean,
): HandlerDecorator<Filtered<Event, Event>>
export function filtered<Event>(
  predicate: (event: Event, ...rest: unknown[]) => boolean,
): HandlerDecorator<Filtered<Event, Event>> {
  functionOption(predicate, 'predicate')
  return decorator({
    name: 'filtered',
    async: false,
    stateless: true,
    policy: (next, { async, name }) => ({
      call(self, args) {
        const verdict: unknown = predicate(...(args as [Event, ...unknown[]]))
        // A promise is truthy, so that an async predicate would let everything through.
        if (verdict instanceof Promise) {
          verdict.catch(() => {})
          const fix = 'Test inside the handler what needs to be awaited.'
          throw invalidArgument(`predicate of filtered(…) of handler ${name}`, 'synchronous', verdict, fix)
        }
        return verdict ? next(self, args) : leftOut(async)
      },
    }),
  })
}

type FilteredHandler<F, Event> = F extends AnyHandler
  ? (
      this: ThisParameterType<F>,
      ...args: WithEvent<Parameters<F>, Event>
    ) => ReturnType<F> | MaybeResult<ReturnType<F>> | undefined
  : never

type FilteredMethod<F, Event> = F extends AnyHandler
  ? (this: ThisParameterType<F>, ...args: WithEvent<Parameters<F>, Event>) => MaybeResult<ReturnType<F>>
  : never

type WithEvent<Args extends readonly unknown[], Event> = Args extends readonly [unknown?, ...infer Rest]
  ? [event: Event, ...Rest]
  : [event: Event]
