import { type Duration, milliseconds } from '@tidings/core'
import { functionOption, invalidArgument, knownOptions, oneOf, whole } from '@tidings/core/tools'
import type { AnyDefinedEvent, EventJson, StandardSchema, TidingsEvent } from '@tidings/events'
import type { DefinedEvent, InputOf } from '@tidings/events'
import type { PublishOptions } from '../handler/publish-options.ts'
import { PermanentError } from '../errors.ts'
import type { HandlerContext } from '../handler/context.ts'
import type { EventFor } from '../handler/handler.ts'
import type { AggregationStore, Added } from '../stores/aggregations.ts'
import type { Deadline, DeadlineDefinition } from './deadline.ts'
import { definitionArgument } from './definition-argument.ts'
import { derivedContext } from './derived-context.ts'
import { effectId } from '../handler/effect-id.ts'
import type { AsyncEventHandler } from './event-handler.ts'
import { partOf } from './part.ts'
import { TurnTaking } from './turn-taking.ts'

/** The events that an {@link aggregator} gathers: one event definition, or several. */
export type Gathered = AnyDefinedEvent | readonly AnyDefinedEvent[]

export interface AggregatorOptions<Event extends TidingsEvent> {
  /**
   * Where the events are kept until they are complete. They are acknowledged by then, so what this store loses is lost:
   * `memoryAggregations()` loses all when the process ends.
   */
  readonly store: AggregationStore
  /** What the events that belong together have in common: a text that is not empty. Default: the event that was split. */
  readonly correlate?: ((event: Event) => string) | undefined
  /**
   * When they are complete: a number of events, or what a predicate says of those gathered so far, which is asked after
   * each. Default: when all parts of the event that was split are there.
   */
  readonly complete?: number | ((events: readonly Event[]) => boolean) | undefined
  /**
   * How long after the first event to go on with what is there. The handler must be for this event too:
   * `handler([LinePriced, PricesDue], …)`. Needs a transport with `delay`, where each deadline takes room until it is
   * due, also when the events are complete before.
   */
  readonly timeout?: { readonly after: Duration; readonly event: DeadlineDefinition } | undefined
  /** Events that belong together at most, from 1; more than that fail for good. Default 1,000. */
  readonly max?: number | undefined
  /**
   * What becomes of an event that comes when the others are done. `'reject'` (default): it fails for good, and stands
   * among the dead letters. `'drop'`: it counts as handled, and the log has it. `'reopen'`: it is the first of a new round.
   */
  readonly late?: 'reject' | 'drop' | 'reopen' | undefined
  /** Tells two aggregators of one group apart that share a store. */
  readonly name?: string | undefined
}

/** What the function behind an {@link aggregator} is given beside the events. */
export interface AggregationContext extends HandlerContext {
  /** What the events have in common. */
  readonly correlation: string
  /** Whether they are complete, or the time was up. */
  readonly reason: 'complete' | 'timeout'
}

/**
 * **Aggregator**: gathers the events that belong together until they are complete or their time is up, then hands them
 * to `then`, in the order of their coming; parts in the order of their numbers.
 *
 * - **Nothing twice.** A duplicate is known by its source and id, a part by its number. When the events are complete they
 *   are sealed: from then on `then` is always given the same ones. It runs once, unless it fails, or the process dies
 *   in it: then the event or deadline that completed them is delivered again, and so is the call. What it publishes has
 *   ids that stay the same (see {@link effectId}), as long as it publishes the same in the same order; so an idempotent
 *   handler sees one emission for each aggregation.
 * - **Nothing lost, as far as the store.** An event is acknowledged when it is in the store. See
 *   {@link AggregationStore} and `memoryAggregations`.
 * - **The time** is kept by the broker: the first event publishes the deadline, with a delay. So it survives crashes, and
 *   what `then` does at the deadline is retried and parked as for any event.
 *
 * Correlation and causation of what `then` publishes are those of the event that completed the aggregation.
 *
 * @example
 * const PricesDue = defineDeadline('shop.prices.due')
 * const total = handler([LinePriced, PricesDue], { group: 'totals' }, aggregator(LinePriced, {
 *   store: memoryAggregations(),
 *   timeout: { after: '1m', event: PricesDue },
 * }, async (lines, { publish, reason }) => {
 *   await publish(OrderPriced, { orderId: lines[0]!.data.orderId, total: sum(lines), complete: reason === 'complete' })
 * }))
 *
 * @throws TidingsError `INVALID_ARGUMENT` for options that make no sense
 */
