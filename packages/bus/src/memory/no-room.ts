import { NoRoomError } from '../errors.ts'
import type { Group } from './group.ts'
import type { Gate } from './room.ts'

/** Which groups a publish has waited for in vain, and of what they are full. */
export function fullness(gates: readonly Gate<Group>[], type: string, reason: unknown): Error {
  const full = gates.filter(({ hasRoom }) => !hasRoom)
  // It was on its way in this very moment, or stood behind another one.
  const named = (full.length > 0 ? full : gates).map(({ group }) => ({ group: group.name, ...group.backlog() }))
  return new NoRoomError(type, named, reason)
}
