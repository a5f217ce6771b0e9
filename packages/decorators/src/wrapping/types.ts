/** Any function. */
export type AnyHandler = (...args: never[]) => unknown

/** What a bus hands to handlers as their second argument, as far as decorators care. */
export interface SignalContext {
  /** Aborts when the handler is to stop: on a timeout, or because its caller gave up. */
  readonly signal: AbortSignal
}

/** A wrapper that may have calls waiting. */
export interface Cancellable {
  /** Gives up what waits; calls that run go on. The wrapper stays usable. */
  readonly cancel: () => void
  /** As `cancel()`. */
  readonly [Symbol.dispose]: () => void
}

/** A wrapper that holds calls back for a time. */
export interface Flushable extends Cancellable {
  /** Starts now, in order, what is held back. Resolves when all of it has settled; never rejects. */
  readonly flush: () => Promise<void>
}

/**
 * How a decorator changes a handler: `handler` goes in, `wrapped` and `method` come out (the function form and the
 * method form). `check` is `unknown` for a handler that fits, otherwise a sentence for the compiler's message.
 */
export interface Change {
  readonly handler: unknown
  /** What it can stand around; gives the arguments of a function written in place their types. */
  readonly accepts: AnyHandler
  readonly check: unknown
  readonly wrapped: unknown
  readonly method: unknown
}

/** A change applied to a handler's type. */
export type Apply<C extends Change, F> = C & { readonly handler: F }

/** What a decorator needs to know of a method: the context of any class fits. */
export type MethodContext = Pick<ClassMethodDecoratorContext, 'kind' | 'name' | 'static' | 'private'>

declare const change: unique symbol
declare const original: unique symbol

/**
 * A handler decorator: one function that works around a function, `retry()(send)`, and above a method, `@retry()`.
 * Above a method the state is kept per instance, around a function per wrapper.
 */
export interface HandlerDecorator<C extends Change> {
  <F extends C['accepts']>(method: F & Apply<C, F>['check'], context: MethodContext): Apply<C, F>['method']
  <F extends C['accepts']>(handler: F & Apply<C, F>['check']): Apply<C, F>['wrapped']
  readonly [change]?: C
}

/** Any handler decorator of this package, for {@link compose}. */
export interface AnyDecorator {
  (handler: never, context: never): unknown
  readonly [change]?: Change
}

/** The change that a decorator makes. */
export type ChangeOf<D> = typeof change extends keyof D ? Extract<D[typeof change], Change> : never

/** Remembers the type of the innermost function; exists for the compiler only. */
export interface Wraps<Original> {
  readonly [original]?: Original
}

/** The type of what {@link unwrap} returns for a handler. */
export type OriginalOf<F> = typeof original extends keyof F ? Exclude<F[typeof original], undefined> : F

/** A wrapper keeps the controls of what it wraps. */
export type Kept<F> = Wraps<OriginalOf<F>> &
  (F extends Flushable ? Flushable : F extends Cancellable ? Cancellable : unknown)

/** The type of a handler's first argument. */
export type EventOf<F> = F extends (event: infer Event, ...rest: never[]) => unknown ? Event : never

/** The same arguments, a promise of the same result. */
export type Async<F> = F extends AnyHandler
  ? (this: ThisParameterType<F>, ...args: Parameters<F>) => Promise<Awaited<ReturnType<F>>>
  : never

/** As {@link Async}, and `undefined` where the handler was not called. */
export type AsyncMaybe<F> = F extends AnyHandler
  ? (this: ThisParameterType<F>, ...args: Parameters<F>) => Promise<Awaited<ReturnType<F>> | undefined>
  : never

/** The result of a handler that may be left out: always a promise where an `async` one is. */
export type MaybeResult<Result> =
  Result extends PromiseLike<infer Value> ? Promise<Value | undefined> : Result | undefined

/** The same arguments, and `undefined` where the handler was not called. */
export type Maybe<F> = F extends AnyHandler
  ? (this: ThisParameterType<F>, ...args: Parameters<F>) => ReturnType<F> | MaybeResult<ReturnType<F>> | undefined
  : never

/** {@link Maybe} above a method, which must stay what the class says. */
export type MaybeMethod<F> = F extends AnyHandler
  ? (this: ThisParameterType<F>, ...args: Parameters<F>) => MaybeResult<ReturnType<F>>
  : never
