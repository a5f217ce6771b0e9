/** What a group has before it. */
export interface Backlog {
  /** Due, and handed out to nobody. */
  readonly waiting: number
  /** Handed out to some member, and not settled. */
  readonly handedOut: number
  /** Published with a delay, and not due yet. */
  readonly delayed: number
  /** Failed, and not due for their next attempt yet. */
  readonly retrying: number
  /** When the next of these is due, in milliseconds since 1970. */
  readonly retryAt: number | undefined
  /**
   * When the oldest came of those that are waiting, handed out or retrying, in milliseconds since 1970: nothing of what came
   * before is left. Undefined where there is none, or where the transport cannot tell.
   */
  readonly oldest?: number | undefined
  /** Whether a `publish` to it waits for room. */
  readonly full: boolean
}

/** A group on the broker. */
export interface Group extends Backlog {
  /** The whole name. */
  readonly group: string
  /** Event types and patterns. */
  readonly types: readonly string[]
  readonly members: number
  /** Whether messages of one key are in order in it, as its members asked when it was made, or joined last. */
  readonly ordered: boolean
  /** Lives as long as a connection. */
  readonly temporary: boolean
}

/** The groups of a broker, to be looked at and taken away. */
export interface Groups {
  /** All that there are, whether somebody is in them or not. */
  list(): readonly Group[] | Promise<readonly Group[]>
  /**
   * Takes a group away with all that waits in it, and lets those go that wait for room in it. False when there is none.
   * Rejects with `GroupInUseError` while it has members.
   */
  remove(group: string): boolean | Promise<boolean>
  /** Takes back some of its types: what is published from then on does not reach it by them. False when there is none. */
  unbind(group: string, types: readonly string[]): boolean | Promise<boolean>
}
