import type { Duration } from '@tidings/core'
import type { Inbox } from '@tidings/core/tools'
import type { AnyDefinedEvent } from '@tidings/events'
import type { Clock } from '../clock.ts'
import type { DeadLetterStore } from '../stores/dead-letters.ts'
import type { HandlerLog } from '../handler/context.ts'
import type { AnyHandler } from '../handler/handler.ts'
import type { Middleware } from '../middleware.ts'
import type { Observer } from '../observer.ts'
import type { Transport } from '../transport/transport.ts'

/** What {@link createBus} takes. */
export interface BusOptions {
  /**
   * Who publishes: a URI-reference such as `/shop`. The events get it, and the names of the groups begin with it, so
   * that two applications on one broker never take each other's events.
   */
  readonly source: string
  readonly transport: Transport
  readonly handlers?: readonly AnyHandler[] | undefined
  /** Further event definitions, by which handlers of a pattern read events. Those of the handlers are known already. */
  readonly definitions?: readonly AnyDefinedEvent[] | undefined
  /** Where it is kept what `idempotent` handlers have handled. Default: where the transport keeps it, if it can. */
  readonly inbox?: Inbox | undefined
  /** Where dead letters are kept. Default: where the transport keeps them, if it can. */
  readonly deadLetters?: DeadLetterStore | undefined
  /** Wraps what goes out and what comes in, the first one outermost. */
  readonly middleware?: readonly Middleware[] | undefined
  /** Told what happens: one observer, or several, in their order. The log is written whether or not somebody is told. */
  readonly observer?: Observer | readonly Observer[] | undefined
  /**
   * Where handlers log to, and the bus what somebody should know: attempts that failed, events that were given up,
   * connections that broke. `false` for nowhere. Default: the console, a line for each.
   */
  readonly log?: HandlerLog | false | undefined
  /**
   * Names of the extensions that events inherit from the event whose handler publishes them, such as `['traceparent',
   * 'tenant']`. Default: none.
   */
  readonly carry?: readonly string[] | undefined
  /**
   * Whether what a handler publishes or asks for on the bus itself, rather than by its context, is told to be caused by its
   * event too: correlation, causation, depth and what `carry` names. It leaves at once all the same. By Node's
   * `AsyncLocalStorage`, which takes a tenth of the time of a trivial handler on Node 24, and slows every promise of the
   * process on Node 22. Default false: then pass `causedBy(event)` among the options.
   */
  readonly asyncContext?: boolean | undefined
  /** How long a chain of events may be, each caused by the one before, across processes. Default 64. */
  readonly maxDepth?: number | undefined
  /** How long `createBus` waits for the broker. Default `'30s'`. */
  readonly connectTimeout?: Duration | undefined
  /** How long `publish` waits for the broker. Default `'30s'`. */
  readonly publishTimeout?: Duration | undefined
  /** A group that has deliveries but settles none for so long counts as stalled in `health()`. Default `'2m'`. */
  readonly stalledAfter?: Duration | undefined
  readonly clock?: Clock | undefined
  /** From 0 up to, not with, 1: for the jitter of retries. Default `Math.random`. */
  readonly random?: (() => number) | undefined
}