export function aggregator<const Key extends Gathered>(
  key: Key,
  options: AggregatorOptions<EventFor<Key>>,
  then: (events: readonly EventFor<Key>[], context: AggregationContext) => unknown,
): AsyncEventHandler<EventFor<Key> | TidingsEvent<string, Deadline>> {
  const rules = checked(key, options, then)
  const { store, timeout, max, late, name, correlate, identify, isComplete, parse, inOrder } = rules
  const turns = new TurnTaking()

  const gather = async (event: EventFor<Key>, context: HandlerContext): Promise<void> => {
    const correlation = correlate(event)
    if (typeof correlation !== 'string' || correlation === '') throw uncorrelated(event)
    const own = await effectId(event, context.group, 'aggregator', name, correlation)
    await turns.run(correlation, async () => {
      const added = await store.add({
        key: JSON.stringify([context.group, name, correlation]),
        aggregation: own,
        identity: identify(event),
        event: event.toJSON(),
        reopen: late === 'reopen',
        max,
      })
      if (added.outcome === 'late') return refuseLate(event, correlation, late, context)
      if (added.outcome === 'full') throw tooMany(event, correlation, max)
      // A duplicate of what is sealed says that the call of `then` may have failed.
      if (added.state === 'sealed') return await conclude(added.aggregation, correlation, context)
      if (added.state === 'closed') return undefined
      if (await isComplete(event, added)) {
        await store.seal(added.aggregation, 'complete')
        return await conclude(added.aggregation, correlation, context)
      }
      if (timeout && added.opener) await setDeadline(added.aggregation, correlation, context)
    })
  }

  const setDeadline = async (aggregation: string, correlation: string, context: HandlerContext): Promise<void> => {
    const { group } = context
    const id = await effectId({ source: group, id: aggregation }, 'deadline')
    await context.publish(timeout!.event, { group, name, correlation, aggregation }, { id, delay: timeout!.after })
  }

  const timeIsUp = async (deadline: Deadline, context: HandlerContext): Promise<void> => {
    const { group, name: whose, correlation, aggregation } = deadline
    if (group !== context.group || whose !== name) return
    await turns.run(correlation, async () => {
      await store.seal(aggregation, 'timeout')
      await conclude(aggregation, correlation, context)
    })
  }

  const conclude = async (aggregation: string, correlation: string, context: HandlerContext): Promise<void> => {
    const { state, reason = 'complete', events } = (await store.read(aggregation)) ?? { state: 'closed', events: [] }
    if (state !== 'sealed') return
    const derived = derivedContext(context, { publish: withStableIds(context, aggregation) })
    await then(inOrder(events.map(parse)), Object.assign(derived, { correlation, reason }))
    await store.close(aggregation)
  }

  return async (event, context) => {
    if (timeout?.event.is(event)) await timeIsUp(event.data, context)
    else await gather(event as EventFor<Key>, context)
  }
}

interface Rules<Event extends TidingsEvent> {
  readonly store: AggregationStore
  readonly timeout: AggregatorOptions<Event>['timeout']
  readonly max: number
  readonly late: 'reject' | 'drop' | 'reopen'
  readonly name: string
  readonly correlate: (event: Event) => string | undefined
  readonly identify: (event: Event) => string
  readonly isComplete: (event: Event, added: Added) => boolean | Promise<boolean>
  readonly parse: (json: EventJson) => Event
  readonly inOrder: (events: readonly Event[]) => readonly Event[]
}

const optionNames = ['store', 'correlate', 'complete', 'timeout', 'max', 'late', 'name']

