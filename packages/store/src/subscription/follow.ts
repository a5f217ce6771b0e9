import { isFinal } from '@tidings/core/tools'
import { RecordConflictError, StoreClosedError } from '../errors.ts'
import type { Position } from '../position.ts'
import type { LogPage, LogQuery, Recorder } from '../recorder/recorder.ts'
import { type Alarm, livePages } from '../store/pages.ts'

/** How often what follows a log looks for what nobody told it of, milliseconds. */
const poll = 1000

/** What {@link follow} does with the pages of a log. */
export interface Following {
  readonly recorder: Recorder
  readonly query: Omit<LogQuery, 'after'>
  readonly signal: AbortSignal
  readonly alarm?: Alarm | undefined
  /** Attempts in all where the log or the checkpoint fails. */
  readonly attempts: number
  /** The wait behind an attempt that failed, milliseconds. */
  wait(attempt: number): number
  /** Reads where to begin, also when it begins anew: what was written last may be there or not. */
  open(): Promise<Position>
  /** Throws {@link ToldError} when it is to end for a reason that was told. */
  handle(page: LogPage): Promise<void>
  /** Told what else has failed. */
  failed(error: unknown, attempt: number, next: 'retry' | 'stop'): void
}

/** It ends, and the reason was told: its cause. */
export class ToldError extends Error {
  constructor(cause: unknown) {
    super('told', { cause })
  }
}

/** Follows a log until the signal aborts. Rejects with what made it end before. */
export async function follow(following: Following): Promise<void> {
  const { recorder, query, signal, attempts, alarm } = following
  for (let attempt = 1; ; attempt++) {
    try {
      const after = await following.open()
      for await (const page of livePages(recorder, { ...query, after }, { signal, poll, alarm })) {
        await following.handle(page)
        attempt = 1
      }
      return
    } catch (error) {
      if (error instanceof ToldError) throw error.cause
      // Somebody else has the same work, or there is nothing to follow any more: waiting changes neither.
      const isOver = error instanceof RecordConflictError || error instanceof StoreClosedError || isFinal(error)
      const next = isOver || attempt >= attempts ? 'stop' : 'retry'
      following.failed(error, attempt, next)
      if (next === 'stop') throw error
    }
    await pause(following.wait(attempt), signal)
    if (signal.aborted) return
  }
}

/** Milliseconds pass, or the signal aborts. */
export function pause(time: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, time)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
}

/** Calls back when the signal aborts, at once where it has, until `ended` settles. */
export function onAbort(signal: AbortSignal | undefined, ended: Promise<void>, callback: () => void): void {
  if (signal === undefined) return
  if (signal.aborted) return callback()
  const remove = (): void => signal.removeEventListener('abort', callback)
  signal.addEventListener('abort', callback, { once: true })
  void ended.then(remove, remove)
}
