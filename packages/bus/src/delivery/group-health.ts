import type { GroupHealth, HealthStatus } from '../bus/health.ts'
import type { GroupConsumer } from './group-consumer.ts'
import { soon } from './soon.ts'

/** How a group stands. What waits for its next attempt is no sign of a stall. */
export async function healthOf(
  { group, held, attempts, membership, isMember, settledCount, lastProgress }: GroupConsumer,
  now: number,
  stalledAfter: number,
  overall: HealthStatus,
): Promise<GroupHealth> {
  const { busySince } = held
  const isStalled = busySince !== undefined && now - Math.max(lastProgress ?? 0, busySince) > stalledAfter
  const resting = held.resting().length
  const running = held.size - resting + held.left.length
  const { waiting } = held
  // Asked in the same moment, so that what goes from here to the broker meanwhile is not left out of both.
  const backlog = await soon(async () => membership.backlog())
  const own = !isMember ? 'starting' : isStalled ? 'stalled' : backlog?.full === true ? 'full' : 'ok'
  return {
    group,
    status: overall === 'ok' ? own : overall,
    running,
    held: resting,
    overdue: attempts.overdue,
    waiting: backlog?.waiting,
    delayed: backlog?.delayed,
    retrying: waiting + (backlog?.retrying ?? 0),
    retryAt: backlog?.retryAt === undefined ? undefined : new Date(backlog.retryAt).toISOString(),
    settled: settledCount,
    lastProgress: lastProgress === undefined ? undefined : new Date(lastProgress).toISOString(),
  }
}
