import type { TidingsEvent } from '@tidings/events'
import type { Failure } from '../subscription/failure.ts'

/** An attempt of a process that failed, at an event, at a timeout or at the log itself, and what follows. */
export interface ProcessFailure<Event extends TidingsEvent = TidingsEvent> extends Failure<Event> {
  /** Of the instance; `undefined` when no instance is to blame, or its key could not be told. */
  readonly key: string | undefined
  /** When a timeout could not be reacted to: when it was due. */
  readonly due: Date | undefined
}

/** What is told where nobody listens: what stops or is left out, not what is tried again. */
export function tellProcessFailure({
  follower,
  error,
  next,
  stream,
  version,
  position,
  due,
  key,
}: ProcessFailure): void {
  if (next === 'retry') return
  const timeout = due === undefined ? undefined : `a timeout of "${key}" that was due at ${due.toISOString()}`
  const place = timeout ?? (stream === undefined ? `behind position ${position}` : `${stream}@${version}`)
  const what = next === 'skip' ? 'leaves out' : stream === undefined && due === undefined ? 'stops' : 'stops before'
  // oxlint-disable-next-line no-console -- the default of a hook: nobody else would know
  console.error(`[tidings] "${follower}" ${what} ${place}:`, error)
}
