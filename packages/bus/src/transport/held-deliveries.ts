import { isThenable, whole } from '@tidings/core/tools'
import { List, type ListNode } from '../collections/list.ts'
import type { Message } from '../message/message.ts'
import type { GivenBack, Settled, Settlement } from './settlement.ts'
import { isSuspect } from './suspect.ts'
import type { Delivery } from './transport.ts'

/** A message that the broker has given to a member. */
export interface Taken extends Pick<Delivery, 'redeliveries' | 'handledBefore'> {
  readonly message: Message
  /**
   * Carries a settlement out at the broker, as `Delivery.settle` says. It is not called while it is under way, nor when
   * it has succeeded or the lease is lost; after a failure it is called again.
   */
  settle(settlement: Settlement): Settled | Promise<Settled>
}

/** How {@link HeldDeliveries} are handed out. */
export interface HeldOptions {
  /** Deliveries that are unsettled, at most. */
  readonly prefetch: number
  /** Hands one to the bus; never throws. */
  deliver(delivery: Delivery): void
  /** It `wants` more: time to take from the broker. Called often, and never while it is paused or has stopped. */
  onRoom?(): void
  /** It has stopped and holds nothing any more, so that its place, its keys or partitions are anybody's. Called once. */
  onLeft?(): void
}

let booksOf: (lease: Lease) => LeaseBooks

/** Deliveries that are lost together: those of one link, one channel or one partition. */
export class Lease {
  readonly #books: LeaseBooks
  readonly #lost = new AbortController()

  static {
    booksOf = (lease) => lease.#books
  }

  /** `onEmpty` is called whenever the last of its deliveries has come to an end. */
  constructor(options: { readonly onEmpty?: (() => void) | undefined } = {}) {
    this.#books = { held: new Set(), onEmpty: options.onEmpty }
  }

  /** What its deliveries have as `lost`. */
  get signal(): AbortSignal {
    return this.#lost.signal
  }

