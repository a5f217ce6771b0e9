import { functionOption, knownOptions } from '@tidings/core/tools'
import type { DefinedEvent, InputOf, StandardSchema, TidingsEvent } from '@tidings/events'
import type { HandlerContext } from '../handler/context.ts'
import { definitionArgument } from './definition-argument.ts'
import { effectId } from '../handler/effect-id.ts'
import type { AsyncEventHandler } from './event-handler.ts'
import { partExtensions, partOf } from './part.ts'

export interface TranslatorOptions {
  /** Tells two translators to one definition apart, where one handler function uses both for one event. */
  readonly name?: string | undefined
}

/**
 * **Message Translator**: publishes another event in place of each one that comes. What a {@link router} sends
 * somewhere, and a {@link wireTap} copies, goes through one.
 *
 * The id of the effect is made of the cause, the group and the event type, see {@link effectId}: a retry publishes it
 * under the same id. Extensions that say which part of a split event it is are carried on.
 *
 * @example
 * handler(OrderPlaced, { group: 'crm' }, translator(CustomerSeen, (event) => ({ customerId: event.data.customerId })))
 */
export function translator<Event extends TidingsEvent, Type extends string, Schema extends StandardSchema>(
  definition: DefinedEvent<Type, Schema>,
  translate: (event: Event, context: HandlerContext) => InputOf<Schema> | Promise<InputOf<Schema>>,
  options: TranslatorOptions = {},
): AsyncEventHandler<Event> {
  definitionArgument(definition, 'definition of translator')
  functionOption(translate, 'translate')
  knownOptions(options, ['name'], 'translator')
  const { name = '' } = options
  return async (event, context) => {
    const input = await translate(event, context)
    const id = await effectId(event, context.group, 'translator', name, definition.type)
    const part = partOf(event)
    await context.publish(definition, input, part ? { id, extensions: partExtensions(part) } : { id })
  }
}
