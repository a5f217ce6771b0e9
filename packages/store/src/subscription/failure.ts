import type { TidingsEvent } from '@tidings/events'
import type { Position } from '../position.ts'
import type { Recorded } from '../store/event-store.ts'

/** An attempt that failed, at an event or at the log itself, and what follows. */
export interface Failure<Event extends TidingsEvent = TidingsEvent> {
  /** The name of the subscription, the projection or the process. */
  readonly follower: string
  readonly error: unknown
  /** Counted from 1. */
  readonly attempt: number
  /** It is tried again, the event is left out, or the follower stops before it. */
  readonly next: 'retry' | 'skip' | 'stop'
  /** Where the event stands; `undefined` when it is the log or the checkpoint that failed. */
  readonly stream: string | undefined
  readonly version: number | undefined
  /** That of the event; when there is none, up to where all is done. */
  readonly position: Position
  /** The event; `undefined` when there is none, or it could not be read. */
  readonly recorded: Recorded<Event> | undefined
}

/** What a failure says that is not about an event. */
export const nowhere = { stream: undefined, version: undefined, recorded: undefined } as const

/** What is told where nobody listens: what stops or is left out, not what is tried again. */
export function tellFailure({ follower, error, next, stream, version, position }: Failure): void {
  if (next === 'retry') return
  const place = stream === undefined ? `behind position ${position}` : `${stream}@${version}`
  const what = next === 'skip' ? 'leaves out' : stream === undefined ? 'stops' : 'stops before'
  // oxlint-disable-next-line no-console -- the default of a hook: nobody else would know
  console.error(`[tidings] "${follower}" ${what} ${place}:`, error)
}