  /** Its deliveries are ours no more: settling them does nothing. What comes by it later is left out. Idempotent. */
  lose(cause: unknown): void {
    if (this.#lost.signal.aborted) return
    const lost = [...this.#books.held]
    for (const held of lost) held.leave()
    this.#lost.abort(cause)
    for (const update of new Set(lost.map((held) => held.update))) update()
  }
}

/**
 * The books of one membership: what it holds, each settled once; what was taken from the broker ahead of its turn, in
 * the order in which it came; pause, and a stop that keeps the place until all is settled. A message that may be what
 * ends its members is handed out alone.
 *
 * @example
 * const held = new HeldDeliveries({ prefetch, deliver, onRoom: () => channel.read(held.wanted), onLeft: () => channel.close() })
 * channel.onMessage = (raw) => held.take({ ...read(raw), settle: (settlement) => settle(raw, settlement) }, lease)
 * channel.onClose = (error) => lease.lose(error)
 */
export class HeldDeliveries {
  readonly #options: HeldOptions
  /** Taken, and not handed out yet. */
  readonly #ahead = new List<Held>()
  readonly #out = new List<Held>()
  #paused = false
  #stopped = false
  #handing = false
  #asking = false
  #asksAgain = false
  #left = false
  /** What was taken ahead is being given back. */
  #returning: Promise<void> | undefined

  /** @throws TidingsError `INVALID_ARGUMENT` for a prefetch that is no whole number from 1 on */
  constructor(options: HeldOptions) {
    this.#options = options
    whole(options.prefetch, 1, 'prefetch', true)
  }

  /** Deliveries that are handed out and unsettled. */
  get size(): number {
    return this.#out.size
  }

  /** How many messages it would hand out if they came: what to ask the broker for. */
  get wanted(): number {
    if (this.#paused || this.#stopped) return 0
    return Math.max(0, this.#options.prefetch - this.#out.size - this.#ahead.size)
  }

  /**
   * Hands a message out as soon as there is room. One that comes by a lease that is lost is left to the broker; one that
   * comes behind `stop` is given back.
   */
  take(taken: Taken, lease: Lease): void {
    if (lease.signal.aborted) return
    new Held(taken, lease, this.#update).enter(this.#ahead)
    if (this.#stopped) void this.stop()
    else this.#update()
  }

  /** Hands nothing out for now: what was taken ahead waits here, unless it is given back. Idempotent. */
  pause(): void {
    this.#paused = true
  }

  /** Idempotent. */
  resume(): void {
    this.#paused = false
    this.#update()
  }

  /**
   * Hands nothing out any more. What was taken ahead is given back, oldest first, as untouched; what was handed out can be
   * settled still. Resolves when that is given back. Idempotent, never rejects.
   */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.giveBackAhead()
  }

  /**
   * Gives back what was taken ahead, oldest first, as untouched, and hands nothing out meanwhile. For a pause of an
   * unordered group: other members may have it. Resolves when it is given back; never rejects.
   */
  async giveBackAhead(): Promise<void> {
    if (this.#ahead.size > 0) await (this.#returning ??= this.#returnAhead())
    this.#update()
  }

  /**
   * Stops, and gives back all that is unsettled, oldest first. What is being settled is left to that. Resolves when it is
   * given back. Idempotent, never rejects.
   */
  async close(): Promise<void> {
    this.#stopped = true
    for (const held of this.#out) await giveBack(held, true)
    await this.stop()
  }

  async #returnAhead(): Promise<void> {
    for (let next = this.#ahead.first?.value; next !== undefined; next = this.#ahead.first?.value) {
      await giveBack(next, false)
      // What could not be given back is held still.
      if (this.#ahead.first?.value === next) next.enter(this.#out)
    }
    this.#returning = undefined
  }

  /** Something has come or gone. */
  readonly #update = (): void => {
    this.#handOut()
    if (this.wanted > 0) this.#askForMore()
    if (!this.#stopped || this.#left || this.#out.size + this.#ahead.size > 0) return
    this.#left = true
    this.#options.onLeft?.()
  }

  #askForMore(): void {
    // What is taken at once asks for more from within: again, and not deeper and deeper.
    this.#asksAgain = true
    if (this.#asking) return
    this.#asking = true
    try {
      while (this.#asksAgain && this.wanted > 0) {
        this.#asksAgain = false
        this.#options.onRoom?.()
      }
    } finally {
      this.#asking = false
    }
  }

  #handOut(): void {
    // One that is settled while it is handed out would else hand out the next one from within, and so on.
    if (this.#handing) return
    this.#handing = true
    try {
      for (let next = this.#next(); next !== undefined; next = this.#next()) {
        next.enter(this.#out)
        this.#options.deliver(next)
      }
    } finally {
      this.#handing = false
    }
  }

  #next(): Held | undefined {
    if (this.#paused || this.#stopped || this.#returning || this.#out.size >= this.#options.prefetch) return undefined
    const next = this.#ahead.first?.value
    const other = this.#out.first?.value
    return next !== undefined && other !== undefined && (isSuspect(next) || isSuspect(other)) ? undefined : next
  }
}

interface LeaseBooks {
  readonly held: Set<Held>
  readonly onEmpty: (() => void) | undefined
}

class Held implements Delivery {
  /** Of who holds it. */
  readonly update: () => void
  readonly #taken: Taken
  readonly #lease: Lease
  #list: List<Held> | undefined
  #place: ListNode<Held> | undefined
  #settling = false

  constructor(taken: Taken, lease: Lease, update: () => void) {
    this.#taken = taken
    this.#lease = lease
    this.update = update
  }

  get message(): Message {
    return this.#taken.message
  }

  get redeliveries(): number | undefined {
    return this.#taken.redeliveries
  }

  get handledBefore(): boolean | undefined {
    return this.#taken.handledBefore
  }

  get lost(): AbortSignal {
    return this.#lease.signal
  }

  settle(settlement: Settlement): Settled | Promise<Settled> {
    // Lost, settled, or about to be.
    if (this.#list === undefined || this.#settling) return 'lost'
    this.#settling = true
    try {
      const settled = this.#taken.settle(settlement)
      return isThenable(settled) ? this.#settled(settled) : this.#end(settled)
    } catch (error) {
      this.#settling = false
      return Promise.reject(error)
    }
  }

  enter(list: List<Held>): void {
    this.#list?.remove(this.#place!)
    this.#list = list
    this.#place = list.push(this)
    booksOf(this.#lease).held.add(this)
  }

  /** It is nobody's any more. */
  leave(): void {
    this.#list?.remove(this.#place!)
    this.#list = this.#place = undefined
    booksOf(this.#lease).held.delete(this)
  }

  async #settled(settling: PromiseLike<Settled>): Promise<Settled> {
    try {
      return this.#end(await settling)
    } finally {
      // What has failed is held still, if it is not lost.
      this.#settling = false
    }
  }

  #end(settled: Settled): Settled {
    if (this.#list === undefined) return settled
    this.leave()
    const { held, onEmpty } = booksOf(this.#lease)
    if (held.size === 0) onEmpty?.()
    this.update()
    return settled
  }
}

async function giveBack(held: Held, begun: boolean): Promise<void> {
  const settlement: GivenBack = { as: 'given-back', begun }
  try {
    await held.settle(settlement)
  } catch {
    // Nobody is left to try again: it comes back when its lease ends.
  }
}
