import type { ConsumeMessage } from 'amqplib'
import {
  type Backlog,
  type Delivery,
  type GroupRequest,
  HeldDeliveries,
  type JoinedPlace,
  type Membership,
  type Settled,
  type Settlement,
} from '@tidings/bus/transport'
import type { Link } from '../link.ts'
import { decode, returnsOf } from '../wire/decode.ts'
import type { Intake } from './intake.ts'
import { carryOut, isBare, type Sender } from './settle.ts'

/** How often a message that may not have been begun counts as handed out, at most: it is handed out alone then. */
const suspected = 2

/** What a {@link Member} takes from: the queue of its group, or those of its partitions that are its own. */
export interface Source {
  /** Begins on a link. Rejects where the broker refuses. */
  open(link: Link, member: Member): Promise<void>
  /** What it takes from now. */
  readonly intakes: Iterable<Intake>
  /** There is room for more. Where a source hands out by itself whatever comes, it has none of this. */
  handOut?(): void
  /** The connection is about to end: others are told, who have what is its own. */
  leave?(): void
  /** Takes no more for now, or goes on; others may have what waits. Neither rejects. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Ends all that it takes from, in order: what is unsettled goes back. Never rejects. */
  close(): Promise<void>
  /** Messages that wait; undefined while there is no link. */
  waiting(): Promise<number | undefined>
}

/** A member of a group, which joins it anew on every link. */
export class Member implements Membership {
  /** Its place among those who join. */
  place: JoinedPlace | undefined
  readonly request: GroupRequest
  readonly #held: HeldDeliveries
  readonly #source: Source
  readonly #sender: Sender
  #isPaused = false
  #stopping: Promise<void> | undefined

  constructor(
    request: GroupRequest,
    deliver: (delivery: Delivery) => void,
    source: Source,
    sender: Sender,
    onLeft: (member: Member) => void,
  ) {
    this.request = request
    this.#source = source
    this.#sender = sender
    this.#held = new HeldDeliveries({
      prefetch: request.prefetch,
      deliver,
      onRoom: () => this.#source.handOut?.(),
      onLeft: () => {
        // Nobody may have its place before it holds nothing.
        void this.#source.close()
        onLeft(this)
      },
    })
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  get isStopped(): boolean {
    return this.#stopping !== undefined
  }

  async join(link: Link): Promise<void> {
    if (!this.isStopped) await this.#source.open(link, this)
  }

  /** How many it would hand out if they came. */
  get wanted(): number {
    return this.#held.wanted
  }

  /** Takes what a queue has delivered. */
  readonly take = (message: ConsumeMessage, intake: Intake): void => {
    this.handOut(message, intake, intake.acks.size === 1)
  }

  /**
   * Hands out what a queue has delivered. `isFirst`: nothing that was delivered before it is unsettled. The broker counts
   * what it has had back, begun or not: of several that came together only the first was begun.
   */
  handOut(message: ConsumeMessage, intake: Intake, isFirst: boolean): void {
    const decoded = decode(message)
    const returns = returnsOf(message)
    this.#held.take(
      {
        message: decoded,
        redeliveries: isFirst ? returns : Math.min(returns, suspected),
        handledBefore: undefined,
        settle: (settlement) => this.#settle(settlement, message, intake, decoded),
      },
      intake.lease,
    )
    // It was on its way when this member paused: others may have it.
    if (this.#isPaused && !this.request.ordered) void this.#held.giveBackAhead()
  }

  pause(): void {
    if (this.#isPaused || this.isStopped) return
    this.#isPaused = true
    this.#held.pause()
    // An ordered group keeps its place in the line of those who may be active, and with it what it was handed.
    if (this.request.ordered) return
    void this.#source.pause()
    void this.#held.giveBackAhead()
  }

  resume(): void {
    if (!this.#isPaused || this.isStopped) return
    this.#isPaused = false
    this.#held.resume()
    if (!this.request.ordered) void this.#source.resume()
  }

  async backlog(): Promise<Backlog | undefined> {
    const waiting = await this.#source.waiting()
    if (waiting === undefined) return undefined
    // What waits for a retry is a copy among those that are delayed, of all groups: nobody counts them apart.
    const unknown = { delayed: 0, retrying: 0, retryAt: undefined, full: false }
    return { waiting, handedOut: this.#held.size, ...unknown }
  }

  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop())
  }

  async #stop(): Promise<void> {
    this.place?.leave()
    this.#held.pause()
    if (!this.request.ordered) await this.#source.pause()
    await this.#held.stop()
  }

  #settle(
    settlement: Settlement,
    message: ConsumeMessage,
    intake: Intake,
    decoded: Delivery['message'],
  ): Settled | Promise<Settled> {
    if (settlement.as === 'given-back') {
      // Where order is kept all goes back at once, when the channel is closed: one by one, it would come again.
      if (!(this.request.ordered && this.isStopped)) intake.acks.giveBack(message)
      return
    }
    if (isBare(settlement)) {
      intake.acks.acknowledge(message)
      return
    }
    return carryOut(settlement, this.request.group, decoded, this.#sender).then(() => intake.acks.acknowledge(message))
  }
}
