import { type Duration, milliseconds, TidingsError } from '@tidings/core'
import { asPosition, type Position } from '../position.ts'
import type { FollowState } from './progress.ts'

/** What follows the log and knows how far it has come: a running subscription or projection. */
export interface Follower {
  readonly name: string
  /** All up to here is done. */
  readonly position: Position
  readonly state: FollowState
  /** Resolves when all up to a position is done; rejects when that cannot come any more, or the signal aborts. */
  reached(position: Position, signal?: AbortSignal): Promise<void>
}

/** A follower did not come to a position in time. */
export class WaitTimeoutError extends TidingsError<'WAIT_TIMEOUT'> {
  override readonly name = 'WaitTimeoutError'

  constructor({ name, position, state }: Follower, wanted: Position, timeout: number) {
    super(
      'WAIT_TIMEOUT',
      `"${name}" did not come to position ${wanted} within ${timeout}ms: it is ${state}, at ${position}\nIt is behind: wait longer, or answer with what it has.`,
      { details: { name, wanted, position, state, timeout } },
    )
  }
}

/**
 * Waits until a subscription or a projection has seen what was appended: to read your own writes. `timeout` is 5 s where
 * it is left out.
 *
 * @throws WaitTimeoutError
 * @throws what ended the follower, where it has ended
 *
 * @example
 * const { position } = await store.append('order-42', events)
 * await waitFor(revenue, position, { timeout: '2s' })
 */
export async function waitFor(
  follower: Follower,
  position: Position,
  options: { readonly timeout?: Duration | undefined } = {},
): Promise<void> {
  const timeout = milliseconds(options.timeout ?? '5s', 'timeout')
  const wanted = asPosition(position)
  const aborting = new AbortController()
  const timer = setTimeout(() => aborting.abort(new WaitTimeoutError(follower, wanted, timeout)), timeout)
  try {
    await follower.reached(wanted, aborting.signal)
  } finally {
    clearTimeout(timer)
  }
}
