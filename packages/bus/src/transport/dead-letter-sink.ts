/** How letters of a sink are sent back. */
export interface SinkReplay {
  /** Letters a second at most. */
  readonly rate: number
  /** Letters at most. */
  readonly limit: number
  /** Ends it after the letter that is under way. */
  readonly signal: AbortSignal
}

/**
 * Where a transport adds dead letters to what the users of the broker look into with their own tools: a queue or a topic
 * for each group. A settlement adds to it; it is replayed as a whole.
 */
export interface DeadLetterSink {
  /**
   * Sends the letters of a group back to it, oldest first, as they were received; each goes when its copy is confirmed, so
   * that a crash in between duplicates and never loses. Resolves to their number. Those that come meanwhile stay. Rejects
   * with `OutcomeUnknownError` when the connection broke in between: then it is nobody's to repeat but the caller's.
   */
  replay(group: string, options: SinkReplay): Promise<number>
}
