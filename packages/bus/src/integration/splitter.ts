import { functionOption, knownOptions, whole } from '@tidings/core/tools'
import type { DefinedEvent, InputOf, StandardSchema, TidingsEvent } from '@tidings/events'
import { PermanentError } from '../errors.ts'
import type { HandlerContext } from '../handler/context.ts'
import { definitionArgument } from './definition-argument.ts'
import { effectId } from '../handler/effect-id.ts'
import type { AsyncEventHandler } from './event-handler.ts'
import { partExtensions } from './part.ts'

export interface SplitterOptions {
  /** Parts of one event at most. Beyond it the event fails for good. Default 10,000. */
  readonly max?: number | undefined
  /**
   * Parts on their way to the broker at a time. Default 1: each is confirmed before the next one is sent, so their order
   * is kept also when one fails in between. More is quicker over a network.
   */
  readonly concurrency?: number | undefined
  /** Tells two splitters into one definition apart, where one handler function uses both for one event. */
  readonly name?: string | undefined
}

/**
 * **Splitter**: publishes one event for each part of an event, in order. The parts are effects, so they share its
 * correlation, and their extensions say which part of how many they are: {@link partOf} reads them, and an
 * {@link aggregator} puts them together again.
 *
 * Safe to be tried again: the id of a part is made of the cause, the group, the event type and its number (see
 * {@link effectId}), so after a crash in the middle the parts that were sent before are sent under the same ids, and
 * idempotent handlers see each once. For that `split` must give the same parts for the same event, each time.
 *
 * All parts are validated before the first is sent. Data that does not fit, or too many parts, is a `PermanentError`: no
 * retry mends it, and nothing was published. An event without parts publishes nothing.
 *
 * @example
 * handler(OrderPlaced, { group: 'lines' }, splitter(LineOrdered, ({ data }) =>
 *   data.lines.map((line) => ({ orderId: data.orderId, ...line })),
 * ))
 */
export function splitter<Event extends TidingsEvent, Type extends string, Schema extends StandardSchema>(
  definition: DefinedEvent<Type, Schema>,
  split: (event: Event, context: HandlerContext) => Iterable<InputOf<Schema>> | Promise<Iterable<InputOf<Schema>>>,
  options: SplitterOptions = {},
): AsyncEventHandler<Event> {
  definitionArgument(definition, 'definition of splitter')
  functionOption(split, 'split')
  knownOptions(options, ['max', 'concurrency', 'name'], 'splitter')
  const max = whole(options.max ?? 10_000, 1, 'max')
  const concurrency = whole(options.concurrency ?? 1, 1, 'concurrency')
  const { name = '' } = options
  return async (event, context) => {
    const inputs = collect(await split(event, context), max, event)
    for (const [index, input] of inputs.entries()) validate(definition, input, index, inputs.length, event)
    let next = 0
    const send = async (): Promise<void> => {
      while (next < inputs.length) {
        const number = ++next
        try {
          const id = await effectId(event, context.group, 'splitter', name, definition.type, number)
          const extensions = partExtensions({ of: event.id, number, total: inputs.length })
          await context.publish(definition, inputs[number - 1]!, { id, extensions })
        } catch (error) {
          // Nobody takes another one.
          next = inputs.length
          throw error
        }
      }
    }
    // All of them, so that nothing is sent any more when the attempt has failed.
    const senders = await Promise.allSettled(Array.from({ length: Math.min(concurrency, inputs.length) }, send))
    const failed = senders.find((sender) => sender.status === 'rejected')
    if (failed) throw failed.reason
  }
}

function collect<Input>(parts: Iterable<Input>, max: number, event: TidingsEvent): Input[] {
  const inputs: Input[] = []
  for (const part of parts) {
    if (inputs.length === max) {
      throw new PermanentError(
        `the event "${event.type}" ${event.id} splits into more than ${max} parts\nRaise \`max\` of splitter, or publish smaller events.`,
      )
    }
    inputs.push(part)
  }
  return inputs
}

function validate<Type extends string, Schema extends StandardSchema>(
  definition: DefinedEvent<Type, Schema>,
  input: InputOf<Schema>,
  index: number,
  total: number,
  event: TidingsEvent,
): void {
  try {
    // With a sequence of its own, since an event that is not sent must leave no hole in that of its source.
    definition.create(input, { sequence: 0 })
  } catch (cause) {
    throw new PermanentError(
      `part ${index + 1} of ${total} of the event "${event.type}" ${event.id} is no "${definition.type}", and none was sent: ${String(cause)}`,
      { cause },
    )
  }
}
