import { soon } from '../delivery/soon.ts'
import type { ConnectionState } from '../transport/transport.ts'

/**
 * `ok`; `starting` and `reconnecting` on the way there; `stalled`: deliveries, but nothing settled for too long; `full`: a
 * group has no room, so that who publishes to it waits.
 */
export type HealthStatus = 'ok' | 'starting' | 'reconnecting' | 'stalled' | 'full' | 'closing' | 'closed'

export interface Health {
  readonly status: HealthStatus
  readonly connection: ConnectionState
  readonly groups: readonly GroupHealth[]
  /** The whole names of all groups of the broker that have no room, also those that this bus is not in. */
  readonly full: readonly string[]
}

export interface GroupHealth {
  readonly group: string
  readonly status: HealthStatus
  /** Handlers running. */
  readonly running: number
  /** Deliveries held that wait for a slot, for their key, or, where the transport cannot keep it, for their next attempt. */
  readonly held: number
  /** Attempts that went on after their timeout, since their handler does not heed its signal. */
  readonly overdue: number
  /** Messages at the broker that nobody was given yet; undefined where it cannot tell. */
  readonly waiting: number | undefined
  /** Published with a delay, and not due yet; undefined where the broker cannot tell. */
  readonly delayed: number | undefined
  /** Events that failed and wait for their next attempt, at the broker or here. */
  readonly retrying: number
  /** When the next of those at the broker is due, RFC 3339. */
  readonly retryAt: string | undefined
  /** Settled since the start. */
  readonly settled: number
  /** When a delivery was last settled, RFC 3339; undefined before the first. */
  readonly lastProgress: string | undefined
}

/** How all of it stands: `groups` are asked how they do while the bus itself is as it is. */
export async function healthOfBus(
  overall: HealthStatus,
  connection: ConnectionState,
  broker: { full(): Promise<readonly string[]> },
  groupsOf: (overall: HealthStatus) => readonly Promise<GroupHealth>[],
): Promise<Health> {
  const groups = await Promise.all(groupsOf(overall))
  // A broker that is known to be away is not asked.
  const full = overall === 'ok' ? ((await soon(() => broker.full())) ?? []) : []
  const worst = groups.find((group) => group.status !== 'ok')?.status ?? overall
  return { status: worst === 'ok' && full.length > 0 ? 'full' : worst, connection, groups, full }
}
