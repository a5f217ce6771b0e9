import { functionOption, invalidArgument, knownOptions, shown } from '@tidings/core/tools'
import type { AnyDefinedEvent, EventOf, TidingsEvent } from '@tidings/events'
import type { BatchContext, HandlerContext, TransactionContext } from './context.ts'
import type { BatchPolicy, HandlerOptions, TransactionsOf } from './options.ts'
import { type Policy, policyOf } from './policy.ts'

/** What a handler is for: an event definition, several of them, or a pattern of event types such as `'shop.**'`. */
export type HandlerKey = AnyDefinedEvent | readonly AnyDefinedEvent[] | string

/** The events that a key stands for. */
export type EventFor<Key extends HandlerKey> = Key extends AnyDefinedEvent
  ? EventOf<Key>
  : Key extends readonly AnyDefinedEvent[]
    ? EventOf<Key[number]>
    : TidingsEvent

interface HandlerBase {
  /** The consumer group, without the source of a bus. */
  readonly group: string
  /** For logs and errors: the name of the function, else the group. */
  readonly name: string
  /** Event types and patterns. */
  readonly types: readonly string[]
  readonly definitions: readonly AnyDefinedEvent[]
  /** As they were given. */
  readonly options: HandlerOptions
  /** The options with their defaults. */
  readonly policy: Policy
  /** The transport whose commits it writes in; undefined for none. */
  readonly transaction: TransactionsOf<unknown> | undefined
}

/** A function with its policy: a value, bound by whatever bus it is given to. Made by {@link handler}. */
export interface Handler<Event extends TidingsEvent = TidingsEvent> extends HandlerBase {
  readonly batch: false
  /** The function itself, so that a unit test can call it. */
  handle(event: Event, context: HandlerContext): unknown
}

/** As {@link Handler}, for several events at a time. */
export interface BatchHandler<Event extends TidingsEvent = TidingsEvent> extends HandlerBase {
  readonly batch: true
  handle(events: readonly Event[], context: BatchContext): unknown
}

export type AnyHandler = Handler | BatchHandler

type HandlerFunction<Key extends HandlerKey> = (event: EventFor<Key>, context: HandlerContext) => unknown
type BatchFunction<Key extends HandlerKey> = (events: readonly EventFor<Key>[], context: BatchContext) => unknown

const optionNames = [
  'group',
  'ordering',
  'concurrency',
  'prefetch',
  'timeout',
  'retry',
  'deadLetter',
  'idempotent',
  'from',
  'temporary',
  'batch',
  'transaction',
]

/**
 * A function with the events that it handles and the policy by which they are delivered to it.
 *
 * An event counts as handled when the function returns, or its promise resolves. When it throws, the event is tried
 * again by the policy, then parked among the dead letters. A batch handler gets arrays; when it throws, its events are
 * tried again one by one, so that a bad one fails alone.
 *
 * @example
 * export const billing = handler(OrderPlaced, { group: 'billing', idempotent: true }, async (event, { publish }) => {
 *   await charge(event.data)
 *   await publish(PaymentTaken, { orderId: event.data.orderId })
 * })
 *
 * @throws TidingsError `INVALID_ARGUMENT` for an option that makes no sense, or an anonymous function without `group`
 */
export function handler<const Key extends HandlerKey>(key: Key, handle: HandlerFunction<Key>): Handler<EventFor<Key>>
export function handler<const Key extends HandlerKey>(
  key: Key,
  options: HandlerOptions & { readonly batch: BatchPolicy },
  handle: BatchFunction<Key>,
): BatchHandler<EventFor<Key>>
export function handler<const Key extends HandlerKey, Transaction>(
  key: Key,
  options: HandlerOptions & { readonly transaction: TransactionsOf<Transaction>; readonly batch?: undefined },
  handle: (event: EventFor<Key>, context: TransactionContext<Transaction>) => unknown,
): Handler<EventFor<Key>>
export function handler<const Key extends HandlerKey>(
  key: Key,
  options: HandlerOptions & { readonly batch?: undefined; readonly transaction?: undefined },
  handle: HandlerFunction<Key>,
): Handler<EventFor<Key>>
export function handler(
  key: HandlerKey,
  second:
    | (HandlerOptions & {
        readonly batch?: BatchPolicy | undefined
        readonly transaction?: TransactionsOf<unknown> | undefined
      })
    | HandlerFunction<never>,
  third?: HandlerFunction<never> | BatchFunction<never> | ((event: never, context: never) => unknown),
): AnyHandler {
  const [options, handle] = typeof second === 'function' ? [{}, second] : [second, third]
  functionOption(handle, 'handle')
  knownOptions(options, optionNames, 'handler')
  const name = (handle as { name: string }).name
  // What stands in names of functions and methods besides, such as `Shop.bill` or `bound bill`.
  const group = options.group ?? name.replace(/[^\w-]+/g, '-')
  if (group === '') {
    throw invalidArgument(
      'group',
      'given for a function without a name',
      options.group,
      "Name the group: handler(OrderPlaced, { group: 'billing' }, …). Events wait under it while nobody is there.",
    )
  }
  if (typeof group !== 'string' || !/^[\w-]+$/.test(group)) {
    throw invalidArgument('group', 'of letters, digits, `_` and `-`', group, "A name such as 'billing'.")
  }
  const definitions = typeof key === 'string' ? [] : 'type' in key ? [key] : key
  const types = typeof key === 'string' ? [key] : definitions.map((definition) => typeOf(definition))
  if (types.length === 0) throw invalidArgument('key', 'an event definition', key, 'Give one at least.')
  const { transaction } = options
  if (transaction !== undefined && typeof transaction.transport !== 'string') {
    const fix = 'The adapter of a transport with transactions exports it.'
    throw invalidArgument('transaction', 'what a transport has for it', transaction, fix)
  }
  if (transaction !== undefined && options.batch !== undefined) {
    const fix = 'Each event of a batch is settled on its own: give the handler single events.'
    throw invalidArgument('transaction', 'left out with `batch`', transaction, fix)
  }
  const shared = { group, name: name || group, types, definitions, options, policy: policyOf(options), transaction }
  return {
    ...shared,
    batch: options.batch !== undefined,
    // The overloads say which function goes with which options.
    handle: handle as unknown,
  } as AnyHandler
}

function typeOf(definition: AnyDefinedEvent): string {
  if (typeof definition?.type === 'string' && typeof definition.parse === 'function') return definition.type
  throw invalidArgument(
    'key',
    'an event definition, several of them, or a pattern',
    definition,
    `Make one with defineEvent(${shown('shop.order.placed')}, …).`,
  )
}
