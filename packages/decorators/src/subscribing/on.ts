import type { EventDefinition, Key, Known, Payload, PayloadOf, SubscribeOptions } from '@tidings/core'
import { functionOption, invalidArgument, shown } from '@tidings/core/tools'
import { DecoratorMisusedError } from '../errors.ts'
import { methodContext } from '../wrapping/decorator.ts'
import { methodKey, methodName } from '../wrapping/pending.ts'

/** A method that takes an event; its second argument is the type or the context, as dispatcher or bus give it. */
export type EventMethod<This, Payload> = (this: This, event: Payload, typeOrContext: never, context: never) => unknown

/** A decorator for methods that take `Payload`; not for static ones. */
export interface OnDecorator<Payload> {
  <This extends object>(
    method: EventMethod<This, Payload>,
    context: ClassMethodDecoratorContext<This> & { static: false },
  ): void
}

/** One `@on` of one instance. */
export interface OnEntry {
  readonly key: string | EventDefinition
  readonly options: SubscribeOptions
  /** The method's name, for logs. */
  readonly method: string
  /** See {@link methodKey}. */
  readonly methodKey: PropertyKey
  /** Calls the method as it is at that moment, overrides included. */
  call(args: readonly unknown[]): unknown
}

/** Per instance: metadata of classes would need a polyfill with some compilers, initializers work with all. */
const entries = new WeakMap<object, OnEntry[]>()

/**
 * Marks a method as the handler of an event; {@link register} subscribes it. Private methods work; static ones are
 * refused. An inherited handler is subscribed for the subclass too, an overridden one once, as the override, also where
 * both are marked (then with the options of the override). A method can be marked for several events.
 *
 * @param key - an event definition, which types the method's argument; or an event type or pattern as a string, whose
 *   payload is `unknown` unless it is stated: `@on<Order>('order.placed')`
 * @param options - for `subscribe`; the `name` defaults to `Class.method`
 *
 * @example
 * class Warehouse {
 *   @on(OrderPlaced)
 *   reserve(event: OrderPlaced) { … }
 * }
 *
 * @throws `DECORATOR_MISUSED` above anything but an instance method, and as a legacy decorator
 */
export function on<Definition extends EventDefinition>(
  definition: Definition,
  options?: SubscribeOptions,
): OnDecorator<PayloadOf<Definition>>
export function on<Payload = unknown>(type: string, options?: SubscribeOptions): OnDecorator<NoInfer<Payload>>
export function on(key: string | EventDefinition, options?: SubscribeOptions): OnDecorator<never> {
  return mark(key, options)
}

/**
 * {@link on} for the types of an event map: keys and patterns are checked, and payloads follow them.
 *
 * @example
 * const onShop = typedOn<ShopEvents>()
 * class Audit {
 *   @onShop('order.*')
 *   note(order: ShopEvents['order.placed'] | ShopEvents['order.shipped']) { … }
 * }
 */
export function typedOn<Events extends object>(): <K extends Key<Events>>(
  key: K & Known<Events, K>,
  options?: SubscribeOptions,
) => OnDecorator<Payload<Events, K>> {
  return mark
}

/** What the decorators of an instance's class have marked, base classes first. */
export function entriesOf(instance: object): readonly OnEntry[] {
  return entries.get(instance) ?? []
}

/** The type of a key; undefined where it is none. */
export function typeOf(key: unknown): string | undefined {
  const type = typeof key === 'string' ? key : (Object(key) as { type?: unknown }).type
  return typeof type === 'string' && type !== '' ? type : undefined
}

function mark(key: string | EventDefinition, options: SubscribeOptions = {}): OnDecorator<never> {
  if (typeOf(key) === undefined) {
    const fix = 'Pass what defineEvent or eventType returned, or the type as a string.'
    throw invalidArgument('key of @on', 'an event definition or a type', key, fix)
  }
  return (method, given) => {
    const context = methodContext('on', given)
    functionOption(method, `method of @on(${shown(typeOf(key))})`)
    const name = methodName(context)
    if (context.static) {
      throw new DecoratorMisusedError(
        `@on(${shown(typeOf(key))}) stands above the static method ${JSON.stringify(name)}\n` +
          'Only instance methods can be registered. Make it one, or subscribe it: dispatcher.subscribe(key, Class.method).',
      )
    }
    context.addInitializer(function () {
      const self = Object(this) as Record<PropertyKey, unknown>
      // By name, so that an override is found; with some compilers `access` leads to the method of the base class.
      const current = () => (context.private ? context.access.get(self) : self[context.name])
      add(self, context.private, {
        key,
        options,
        method: name,
        methodKey: methodKey(context),
        call: (args) => Reflect.apply(functionOption(current() as (...args: unknown[]) => unknown, name), self, args),
      })
    })
  }
}

/** A marked override takes the place of what it overrides. Private methods override nothing. */
function add(instance: object, isPrivate: boolean, entry: OnEntry): void {
  const list = entries.get(instance) ?? []
  entries.set(instance, list)
  const same = ({ key, methodKey }: OnEntry) => typeOf(key) === typeOf(entry.key) && methodKey === entry.methodKey
  const index = isPrivate ? -1 : list.findIndex(same)
  if (index < 0) list.push(entry)
  else list[index] = entry
}
