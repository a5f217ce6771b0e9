import type { TidingsEvent } from '@tidings/events'
import type { Position } from '../position.ts'
import type { Recorded } from '../store/event-store.ts'

/** An attempt at an event that failed, and what follows. */
export interface Failure<Event extends TidingsEvent = TidingsEvent> {
  /** The name of the subscription or the projection. */
  readonly follower: string
  readonly error: unknown
  /** Counted from 1. */
  readonly attempt: number
  /** It is tried again, it is left out, or the follower stops before it. */
  readonly next: 'retry' | 'skip' | 'stop'
  readonly stream: string
  readonly version: number
  readonly position: Position
  /** The event; `undefined` when it could not be read. */
  readonly recorded: Recorded<Event> | undefined
}

/** What is told where nobody listens: what stops or is left out, not what is tried again. */
export function tellFailure({ follower, error, next, stream, version }: Failure): void {
  if (next === 'retry') return
  const what = next === 'stop' ? 'stops before' : 'leaves out'
  // oxlint-disable-next-line no-console -- the default of a hook: nobody else would know
  console.error(`[tidings] "${follower}" ${what} ${stream}@${version}:`, error)
}
