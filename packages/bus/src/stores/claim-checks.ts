/**
 * Where `claimCheck` keeps large data: a bucket, a table, a directory. All processes that publish or handle the events
 * share it. Every method is atomic, also among processes, and may be asynchronous. What one has resolved or returned
 * survives what the store is meant to survive; one that throws or rejects may have done its work or not, and is called
 * again when its caller tries again.
 */
export interface ClaimCheckStore {
  /**
   * Keeps the bytes. Keys are 43 letters, digits, `-` and `_`, the hash of the bytes: a key that is there already has the
   * same bytes, and only its age begins anew.
   *
   * Atomic: `get` finds all of the bytes or none. Throws where there is no room, or where it cannot write: the event is
   * not published then, and `publish` rejects with the same error.
   */
  put(key: string, bytes: Uint8Array): void | Promise<void>
  /**
   * The bytes; undefined when they are not there, or not any more.
   *
   * Atomic: all that one `put` kept. Throws where it cannot tell: that is a failed attempt, and the event is tried again.
   */
  get(key: string): Uint8Array | undefined | Promise<Uint8Array | undefined>
}
