import type { Clock } from '../clock.ts'
import type { DeadLetterStore } from '../stores/dead-letters.ts'
import type { Message } from '../message/message.ts'
import type { Capabilities } from './capabilities.ts'
import type { DeadLetterSink } from './dead-letter-sink.ts'
import type { Backlog, Groups } from './groups.ts'
import type { Settled, Settlement, Work } from './settlement.ts'
import type { TopologyPart, TopologyPlan } from './topology.ts'

/**
 * A broker, as the bus sees it: the mechanics of delivery. What a policy means (attempts, backoff, dead letters, order
 * of retries, idempotence) is the bus's, the same on every transport; a transport only moves messages and settles them.
 *
 * It fits queues, which settle each message, and logs, which commit a position: see {@link Delivery}.
 */
export interface Transport {
  /** What it is called in errors, logs and documentation: `memory`, `rabbitmq`. */
  readonly name: string
  readonly capabilities: Capabilities
  /** Opens a connection, one for each bus. Rejects when the broker cannot be reached at all. */
  connect(options: ConnectOptions): Promise<Connection>
  /** What a bus with these groups needs of the broker. Pure: it asks nobody. */
  topology?(groups: readonly GroupRequest[]): readonly TopologyPart[]
  /** Compares what is needed with what the broker has, and makes nothing. */
  plan?(groups: readonly GroupRequest[]): Promise<TopologyPlan>
  /**
   * Makes what is missing; resolves to the plan that it carried out. Rejects, before anything is made, with an error that
   * names each part that differs.
   */
  apply?(groups: readonly GroupRequest[]): Promise<TopologyPlan>
}

export interface ConnectOptions {
  /** Who connects, for the broker's own pages: the bus's `source`. */
  readonly name: string
  readonly clock: Clock
  /** Gives up connecting; without meaning once connected. */
  readonly signal?: AbortSignal | undefined
  /** Told each change. A connection that broke comes back by itself, its groups with it. */
  onState(state: ConnectionState, error?: unknown): void
  /**
   * Told each message for all groups that reached none, where the transport can tell; a delayed one need not be among
   * them.
   */
  onUnroutable(message: Message): void
}

/** `reconnecting` until the broker answers again; `closed` for good, after `close` or an error that no retry mends. */
export type ConnectionState = 'connected' | 'reconnecting' | 'closed'

/** One bus's way to the broker. */
export interface Connection {
  /**
   * Hands a message to the broker. Nothing returned, or the promise resolved, means: confirmed, so that it is not lost
   * any more by what the capabilities promise. Waits while the broker has no room (backpressure), and while the
   * connection is away.
   *
   * It hands nothing out before it has returned: where handlers publish, one event would be handled within another.
   *
   * `options.signal` is made when it is read: a transport that can confirm at once leaves it alone.
   *
   * Rejects with the signal's reason when it aborts before anything was sent, or with a `NoRoomError` that has the reason
   * as its cause and names the groups that are full; with `OutcomeUnknownError` when the connection broke or the signal
   * aborted in between; with `MessageTooLargeError` beyond `maxMessageSize`, and with `UnknownGroupError` where
   * `outgoing.group` does not exist; both leave the connection usable. Messages that one caller
   * publishes one after the other stay in this order for each key, as far as each is confirmed.
   */
  publish(outgoing: Outgoing, options?: { readonly signal?: AbortSignal | undefined }): void | Promise<void>

  /**
   * Joins a group, making it and its bindings where they do not exist, and hands its messages to `deliver`, never more
   * than `prefetch` unsettled ones; a log may hand out fewer. It may call `deliver`, which never throws, before the
   * promise has resolved. A connection may hold two memberships of one group for a while. Resolves once the group gets
   * what is published from then on; rejects with the reason of `signal` when it aborts before.
   */
  subscribe(request: GroupRequest, deliver: (delivery: Delivery) => void, signal?: AbortSignal): Promise<Membership>

  /** Where dead letters are kept, to be listed and replayed; there when the capability is `'store'`. */
  readonly deadLetters: DeadLetterStore | undefined

  /** Where dead letters go that can only be added to, and replayed as a whole; there when the capability is `'sink'`. */
  readonly deadLetterSink?: DeadLetterSink | undefined

  /** All groups of the broker that the application may see; there when the capability says so. */
  readonly groups?: Groups | undefined

  /** Takes back a delayed message by the id of its event; false when there is none (any more). Needs `cancel`. */
  cancel?(id: string): Promise<boolean>

  /**
   * Writes and publishes in one commit, for code outside of handlers: all that `work` writes and all of `outgoing` is there,
   * in its order, or nothing of it. Needs `transactions`. The work runs once, after what can be refused beforehand was; it
   * shares the commit with others, and what it throws undoes this one alone. What is published is let in beyond the bounds
   * of groups, as effects are.
   *
   * Rejects with what the work throws, with `MessageTooLargeError`, or with `BusClosedError`: then nothing was done; with
   * `OutcomeUnknownError` where that is not known.
   */
  transact?(work: Work | undefined, outgoing: readonly Outgoing[]): Promise<void>