function checked<Key extends Gathered>(
  key: Key,
  options: AggregatorOptions<EventFor<Key>>,
  then: unknown,
): Rules<EventFor<Key>> {
  const definitions: readonly AnyDefinedEvent[] = 'type' in key ? [key] : key
  for (const definition of definitions) definitionArgument(definition, 'key of aggregator')
  knownOptions(options, optionNames, 'aggregator')
  functionOption(then, 'then')
  const { store, timeout, correlate, complete, name = '' } = options
  for (const method of ['add', 'read', 'seal', 'close'] as const) {
    functionOption((Object(store) as Partial<AggregationStore>)[method], `store.${method}`)
  }
  if (correlate !== undefined) functionOption(correlate, 'correlate')
  if (correlate !== undefined && complete === undefined) {
    throw invalidArgument('complete', 'given beside `correlate`', complete, 'A number of events, or a predicate.')
  }
  const max = whole(options.max ?? 1000, 1, 'max')
  if (typeof complete === 'number') atMost(whole(complete, 1, 'complete'), max)
  else if (complete !== undefined) functionOption(complete, 'complete')
  if (timeout !== undefined) {
    knownOptions(timeout, ['after', 'event'], 'timeout')
    milliseconds(timeout.after, 'timeout.after')
    definitionArgument(timeout.event, 'timeout.event')
  }
  const byType = new Map(definitions.map((definition) => [definition.type, definition]))
  // The definition of a type makes the events of this type.
  const parse = (json: EventJson): EventFor<Key> => byType.get(json.type)!.parse(json) as EventFor<Key>
  return {
    store,
    timeout,
    max,
    late: oneOf(options.late, ['reject', 'drop', 'reopen'], 'late'),
    name,
    correlate: correlate ?? ((event) => partOf(event)?.of),
    identify: (event) => {
      const part = correlate === undefined ? partOf(event) : undefined
      return part ? `part ${part.number}` : `${event.source} ${event.id}`
    },
    isComplete: async (event, { size, aggregation }) => {
      if (complete === undefined) return size >= (partOf(event)?.total ?? Infinity)
      if (typeof complete === 'number') return size >= complete
      const { events } = (await store.read(aggregation)) ?? { events: [] }
      return complete(events.map(parse))
    },
    parse,
    inOrder: (events) => (correlate === undefined ? events.toSorted(byPart) : events),
  }
}

/** The n-th publish of an event type has the same id at each call. */
function withStableIds(context: HandlerContext, aggregation: string): HandlerContext['publish'] {
  const counts = new Map<string, number>()
  const publish = async <Type extends string, Schema extends StandardSchema>(
    definition: DefinedEvent<Type, Schema>,
    input: InputOf<Schema>,
    options: PublishOptions = {},
  ): Promise<TidingsEvent> => {
    const { type } = definition
    const number = (counts.get(type) ?? 0) + 1
    counts.set(type, number)
    const id = options.id ?? (await effectId({ source: context.group, id: aggregation }, 'aggregate', type, number))
    return await context.publish(definition, input, { ...options, id })
  }
  // One function for both forms, as the context's own.
  return ((what: never, input: never, options: never) =>
    typeof (what as { create?: unknown } | undefined)?.create === 'function'
      ? publish(what, input, options)
      : context.publish(what, input)) as HandlerContext['publish']
}

function byPart(one: TidingsEvent, other: TidingsEvent): number {
  return (partOf(one)?.number ?? 0) - (partOf(other)?.number ?? 0)
}

function refuseLate(
  event: TidingsEvent,
  correlation: string,
  late: 'reject' | 'drop' | 'reopen',
  context: HandlerContext,
): void {
  if (late === 'drop') {
    context.log.warn('an event came too late to be gathered', { correlation })
    return
  }
  throw new PermanentError(
    `the event "${event.type}" ${event.id} came when the others of ${JSON.stringify(correlation)} were done\n` +
      "Give aggregator a longer timeout, or say what late events are: `late: 'drop'` or `'reopen'`.",
  )
}

function uncorrelated(event: TidingsEvent): PermanentError {
  return new PermanentError(
    `the event "${event.type}" ${event.id} belongs to no others: \`correlate\` gives no text for it\n` +
      'Return one, carry on the extensions of a part, or leave such events out with filter.',
  )
}

function tooMany(event: TidingsEvent, correlation: string, max: number): PermanentError {
  return new PermanentError(
    `the event "${event.type}" ${event.id} is one more than the ${max} that are gathered for ${JSON.stringify(correlation)}\n` +
      'Raise `max` of aggregator, or see why they are not complete.',
  )
}

function atMost(complete: number, max: number): void {
  if (complete <= max) return
  throw invalidArgument('complete', `at most \`max\`, ${max}`, complete, 'Raise `max`, or gather fewer.')
}
