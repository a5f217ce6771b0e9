import type { StandardSchema } from '../schema/standard-schema.ts'
import { isStandardSchema } from '../schema/standard-schema.ts'
import { checkOptions } from './check-options.ts'
import { Definition } from './definition.ts'
import type { DefinedEvent, EventOptions } from './types.ts'

/**
 * Defines an event type: its name, the schema of its data and, where they matter, its version, key and upcasters.
 *
 * @param type - dot-separated, such as `shop.order.placed`; no `*`, which stands for patterns
 * @throws InvalidDefinitionError when the type, the version or an option is not usable
 *
 * @example
 * const OrderPlaced = defineEvent('shop.order.placed', {
 *   version: 2,
 *   schema: z.object({ orderId: z.uuid(), quantity: z.int().positive() }),
 *   key: (order) => order.orderId,
 *   upcast: { 1: (old) => ({ orderId: old.orderId, quantity: old.qty }) },
 * })
 * const OrderShipped = defineEvent('shop.order.shipped', z.object({ orderId: z.uuid() })) // the short form
 */
export function defineEvent<const Type extends string, Schema extends StandardSchema>(
  type: Type & EventTypeName<Type>,
  definition: Schema | EventOptions<Schema>,
): DefinedEvent<Type, Schema> {
  const options: EventOptions<Schema> = isStandardSchema(definition) ? { schema: definition } : definition
  checkOptions(type, options)
  return new Definition<Type, Schema>(type, options)
}

/** `Type` where it can name an event, a sentence that says why where it cannot. */
export type EventTypeName<Type extends string> = Type extends `${string}*${string}`
  ? 'an event type is not a pattern: leave out the *'
  : Type extends '' | `.${string}` | `${string}.` | `${string}..${string}`
    ? 'an event type consists of tokens that are not empty, with dots between them'
    : Type
