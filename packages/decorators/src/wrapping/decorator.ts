import { invalidArgument } from '@tidings/core/tools'
import { DecoratorMisusedError } from '../errors.ts'
import { controls, hold, methodKey, methodName, type Waiting } from './pending.ts'
import type { AnyHandler, Change, HandlerDecorator, MethodContext, OriginalOf } from './types.ts'

/** Calls what is wrapped. */
export type Next = (self: unknown, args: readonly unknown[]) => unknown

/** What one decorator does for one wrapped function, or for one instance of a class. */
interface Policy extends Waiting {
  call(self: unknown, args: readonly unknown[]): unknown
}

/** What is wrapped, as a policy sees it. */
interface Target {
  /** For logs and errors; `anonymous` where the function has no name. */
  readonly name: string
  /** The number of arguments that it declares. */
  readonly length: number
  /** Whether it is known to return a promise: written as `async`, or made so by a decorator. */
  readonly async: boolean
}

export interface Recipe {
  /** The decorator's name, for errors. */
  readonly name: string
  /** Whether wrappers always return a promise. */
  readonly async: boolean
  /** Whether the policy keeps nothing between calls, so that instances can share it. */
  readonly stateless?: boolean
  policy(next: Next, target: Target): Policy
}

interface Layer {
  readonly inner: AnyHandler
  readonly async: boolean
  readonly waiting: readonly Waiting[]
}

const layers = new WeakMap<AnyHandler, Layer>()
const decorators = new WeakSet<object>()

/** Makes a handler decorator out of a policy. */
export function decorator<C extends Change>(recipe: Recipe): HandlerDecorator<C> {
  const decorate = (handler: AnyHandler, context?: unknown): AnyHandler => {
    if (context === undefined) return wrapFunction(recipe, checked(recipe.name, handler))
    return wrapMethod(recipe, handler, methodContext(recipe.name, context))
  }
  return branded(decorate as HandlerDecorator<C>)
}

/** Marks a function as a handler decorator, so that `compose` takes it. */
export function branded<D extends object>(decorate: D): D {
  decorators.add(decorate)
  return decorate
}

export function isDecorator(value: unknown): boolean {
  return typeof value === 'function' && decorators.has(value)
}

/**
 * The function that decorators of this package were put around, through all layers; the function itself where it is
 * not wrapped.
 *
 * @example
 * const send = retry({ attempts: 3 })(logged()(sendMail))
 * unwrap(send) === sendMail
 */
export function unwrap<F extends AnyHandler>(handler: F): OriginalOf<F> {
  let current: AnyHandler = handler
  for (let layer = layers.get(current); layer; layer = layers.get(current)) current = layer.inner
  return current as OriginalOf<F>
}

/** The context of a standard method decorator, or an error that says what it is instead. */
export function methodContext(name: string, context: unknown): ClassMethodDecoratorContext {
  if (typeof context === 'string' || typeof context === 'symbol') {
    throw new DecoratorMisusedError(
      `@${name} above ${JSON.stringify(String(context))} was called as a legacy decorator\n` +
        'Turn `experimentalDecorators` off: Tidings uses the standard decorators of ECMAScript (TypeScript 5.0 and later). ' +
        `Without them, use the function form: ${name}(…)(handler).`,
    )
  }
  const { kind, name: place } = Object(context) as Partial<ClassMethodDecoratorContext>
  if (kind === 'method') return context as ClassMethodDecoratorContext
  if (kind !== undefined) {
    throw new DecoratorMisusedError(
      `@${name} stands above ${String(kind)} ${JSON.stringify(String(place))}, where only methods can be decorated\n` +
        `Make it a method, or wrap the function in a field: handler = ${name}(…)((event) => { … }).`,
    )
  }
  throw invalidArgument(
    `second argument of ${name}(…)`,
    'left out',
    context,
    `Call it as ${name}(…)(handler), or as a decorator.`,
  )
}

/** Gives a wrapper what `unwrap`, names and controls need. */
export function asWrapperOf(
  handler: AnyHandler,
  wrapper: AnyHandler,
  facts: { name: string; length: number; async: boolean; waiting: readonly Waiting[] },
): AnyHandler {
  Object.defineProperty(wrapper, 'name', { value: facts.name, configurable: true })
  Object.defineProperty(wrapper, 'length', { value: facts.length, configurable: true })
  layers.set(wrapper, { inner: handler, async: facts.async, waiting: facts.waiting })
  if (facts.waiting.length > 0) {
    const { cancel, flush, [Symbol.dispose]: dispose } = controls(() => facts.waiting)
    for (const [key, value] of [
      ['cancel', cancel],
      ['flush', flush],
      [Symbol.dispose, dispose],
    ] as const) {
      Object.defineProperty(wrapper, key, { value, configurable: true, writable: true })
    }
  }
  return wrapper
}

/** The controls of a wrapped function and of what it wraps, the outermost first. */
export function waitingOf(handler: AnyHandler): readonly Waiting[] {
  return layers.get(handler)?.waiting ?? []
}

/** Whether calling it is known to return a promise. */
export function isAsync(handler: AnyHandler): boolean {
  return layers.get(handler)?.async ?? Object.prototype.toString.call(handler) === '[object AsyncFunction]'
}

export function checked(name: string, handler: unknown): AnyHandler {
  if (typeof handler === 'function') return handler as AnyHandler
  throw invalidArgument(
    `${name}(…)`,
    'called with the function to wrap',
    handler,
    `Write ${name}(…)(handler), or @${name}(…) above a method.`,
  )
}

function wrapFunction(recipe: Recipe, handler: AnyHandler): AnyHandler {
  const policy = recipe.policy(callOf(handler), targetOf(handler, handler.name))
  const wrapper = function (this: unknown, ...args: unknown[]): unknown {
    return policy.call(this, args)
  }
  return asWrapperOf(handler, wrapper, {
    name: handler.name,
    length: handler.length,
    async: recipe.async || isAsync(handler),
    waiting: [...(waits(policy) ? [policy] : []), ...waitingOf(handler)],
  })
}

function wrapMethod(recipe: Recipe, handler: AnyHandler, context: MethodContext): AnyHandler {
  const key = methodKey(context)
  const name = methodName(context)
  const make = () => recipe.policy(callOf(handler), targetOf(handler, name))
  const policies = new WeakMap<object, Policy>()
  // Without an instance (a method torn off its object) the calls share one policy.
  let shared: Policy | undefined = recipe.stateless ? make() : undefined

  const policyOf = (self: unknown): Policy => {
    if (recipe.stateless || !isObject(self)) return (shared ??= make())
    let policy = policies.get(self)
    if (policy === undefined) {
      policy = make()
      policies.set(self, policy)
      if (waits(policy)) hold(self, key, policy)
    }
    return policy
  }
  const wrapper = function (this: unknown, ...args: unknown[]): unknown {
    return policyOf(this).call(this, args)
  }
  return asWrapperOf(handler, wrapper, {
    name,
    length: handler.length,
    async: recipe.async || isAsync(handler),
    waiting: [],
  })
}

function callOf(handler: AnyHandler): Next {
  return (self, args) => Reflect.apply(handler, self, args)
}

function targetOf(handler: AnyHandler, name: string): Target {
  return { name: name || 'anonymous', length: handler.length, async: isAsync(handler) }
}

function waits(policy: Policy): boolean {
  return policy.cancel !== undefined || policy.flush !== undefined
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}
