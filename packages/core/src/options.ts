import type { Duration } from './duration.ts'

/** An event as the hooks see it. */
export interface Published {
  readonly type: string
  readonly payload: unknown
}

/** One handler's turn at an event; `handler` is its name. */
export interface Handled extends Published {
  readonly handler: string
  /** Milliseconds from the call to its end, to the settling of its promise where it returns one. */
  readonly duration: number
}

/** What went wrong, where. */
export interface Failure extends Published {
  readonly error: unknown
  /** The name of the handler that failed; undefined where the publish itself was refused. */
  readonly handler: string | undefined
}

/** Told what a dispatcher does. Every hook is optional; an unset observer costs nothing. */
export interface Observer {
  published?(event: Published): void
  handled?(event: Handled): void
  failed?(event: Failure): void
  unhandled?(event: Published): void
  /** The storm breaker dropped the event. */
  shed?(event: Published): void
}

/** `closed` lets all pass, `open` sheds all, `half-open` tries for one period whether the storm is over. */
export type StormState = 'closed' | 'open' | 'half-open'

/** A rate breaker per event type. It is judged at each publish: no timer runs. */
export interface StormOptions {
  /** Events of one type that may pass within `per`; the next one opens the breaker. */
  limit: number
  /** The period that `limit` counts in; default `'1s'`. */
  per?: Duration
  /** How long an open breaker sheds before it tries again; default as `per`. */
  cooldown?: Duration
  /** Told each change of state, with the events of that type shed so far. Default: opening goes to `onError`. */
  onChange?: (change: { type: string; state: StormState; shed: number }) => void
}

/** What both dispatchers take. */
export interface DispatcherOptions {
  /** Told each error of a handler; default writes to `console.error`. */
  onError?: (failure: Failure) => void
  /** Told each event that has no handler; default: nobody. */
  onUnhandled?: (event: Published) => void
  /**
   * `'report'` (default) sends errors to `onError`. `'throw'` collects those of one publish and throws them as one
   * `AggregateError` after every handler has run; an `onError` that you give is told too. The asynchronous dispatcher
   * tells `onError` in either case, since perhaps nobody awaits its promise.
   */
  errors?: 'report' | 'throw'
  /** How deep publishes may nest before `EventStormError`; default 64, `Infinity` for no bound. */
  maxDepth?: number
  /** Sheds events of a type that comes too fast; default: none. */
  storm?: StormOptions
  observer?: Observer
}

/** What the asynchronous dispatcher takes besides. */
export interface AsyncDispatcherOptions extends DispatcherOptions {
  /** Whether the handlers of one event run together (default) or one after the other. */
  mode?: 'concurrent' | 'serial'
  /** Handlers that run at the same time, over all events; with `'serial'`, events. Default: no bound. */
  concurrency?: number
  /** Handler calls that may wait for a slot; default: no bound. An event is taken in whole or not at all. */
  maxPending?: number
  /**
   * What `publish` does beyond `maxPending`: `'wait'` (default) takes its turn, `'reject'` rejects with
   * `PendingOverflowError`. Whoever does not await `publish` awaits `ready()` instead.
   */
  overflow?: 'wait' | 'reject'
}

/** What `subscribe` takes besides key and handler. */
export interface SubscribeOptions {
  /** Unsubscribe before the first call; default false. */
  once?: boolean
  /** Higher is called first; equal ones in the order of subscription; default 0. */
  priority?: number
  /** Unsubscribes when it aborts. Already aborted: the subscription starts inactive. */
  signal?: AbortSignal
  /** Hold the handler by a WeakRef: keep it alive yourself, or it goes. Default false. */
  weak?: boolean
  /** For logs and errors; default the function's name. */
  name?: string
}
