/** What names an event: no two have the same `id` and `source`. */
export interface EventIdentity {
  readonly source: string
  readonly id: string
}

/**
 * What the groups have handled, so that an `idempotent` handler sees an event once (Idempotent Receiver in Enterprise
 * Integration Patterns). All members of a group share it, whatever process they are in. Every method is atomic, also
 * among processes, and may be asynchronous. What `add` has resolved or returned survives what the inbox is meant to
 * survive; a method that throws or rejects may have done its work or not, and is called again when the event comes again.
 */
export interface Inbox {
  /**
   * Whether `add` was called with the event for the group, and it is still known. A group of a bus is named as a whole
   * (`context.group`).
   *
   * Atomic: true from the moment on when an `add` has ended. Throws where it cannot tell. A bus asks again then, and also
   * when the answer is no boolean, after 100 ms at first and every 5 s at last, which costs the event no attempt; the
   * decorator `idempotent` fails the call.
   */
  has(event: EventIdentity, group: string): boolean | Promise<boolean>
  /**
   * Remembers the event. Called when the group has handled it, before it is settled; perhaps more than once. Without
   * effect for an event that is known.
   *
   * Atomic: the event is known or not, to all who ask. Throws where it cannot write: a bus tells it again, as it asks
   * again; the decorator `idempotent` fails the call.
   */
  add(event: EventIdentity, group: string): unknown
}
