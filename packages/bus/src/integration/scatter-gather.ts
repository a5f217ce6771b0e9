import { type Duration, milliseconds, TidingsError } from '@tidings/core'
import { functionOption, invalidArgument, knownOptions, whole } from '@tidings/core/tools'
import type { DefinedEvent, EventOf, InputOf, StandardSchema, TidingsEvent } from '@tidings/events'
import type { HandlerContext } from '../handler/context.ts'
import { definitionArgument } from './definition-argument.ts'
import type { AsyncEventHandler } from './event-handler.ts'

/** One whom {@link scatterGather} asks. Made by {@link recipient}. */
export interface Recipient<in Event extends TidingsEvent, out Reply extends TidingsEvent> {
  /** Makes the question; what it returns sends it. */
  readonly prepare: (event: Event) => (asker: Asker, options: AskOptions) => Promise<Reply>
}

/** Whoever can send a request. */
type Asker = Pick<HandlerContext, 'request'>

interface AskOptions {
  readonly timeout: number
  readonly signal: AbortSignal
}

/** Recipients by name. */
export type Recipients = Readonly<Record<string, Recipient<never, TidingsEvent>>>

/** The events that all of these recipients can be asked about. */
export type EventAsked<To extends Recipients> =
  To[keyof To] extends Recipient<infer Event extends TidingsEvent, TidingsEvent> ? Event : never

/** The replies by the names of those who gave them; who gave none is missing. */
export type Replies<To extends Recipients> = {
  readonly [Name in keyof To]?: To[Name] extends Recipient<never, infer Reply> ? Reply : never
}

export interface ScatterGatherOptions<To extends Recipients> {
  /** Whom to ask, by name. */
  readonly to: To
  /** How long to wait for replies. Shorter than the handler's own timeout. Default `'10s'`. */
  readonly timeout?: Duration | undefined
  /** Replies that it takes to go on, from 1. With fewer the attempt fails, and is tried again. Default: all. */
  readonly atLeast?: number | undefined
}

/** Fewer recipients replied than it takes. The event is tried again by the policy of its handler. */
export class TooFewRepliesError extends TidingsError<'TOO_FEW_REPLIES'> {
  override readonly name = 'TooFewRepliesError'

  constructor(replied: number, atLeast: number, failed: Readonly<Record<string, unknown>>) {
    const reasons = Object.entries(failed).map(([name, error]) => `${name}: ${firstLine(error)}`)
    super(
      'TOO_FEW_REPLIES',
      `${replied} of ${Object.keys(failed).length + replied} recipients replied, and it takes ${atLeast}. ${reasons.join('; ')}\nLet them be longer about it with \`timeout\`, or ask for fewer with \`atLeast\`.`,
      { cause: new AggregateError(Object.values(failed)), details: { replied, atLeast, missing: Object.keys(failed) } },
    )
  }
}

/**
 * **Scatter-Gather**: asks several recipients at the same time and hands their replies to `gather`, when all are in or
 * the time is up. Each recipient is asked by an event definition of its own, and its handler answers with
 * `context.reply`; of several handlers of one definition the first reply counts.
 *
 * A recipient that does not reply in time, or gives up, is missing from the replies; the log says why. When fewer than
 * `atLeast` can reply, the attempt fails with a {@link TooFewRepliesError} at once. A retry asks everybody again, with
 * requests of their own; so handlers that answer should have no effects, or bear repetition.
 *
 * The requests share the event's correlation, and it is their cause.
 *
 * @example
 * handler(OrderPlaced, { group: 'quotes' }, scatterGather({
 *   to: {
 *     fast: recipient(FastQuoteAsked, (event: OrderPlaced) => ({ item: event.data.item }), QuoteGiven),
 *     cheap: recipient(CheapQuoteAsked, (event: OrderPlaced) => ({ item: event.data.item }), QuoteGiven),
 *   },
 *   timeout: '2s',
 *   atLeast: 1,
 * }, async ({ fast, cheap }, event, { publish }) => {
 *   const best = [fast, cheap].filter((quote) => quote !== undefined).toSorted((a, b) => a.data.price - b.data.price)[0]!
 *   await publish(QuoteChosen, { orderId: event.data.orderId, price: best.data.price })
 * }))
 *
 * @throws TidingsError `INVALID_ARGUMENT` for options that make no sense
 */
