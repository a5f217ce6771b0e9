import { systemClock } from '@tidings/bus'
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
import { decode, type KafkaRecord } from '../wire/decode.ts'
import { carryOut, isBare, type Sender } from './settle.ts'
import type { Begun, Slice } from './slice.ts'

/** Milliseconds for which others wait until what is under way here has ended, when partitions are shared out anew. */
const grace = 1000

/** Where a member has its partitions from. */
export interface Session {
  readonly slices: readonly Slice[]
  readonly isSettled: boolean
  join(): Promise<void>
  poke(): void
  settled(): void
  lag(): Promise<number>
  leave(): Promise<void>
  end(cause: unknown): void
  destroy(cause: unknown): Promise<void>
}

/** What a {@link Member} is made of. */
export interface MemberOptions {
  readonly request: GroupRequest
  readonly sender: Sender
  /** Whether the group wants a record that its topics have. */
  wants(record: KafkaRecord, topic: string): boolean
  deliver(delivery: Delivery): void
  onLeft(member: Member): void
}

/** A member of a group. */
export class Member implements Membership {
  /** Its place among those who join. */
  place: JoinedPlace | undefined
  session: Session | undefined
  readonly request: GroupRequest
  readonly #options: MemberOptions
  readonly #held: HeldDeliveries
  #next = 0
  #isStopped = false
  #whenIdle: (() => void) | undefined

  constructor(options: MemberOptions) {
    this.request = options.request
    this.#options = options
    this.#held = new HeldDeliveries({
      prefetch: options.request.prefetch,
      deliver: (delivery) => options.deliver(delivery),
      onRoom: () => this.handOut(),
      onLeft: () => void this.#leave(),
    })
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  /** Hands out what has come, from each partition in turn, as far as there is room. */
  handOut(): void {
    const { session } = this
    if (session === undefined || !session.isSettled || this.#isStopped) return
    const { slices } = session
    let empty = 0
    let hasMoved = false
    while (this.#held.wanted > 0 && empty < slices.length) {
      const slice = slices[this.#next++ % slices.length]!
      const record = slice.take()
      if (record === undefined) empty++
      else {
        empty = 0
        hasMoved = true
        if (this.#options.wants(record, slice.topic)) this.#take(record, slice, slice.begin(record))
        else session.settled()
      }
    }
    if (hasMoved) session.poke()
  }

  /** Resolves when nothing is handed out, or after a moment. */
  async drain(): Promise<void> {
    if (this.#held.size === 0) return
    await new Promise<void>((resolve) => {
      const cancel = systemClock.after(grace, resolve)
      this.#whenIdle = () => {
        cancel()
        resolve()
      }
    })
    this.#whenIdle = undefined
  }

  pause(): void {
    this.#held.pause()
  }

  resume(): void {
    this.#held.resume()
  }

  async backlog(): Promise<Backlog | undefined> {
    try {
      const lag = await this.session?.lag()
      if (lag === undefined) return undefined
      const handedOut = this.#held.size
      // What waits for a retry is a copy in the topics of delays, among those of all groups: nobody counts them apart.
      const unknown = { delayed: 0, retrying: 0, retryAt: undefined, full: false }
      return { waiting: Math.max(0, lag - handedOut), handedOut, ...unknown }
    } catch {
      return undefined
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.place?.leave()
    await this.#held.stop()
  }

  async #leave(): Promise<void> {
    this.#options.onLeft(this)
    await this.session?.leave()
  }

  #take(record: KafkaRecord, slice: Slice, begun: Begun): void {
    const message = decode(record)
    this.#held.take(
      {
        message,
        redeliveries: undefined,
        handledBefore: undefined,
        settle: (settlement) => this.#settle(settlement, { record, slice, begun, message }),
      },
      slice.lease,
    )
  }

  #settle(settlement: Settlement, out: HandedOut): Settled | Promise<Settled> {
    const { message, slice, record, begun } = out
    if (settlement.as === 'given-back') {
      // It is not committed: whoever has the partition next begins with it. While we stay, that is us.
      if (!this.#isStopped) systemClock.after(0, () => this.#take(record, slice, begun))
      this.#ended()
      return
    }
    if (isBare(settlement)) return this.#end(out)
    return carryOut(settlement, this.request.group, message, this.#options.sender).then(() => this.#end(out))
  }

  #end({ slice, begun }: HandedOut): void {
    slice.end(begun)
    this.session?.settled()
    this.#ended()
  }

  #ended(): void {
    // The books still count the one that ends just now.
    if (this.#whenIdle !== undefined && this.#held.size <= 1) this.#whenIdle()
  }
}

interface HandedOut {
  readonly message: Delivery['message']
  readonly record: KafkaRecord
  readonly slice: Slice
  readonly begun: Begun
}
