import { invalidArgument } from '@tidings/core/tools'
import { branded, isDecorator } from './decorator.ts'
import type { AnyDecorator, AnyHandler, Apply, Change, ChangeOf, HandlerDecorator, MethodContext } from './types.ts'

/** What the decorators of a list do, one after the other. */
export interface Composed<Decorators> extends Change {
  readonly accepts: Decorators extends readonly [...unknown[], infer Inner] ? ChangeOf<Inner>['accepts'] : AnyHandler
  readonly check: CheckAll<Decorators, this['handler']>
  readonly wrapped: WrapAll<Decorators, this['handler']>
  readonly method: MethodAll<Decorators, this['handler']>
}

/**
 * One decorator out of several, in the order in which decorators are read above a method: the first is the outermost.
 * `compose(a, b)(f)` is `a(b(f))`, and `@compose(a, b)` is `@a @b`. Works around functions and above methods.
 *
 * @example
 * const careful = compose(logged(), retry({ attempts: 3 }), timeout('5s'))   // logged once, timed for each attempt
 * dispatcher.subscribe(OrderPlaced, careful(reserve))
 *
 * @throws `INVALID_ARGUMENT` for anything that is not a handler decorator of this package
 */
export function compose<const Decorators extends readonly AnyDecorator[]>(
  ...decorators: Decorators
): HandlerDecorator<Composed<Decorators>> {
  decorators.forEach((each, index) => {
    if (isDecorator(each)) return
    const fix = 'Call the factory: compose(logged(), retry()). Apply functions of your own around the result.'
    throw invalidArgument(`argument ${index + 1} of compose(…)`, 'a handler decorator', each, fix)
  })
  const decorate = (handler: AnyHandler, context?: MethodContext): unknown =>
    decorators.reduceRight<unknown>(
      (inner, each) =>
        (each as (...args: unknown[]) => unknown)(...(context === undefined ? [inner] : [inner, context])),
      handler,
    )
  return branded(decorate as HandlerDecorator<Composed<Decorators>>)
}

type Split<Decorators, F, Of extends 'wrapped' | 'method'> = Decorators extends readonly [...infer Outer, infer Inner]
  ? [Outer, Apply<ChangeOf<Inner>, F>[Of]]
  : never

type WrapAll<Decorators, F> = Decorators extends readonly []
  ? F
  : Split<Decorators, F, 'wrapped'> extends [infer Outer, infer Wrapped]
    ? WrapAll<Outer, Wrapped>
    : never

type MethodAll<Decorators, F> = Decorators extends readonly []
  ? F
  : Split<Decorators, F, 'method'> extends [infer Outer, infer Method]
    ? MethodAll<Outer, Method>
    : never

type CheckAll<Decorators, F> = Decorators extends readonly []
  ? unknown
  : Decorators extends readonly [...infer Outer, infer Inner]
    ? Apply<ChangeOf<Inner>, F>['check'] & CheckAll<Outer, Apply<ChangeOf<Inner>, F>['wrapped']>
    : never