export function scatterGather<const To extends Recipients>(
  options: ScatterGatherOptions<To>,
  gather: (replies: Replies<To>, event: EventAsked<To>, context: HandlerContext) => unknown,
): AsyncEventHandler<EventAsked<To>> {
  knownOptions(options, ['to', 'timeout', 'atLeast'], 'scatterGather')
  functionOption(gather, 'gather')
  const to = checkedRecipients(options.to)
  const timeout = milliseconds(options.timeout ?? '10s', 'timeout')
  const atLeast = whole(options.atLeast ?? to.length, 1, 'atLeast')
  if (atLeast > to.length) {
    throw invalidArgument('atLeast', `at most ${to.length}, the number of recipients`, atLeast, 'Ask more, or fewer.')
  }
  return async (event, context) => {
    // All questions first: when one cannot be made, nobody is asked.
    const questions = to.map(([name, { prepare }]) => [name, prepare(event as never)] as const)
    const hopeless = new AbortController()
    const signal = AbortSignal.any([context.signal, hopeless.signal])
    const replies: Record<string, TidingsEvent> = {}
    const failed: Record<string, unknown> = {}
    const asked = questions.map(async ([name, ask]) => {
      try {
        replies[name] = await ask(context, { timeout, signal })
      } catch (error) {
        // Those that are not waited for any more did not fail.
        failed[name] = hopeless.signal.aborted ? notWaitedFor : error
        if (to.length - Object.keys(failed).length < atLeast) hopeless.abort()
      }
    })
    await Promise.all(asked)
    context.signal.throwIfAborted()
    const replied = Object.keys(replies).length
    if (replied < atLeast) throw new TooFewRepliesError(replied, atLeast, failed)
    for (const [name, error] of Object.entries(failed)) {
      context.log.warn('a recipient did not reply', { recipient: name, error })
    }
    // Each name has what its recipient replied.
    await gather(replies as Replies<To>, event, context)
  }
}

/**
 * One whom {@link scatterGather} asks: the request, what is in it, and the event that it is answered with.
 *
 * @example
 * recipient(QuoteAsked, (event: OrderPlaced) => ({ item: event.data.item }), QuoteGiven)
 */
export function recipient<
  Event extends TidingsEvent,
  Type extends string,
  Schema extends StandardSchema,
  ReplyType extends string,
  ReplySchema extends StandardSchema,
>(
  request: DefinedEvent<Type, Schema>,
  ask: (event: Event) => InputOf<Schema>,
  reply: DefinedEvent<ReplyType, ReplySchema>,
): Recipient<Event, EventOf<DefinedEvent<ReplyType, ReplySchema>>> {
  definitionArgument(request, 'request of recipient')
  functionOption(ask, 'ask')
  definitionArgument(reply, 'reply of recipient')
  return {
    prepare(event) {
      const input = ask(event)
      return (asker, options) => asker.request(request, input, { ...options, reply })
    },
  }
}

const notWaitedFor = new DOMException('not waited for: too many others had failed', 'AbortError')

function checkedRecipients(to: Recipients): readonly (readonly [string, Recipients[string]])[] {
  const recipients = Object.entries(Object(to) as Recipients)
  if (recipients.length === 0) throw invalidArgument('to', 'recipients by name', to, 'Give one at least.')
  for (const [name, each] of recipients) {
    functionOption((Object(each) as Partial<typeof each>).prepare, `to.${name}.prepare`)
  }
  return recipients
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]!
}
