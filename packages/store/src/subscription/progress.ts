import { TidingsError } from '@tidings/core'
import type { Position } from '../position.ts'

/** Where something stands that follows the log. */
export type FollowState = 'catching-up' | 'live' | 'stopped' | 'failed'

/** How far something has come, and who waits for it. */
export class Progress {
  #position: Position
  #state: FollowState = 'catching-up'
  readonly #waiting = new Set<Waiting>()
  /** Resolves when it is stopped, rejects when it has failed. */
  readonly ended: Promise<void>
  #end!: { resolve(): void; reject(error: unknown): void }

  constructor(position: Position) {
    this.#position = position
    this.ended = new Promise((resolve, reject) => (this.#end = { resolve, reject }))
    // Whoever looks at it is told; a failure is told in another way besides, and must not end the process.
    void this.ended.catch(() => undefined)
  }

  get position(): Position {
    return this.#position
  }

  get state(): FollowState {
    return this.#state
  }

  /** All up to this position is done; `isEnd` where nothing was behind it. */
  advance(position: Position, isEnd: boolean): void {
    this.#position = position
    if (isEnd && this.#state === 'catching-up') this.#state = 'live'
    for (const waiting of this.#waiting) {
      if (!waiting.isMet()) continue
      this.#waiting.delete(waiting)
      waiting.resolve()
    }
  }

  /** Nothing comes any more. Idempotent: the first end counts. */
  end(failure?: { readonly error: unknown }): void {
    if (this.#state === 'stopped' || this.#state === 'failed') return
    this.#state = failure === undefined ? 'stopped' : 'failed'
    if (failure === undefined) this.#end.resolve()
    else this.#end.reject(failure.error)
    for (const waiting of this.#waiting) waiting.reject(failure === undefined ? stopped() : failure.error)
    this.#waiting.clear()
  }

  /** Resolves when `isMet`, which is asked after every step; rejects when the end comes first. */
  until(isMet: () => boolean, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (isMet()) return resolve()
      if (this.#state === 'stopped' || this.#state === 'failed') {
        void this.ended.then(() => reject(stopped()), reject)
        return
      }
      const abort = (): void => {
        this.#waiting.delete(waiting)
        reject(signal!.reason)
      }
      const over = (end: () => void): void => {
        signal?.removeEventListener('abort', abort)
        end()
      }
      const waiting: Waiting = {
        isMet,
        resolve: () => over(resolve),
        reject: (error) => over(() => reject(error)),
      }
      this.#waiting.add(waiting)
      signal?.addEventListener('abort', abort, { once: true })
      if (signal?.aborted === true) abort()
    })
  }
}

function stopped(): TidingsError {
  return new TidingsError(
    'FOLLOWER_STOPPED',
    'what was waited for does not come: the subscription or projection was stopped\nWait before you stop it, or start it again: it goes on behind its checkpoint.',
  )
}

interface Waiting {
  isMet(): boolean
  resolve(): void
  reject(error: unknown): void
}
