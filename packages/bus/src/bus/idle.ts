import type { Clock } from '../clock.ts'
import type { GroupConsumer } from '../delivery/group-consumer.ts'
import { IdleTimeoutError } from '../errors.ts'

/** Milliseconds between two looks, the first time and at most. */
const firstLook = 1
const lastLook = 50

/** What is looked at. */
interface Watched {
  readonly clock: Clock
  /** Ends the wait. */
  readonly closing: AbortSignal
  groups(): readonly GroupConsumer[]
  /** Whether no publish of the bus is under way. */
  isSettled(): boolean
}

/** Resolves when nothing is left to do; rejects with what is left when the time is up, or with the reason of the end. */
export async function untilIdle(watched: Watched, timeout: number): Promise<void> {
  const { clock, closing } = watched
  const end = clock.now() + timeout
  // Looked at twice: while a broker elsewhere is asked, an event may go from a group asked later to one asked before.
  let wasIdle = false
  for (let look = firstLook; ; look = Math.min(lastLook, 2 * look)) {
    closing.throwIfAborted()
    const left = await whatIsLeft(watched.groups(), watched.isSettled())
    if (left.length === 0 && wasIdle) return
    wasIdle = left.length === 0
    if (wasIdle) continue
    const now = clock.now()
    if (now >= end) throw new IdleTimeoutError(timeout, left.join(', '))
    await pause(clock, Math.min(look, end - now), closing)
  }
}

async function whatIsLeft(groups: readonly GroupConsumer[], isSettled: boolean): Promise<string[]> {
  // All are asked in one breath: a broker in this process answers for one moment.
  const asked = groups.map(async ({ group, held, membership }) => {
    const open = held.size + held.left.length
    return { group, open, backlog: await membership.backlog() }
  })
  const left = isSettled ? [] : ['a publish is under way']
  for (const { group, open, backlog } of await Promise.all(asked)) {
    if (open > 0) left.push(`group "${group}" holds ${open}`)
    if (backlog === undefined) continue
    if (backlog.waiting > 0) left.push(`${backlog.waiting} wait for group "${group}"`)
    if (backlog.retrying > 0) left.push(`${backlog.retrying} wait for a retry in group "${group}"`)
    // Another member has them, or they are on their way to this one.
    if (open === 0 && backlog.handedOut > 0) left.push(`${backlog.handedOut} are handed out in group "${group}"`)
  }
  return left
}

function pause(clock: Clock, time: number, closing: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel()
      closing.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.after(time, end)
    closing.addEventListener('abort', end)
  })
}