  /**
   * Ends the connection: what was settled is told to the broker first, as far as it answers; what is unsettled goes back
   * to its group at once. No publish is left pending: one that waits rejects with `BusClosedError`, one without an
   * answer in time with `OutcomeUnknownError`. Resolves in bounded time, also while the broker is gone. Idempotent.
   */
  close(): Promise<void>
}

/** A message on its way to the broker. */
export interface Outgoing {
  readonly message: Message
  /**
   * The one group that it is for: a retry, a replay or a reply. Left out: each group that asked for its event type. A
   * group that does not exist is refused, by `UnknownGroupError` and not by `onUnroutable`: the message may stand for a
   * dead letter, which is to be kept then.
   */
  readonly group?: string | undefined
  /**
   * Milliseconds since 1970 before which it must not be delivered. It may be later, by what the broker's delays are
   * made of. It goes to the groups that there are when it was published, or when it is due: the transport chooses.
   */
  readonly notBefore?: number | undefined
  /**
   * Handed out before what waits of its key, but for one that is ready already, and behind what was published `ahead` earlier: a replay is older than all
   * that has come since, and must get through however long that waits. Asked for with `group` only. Where a transport
   * cannot, it comes behind, and the bus lets it pass as far as it holds the others.
   */
  readonly ahead?: boolean | undefined
  /**
   * Let in although its groups are full, as what a settlement sends is: it is a part of one that the bus does step by
   * step, and the event that it waits for keeps that very room.
   */
  readonly beyond?: boolean | undefined
}

/** What a bus asks of a transport for one group. */
export interface GroupRequest {
  /**
   * The whole name, unique among all applications of the broker: letters, digits, `.`, `_` and `-`, 200 at most, which
   * every broker takes as a part of its own names.
   */
  readonly group: string
  /**
   * Event types, and patterns where the transport has them; empty for a group that only gets what is sent to it. What
   * any of its members asks for belongs to the group, and may stay so until `groups.unbind` takes it back: an older member
   * passes over nothing which a newer one wants, so it may be handed what it did not ask for.
   */
  readonly types: readonly string[]
  /**
   * How many deliveries may be unsettled at a time, in this member. A transport that orders by key need not count those
   * whose settlement is on its way: then one commit has many more settlements than handlers run.
   */
  readonly prefetch: number
  /**
   * Whether members mark what they handle. Then the transport that keeps the inbox says with each delivery whether the
   * group has handled it before.
   */
  readonly marks: boolean
  /** Whether messages of one key (see `keyOf`) are to stay in order, across all members of the group. */
  readonly ordered: boolean
  /** Where a group that is new begins: with what is published from now on, or with the oldest that is kept. */
  readonly from: 'latest' | 'earliest'
  /** Lives as long as this connection, and has no other member. */
  readonly temporary: boolean
}

/** One member's place in a group. */
export interface Membership {
  /** No further deliveries for now, without leaving the group. Those handed out can be settled. Idempotent. */
  pause(): void
  resume(): void
  /** What the group has before it; undefined where the transport cannot tell. */
  backlog(): Backlog | undefined | Promise<Backlog | undefined>
  /**
   * No further deliveries. The member keeps its place, and with it the keys or partitions of what it was handed, until
   * that is settled or the connection closes: nobody else may overtake it. Resolves without waiting for it. Idempotent.
   */
  stop(): Promise<void>
}

/**
 * A message handed to a member of a group. It is unsettled until `settle`; a member that dies, or loses its connection or
 * partition, loses its unsettled deliveries, and the messages are delivered again.
 *
 * A queue settles each on its own. A log commits a position: it may commit only what has no unsettled message before it,
 * however late the bus settles that one, and it hands out nothing twice in between.
 *
 * Where a member dies, what it had been handed is under suspicion. What was handed out twice without an end is handed
 * out alone from then on: while it is unsettled, its member gets nothing else. So the next death blames one message and no other.
 */
export interface Delivery {
  readonly message: Message
  /**
   * How often in a row the message was handed out before and came to no end, as its member died or gave it back; a
   * settlement begins the count anew. Undefined where the transport does not count.
   */
  readonly redeliveries: number | undefined
  /**
   * Whether its group has marked the event before, where the transport keeps the inbox; else undefined. It may be known
   * since the delivery was handed out, but what this connection has settled since then counts.
   */
  readonly handledBefore: boolean | undefined
  /** Aborts when it is ours no more, so that its handler can stop. One signal may serve many deliveries. */
  readonly lost: AbortSignal
  /**
   * Ends it. Nothing returned, or the promise resolved: done, as durably as the capabilities say; a crash before that
   * means another delivery. A log moves its position when nothing before it is unsettled. Where `atomic`, all of the
   * settlement is one commit; elsewhere `inSafeOrder` does it. What a settlement sends is let in beyond the bound of a
   * group, and an effect for a group that does not exist is told to `onUnroutable`.
   *
   * Rejects with `SettlementRefusedError` when nothing was done and the same would be refused again, or with the
   * `MessageTooLargeError` or `UnknownGroupError` of a step, which counts for the same; with any other error
   * when it is not known to be done: then the bus tries again while the delivery is ours. Answers `'lost'`, and does
   * nothing, when it is lost or settled already.
   */
  settle(settlement: Settlement): Settled | Promise<Settled>
}
