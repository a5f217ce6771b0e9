import type { SubscribeOptions } from '@tidings/core'
import { functionOption, invalidArgument, shown } from '@tidings/core/tools'
import { NoHandlersError } from '../errors.ts'
import { pendingOfMethods } from '../wrapping/pending.ts'
import { entriesOf, type OnEntry, typeOf } from './on.ts'

/** What `subscribe` may return: any way to end a subscription. */
export type Unsubscriber = { unsubscribe(): unknown } | { [Symbol.dispose](): unknown } | (() => unknown)

/**
 * Anything with `subscribe(key, handler, options)`: a dispatcher, a bus, or a thing of yours. The handlers pass on to
 * the methods all arguments that they are called with.
 */
export interface Subscribable {
  subscribe(key: never, handler: never, options: never): Unsubscriber
}

/** The subscriptions of one {@link register}. */
export interface Registration {
  /** How many subscriptions it began with. */
  readonly size: number
  /**
   * Ends all subscriptions. Where it was the last registration of an instance, what the decorators of its handlers have
   * waiting is given up: debounced, throttled and resequenced calls, calls that wait for a `limit`, retries. Idempotent.
   */
  unsubscribe(): void
  /** Starts now what the handlers' decorators hold back. Resolves when all of it has settled; never rejects. */
  flush(): Promise<void>
  [Symbol.dispose](): void
}

interface LooseSubscribable {
  subscribe(key: OnEntry['key'], handler: (...args: unknown[]) => unknown, options: SubscribeOptions): unknown
}

/** How many registrations an instance has, and the handlers that keep weak subscriptions alive as long as it. */
const registered = new WeakMap<object, Set<symbol>>()
const handlers = new WeakMap<object, Set<unknown>>()

/**
 * Subscribes the methods marked by {@link on} of one or several instances, in the order in which they are declared, base
 * classes first. When one subscription is refused, those made before are ended and the error is thrown on.
 *
 * @example
 * using registration = register(dispatcher, new Warehouse(), new Mailer())
 *
 * @throws `NO_HANDLERS` where a class has no method with `@on`; whatever `subscribe` throws
 */
export function register(target: Subscribable, ...instances: readonly [object, ...object[]]): Registration {
  functionOption((Object(target) as Partial<Subscribable>).subscribe, 'subscribe of the first argument of register(…)')
  if (instances.length === 0)
    throw invalidArgument('second argument of register(…)', 'an instance', undefined, 'Pass what is to be registered.')
  for (const instance of instances) checkInstance(instance)

  const id = Symbol('registration')
  const undo: (() => unknown)[] = []
  const end = () => runAll(undo.splice(0).toReversed())
  try {
    for (const instance of instances) {
      for (const entry of entriesOf(instance)) undo.push(subscribe(target, instance, entry))
    }
  } catch (error) {
    const more = end()
    if (more.length === 0) throw error
    throw new AggregateError([error, ...more], 'register failed, and so did the way back', { cause: error })
  }
  for (const instance of instances) registered.set(instance, (registered.get(instance) ?? new Set()).add(id))
  const pending = (instance: object) =>
    pendingOfMethods(
      instance,
      entriesOf(instance).map(({ methodKey }) => methodKey),
    )

  const unsubscribe = () => {
    const errors = end()
    for (const instance of instances) {
      const ids = registered.get(instance)
      if (ids?.delete(id) && ids.size === 0) pending(instance).cancel()
    }
    if (errors.length === 1) throw errors[0]
    if (errors.length > 1) throw new AggregateError(errors, 'several subscriptions could not be ended')
  }
  return {
    size: undo.length,
    unsubscribe,
    async flush() {
      await Promise.all(instances.map(async (instance) => pending(instance).flush()))
    },
    [Symbol.dispose]: unsubscribe,
  }
}

function subscribe(target: LooseSubscribable, instance: object, entry: OnEntry): () => unknown {
  const name = `${classOf(instance)}.${entry.method}`
  const handler = (...args: unknown[]): unknown => entry.call(args)
  Object.defineProperty(handler, 'name', { value: name, configurable: true })
  const kept = handlers.get(instance) ?? new Set()
  handlers.set(instance, kept.add(handler))
  const subscription = target.subscribe(entry.key, handler, { name, ...entry.options })
  const end = endOf(subscription, entry)
  return () => {
    kept.delete(handler)
    return end()
  }
}

function endOf(subscription: unknown, { key }: OnEntry): () => unknown {
  if (typeof subscription === 'function') return () => subscription()
  const { unsubscribe, [Symbol.dispose]: dispose } = Object(subscription) as Partial<Record<string | symbol, unknown>>
  const end = unsubscribe ?? dispose
  if (typeof end === 'function') return () => Reflect.apply(end, subscription, [])
  const fix = 'It must return, and not promise, a function or an object with unsubscribe().'
  throw invalidArgument(`what subscribe(${shown(typeOf(key))}, …) returned`, 'a way to unsubscribe', subscription, fix)
}

function checkInstance(instance: unknown): asserts instance is object {
  if ((typeof instance !== 'object' && typeof instance !== 'function') || instance === null) {
    throw invalidArgument(
      'an argument of register(…)',
      'an instance',
      instance,
      'Pass objects whose class has methods with @on.',
    )
  }
  if (entriesOf(instance).length > 0) return
  const what =
    typeof instance === 'function'
      ? `the class ${instance.name || 'given'} itself`
      : `an instance of ${classOf(instance)}`
  throw new NoHandlersError(
    `register found no method with @on, received ${what}\n` +
      'Mark the handlers with @on(key) and pass an instance: register(dispatcher, new Warehouse()). ' +
      'A proxy around an instance is not the instance.',
  )
}

/** Runs all, and returns what they threw. */
function runAll(steps: readonly (() => unknown)[]): unknown[] {
  const errors: unknown[] = []
  for (const step of steps) {
    try {
      step()
    } catch (error) {
      errors.push(error)
    }
  }
  return errors
}

/** The name of an object's class, for messages. */
function classOf(value: object): string {
  const maker: unknown = value.constructor
  return (typeof maker === 'function' && maker.name) || 'Object'
}
