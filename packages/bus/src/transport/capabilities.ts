/**
 * What a transport can do. One object that drives three things: the check at start-up, which cases of the conformance
 * suite run, and the table of the documentation. A transport states here what it does, never what it might.
 */
export interface Capabilities {
  /** What was confirmed survives a crash of the broker. */
  readonly durable: boolean
  /** Members may connect from other processes. */
  readonly remote: boolean
  /**
   * How messages of one key stay in order within a group. `'key'`: while one of them is unsettled, or waits for its next
   * attempt, no other is handed out. `'partition'`: they come in order to one member at a time, and that member keeps
   * their order. `'none'`.
   */
  readonly ordering: 'key' | 'partition' | 'none'
  /**
   * All of a settlement is one commit: acknowledgement, mark, effects and letter are there together or not at all. Else
   * they are done in the one safe order (see `inSafeOrder`).
   */
  readonly atomic: boolean
  /**
   * A handler may join the commit of its settlement with writes of its own, and code outside of handlers may write and
   * publish in one. Needs `atomic`.
   */
  readonly transactions: boolean
  /** Groups may ask for event types by pattern. */
  readonly wildcards: boolean
  /** `notBefore` is honoured: a message waits at the broker, in nobody's way. */
  readonly delay: boolean
  /** A delayed message can be taken back. */
  readonly cancel: boolean
  /**
   * Where dead letters go. `'store'`: they can be listed, edited, replayed one by one, and park a key. `'sink'`: they are
   * added to what the users of the broker look into with their own tools. `'none'`: nowhere.
   */
  readonly deadLetters: 'store' | 'sink' | 'none'
  /** Keeps for each group what it has handled, for all of its members, as durably as its messages. */
  readonly inbox: boolean
  /** Groups that live as long as a connection: what replies come back by. */
  readonly temporaryGroups: boolean
  /** All groups can be listed, and removed. */
  readonly groups: boolean
  /** A new group can begin with the oldest message that is kept, `from: 'earliest'`. */
  readonly history: boolean
  /** Says when a message that is not delayed reaches no group at all. */
  readonly unroutable: boolean
  /** Counts how often a message was handed out, so that one which ends the process each time is found out. */
  readonly redeliveries: boolean
  /** A message published twice with one id within a window is kept once. */
  readonly deduplication: boolean
  /** `backlog` tells what a group has before it. */
  readonly waiting: boolean
  /** Bytes of a message's body, attributes and headers together at most; `Infinity` for no bound. */
  readonly maxMessageSize: number
  /** Bytes of its attributes and headers alone at most, which many brokers bound apart. */
  readonly maxHeadersSize: number
  /** Milliseconds for which a delivery can stay unsettled; `Infinity` for as long as the connection lives. */
  readonly maxHold: number
}
