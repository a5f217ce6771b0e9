/** What names an event: no two have the same `id` and `source`. */
export interface EventIdentity {
  readonly source: string
  readonly id: string
}

/**
 * What the groups have handled, so that an `idempotent` handler sees an event once (Idempotent Receiver in Enterprise
 * Integration Patterns). All members of a group share it, whatever process they are in. Both methods may be
 * asynchronous; one that throws or rejects, or whose answer is no boolean, is asked again, after 100 ms at first and
 * every 5 s at last, and costs the event no attempt.
 */
export interface Inbox {
  /** Whether `add` was called with the event for the group, whose name is whole (`context.group`), and it is still known. */
  has(event: EventIdentity, group: string): boolean | Promise<boolean>
  /** Remembers the event. Called when the group has handled it, before it is settled; perhaps more than once. */
  add(event: EventIdentity, group: string): unknown
}
