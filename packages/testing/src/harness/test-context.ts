import { type Clock, type HandlerContext, type PublishOptions, systemClock } from '@tidings/bus'
import { TidingsError } from '@tidings/core'
import { functionOption, invalidArgument, knownOptions, methodOption, whole } from '@tidings/core/tools'
import { isEvent, type TidingsEvent } from '@tidings/events'
import { type LoggedLine, logInto } from './logged.ts'
import { RecordedEffects } from './recorded-effects.ts'

/** What {@link testContext} takes: any member of the context in place of its own, and nothing is required. */
export interface TestContextOptions extends Partial<HandlerContext> {
  /**
   * The event that the handler is to be called with: what it publishes bears it as its cause, and what it logs its id and
   * type. Default: what is published has no cause.
   */
  readonly cause?: TidingsEvent | undefined
  /** The source of what is published. Default `/test`. */
  readonly source?: string | undefined
  /** The time of what is published. Default the machine's. */
  readonly clock?: Clock | undefined
}

/** A context for one call of a handler, with all that the handler did by it. */
export interface TestContext {
  /** What the handler is given beside its event. */
  readonly context: HandlerContext
  /** Events that the handler has published, in order; `PaymentTaken.is(event)` tells their type. */
  readonly published: readonly TidingsEvent[]
  /** Events that the handler has replied with, in order. */
  readonly replied: readonly TidingsEvent[]
  /** What the handler has logged. */
  readonly logged: readonly LoggedLine[]
  /** What an event of `published` was published with, such as its `delay`. */
  optionsOf(event: TidingsEvent): PublishOptions
  /** Tells the handler to stop, as the bus does when its time is up: `signal` aborts, `publish` rejects with the reason. */
  abort(reason?: unknown): void
}

/**
 * A context to call one handler with, in a unit test without a bus. What the handler publishes is made and checked as on
 * a bus, and kept; `cancel` takes back what was published with a delay. A handler that asks needs a `request` of the test.
 *
 * @example
 * const event = OrderPlaced.create({ orderId: 'o-1' })
 * const { context, published } = testContext({ cause: event, attempt: 2 })
 * await billing.handle(event, context)
 * expect(published.map(({ type }) => type)).toEqual(['shop.payment.taken'])
 *
 * @throws TidingsError `INVALID_ARGUMENT` for an option that there is not, or that is wrong
 */
export function testContext(options: TestContextOptions = {}): TestContext {
  knownOptions(options, optionNames, 'testContext')
  const { cause, source = '/test', clock = systemClock, signal: given, ...replaced } = options
  if (cause !== undefined && !isEvent(cause)) throw invalidArgument('cause', 'an event', cause)
  methodOption(clock, 'now', 'clock')
  const { group = 'test.handler' } = replaced
  const attempt = whole(replaced.attempt ?? 1, 1, 'attempt')
  const controller = new AbortController()
  const signal = AbortSignal.any(given === undefined ? [controller.signal] : [controller.signal, given])
  const effects = new RecordedEffects(cause, source, clock, signal)
  const logged: LoggedLine[] = []
  const context: HandlerContext = {
    group,
    attempt,
    redelivered: attempt > 1,
    signal,
    log: logInto(logged, cause === undefined ? { group } : { id: cause.id, type: cause.type, group }),
    // What `Publish` says of the event, the record of effects cannot.
    publish: (what: unknown, input?: unknown, how?: PublishOptions) =>
      effects.publish(what, input, how) as Promise<never>,
    reply: (definition, input) => effects.reply(definition, input),
    request: async (definition) => {
      const fix = 'Say what it gets: testContext({ request: async () => PriceQuoted.create({ cents: 5 }) }).'
      throw new TidingsError('INVALID_ARGUMENT', `nobody answers the request "${definition.type}" here\n${fix}`)
    },
    cancel: async (event) => effects.cancel(event),
  }
  for (const [name, member] of Object.entries(replaced)) {
    if (member === undefined) continue
    if (typeof context[name as keyof HandlerContext] === 'function') functionOption(member, name)
    Object.assign(context, { [name]: member })
  }
  return {
    context,
    published: effects.published,
    replied: effects.replied,
    logged,
    optionsOf: (event) => effects.optionsOf(event),
    abort: (reason) => controller.abort(reason),
  }
}

/** Of the context, each of which a test may give itself. */
const members = {
  group: true,
  attempt: true,
  redelivered: true,
  signal: true,
  log: true,
  publish: true,
  reply: true,
  request: true,
  cancel: true,
} satisfies Record<keyof HandlerContext, true>

const optionNames: readonly string[] = [...Object.keys(members), 'cause', 'source', 'clock']
