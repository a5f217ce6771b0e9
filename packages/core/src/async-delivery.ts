import { asyncSnapshot, type Snapshot } from './async-context.ts'
import { CausalChains, type Chain, count } from './causal-chain.ts'
import { atLeast, invalidArgument, oneOf } from './check.ts'
import { PendingOverflowError } from './dispatch-errors.ts'
import type { Guard } from './guard.ts'
import { Latch, type Settling } from './latch.ts'
import type { AsyncDispatcherOptions } from './options.ts'
import type { Entry } from './subscription.ts'
import { promiseOf } from './thenable.ts'
import type { Topic } from './topic.ts'

/** An event on its way through its handlers. */
interface Delivery {
  readonly topic: Topic
  readonly payload: unknown
  readonly entries: readonly Entry[]
  readonly chain: Chain | undefined
  /** Runs a handler in the async context of its publisher, where it had to wait. */
  within: Snapshot | undefined
  readonly latch: Latch<Chain | undefined>
  next: number
  called: number
}

const counts: Promise<number>[] = []

/** Runs the handlers of the asynchronous dispatcher: all at once, or by the slots and the queue that bound them. */
export class AsyncDelivery implements Settling<Chain | undefined> {
  readonly #guard: Guard
  readonly #serial: boolean
  readonly #concurrency: number
  readonly #maxPending: number
  readonly #rejects: boolean
  readonly #chains: CausalChains
  readonly #snapshot: (() => Snapshot) | undefined
  /** Whether handlers may have to wait. */
  readonly #queued: boolean
  readonly #queue: Delivery[] = []
  #head = 0
  #running = 0
  #inFlight = 0
  #pumping = false
  #drained: (() => void)[] = []
  #ready: (() => void)[] = []
  /** Handler calls that wait for a slot. */
  waiting = 0

  constructor(guard: Guard, options: AsyncDispatcherOptions) {
    this.#guard = guard
    this.#rejects = oneOf(['wait', 'reject'], options.overflow, 'overflow') === 'reject'
    this.#serial = oneOf(['concurrent', 'serial'], options.mode, 'mode') === 'serial'
    this.#concurrency = atLeast(1, options.concurrency ?? Infinity, 'concurrency')
    this.#maxPending = atLeast(0, options.maxPending ?? Infinity, 'maxPending')
    if (options.maxPending !== undefined && options.concurrency === undefined && !this.#serial) {
      throw invalidArgument(
        '`maxPending` bounds nothing without `concurrency`\nGive both: nothing waits where all may run.',
      )
    }
    this.#queued = this.#serial || this.#concurrency !== Infinity
    this.#snapshot = this.#queued ? asyncSnapshot() : undefined
    this.#chains = new CausalChains(guard.maxDepth, options.maxDepth !== undefined)
  }

  publish(topic: Topic, payload: unknown): Promise<number> {
    const guard = this.#guard
    const queued = this.#queued
    let chain: Chain | undefined
    let entries: readonly Entry[]
    try {
      if (queued || this.#chains.acrossAwaits) chain = this.#chains.begin(topic.key)
      if (guard.depth >= guard.open && !guard.admit(topic, payload)) return counted(0)
      entries = topic.plan()
      if (entries.length === 0) {
        guard.unhandled(topic.key, payload)
        return counted(0)
      }
      if (queued) this.#admit(topic.key, entries.length)
    } catch (error) {
      return this.refused(error, topic.key, payload)
    }
    if (queued) return this.#enqueue(topic, payload, entries, chain)
    if (!chain) return this.#callAll(topic, payload, entries)
    return this.#chains.within(chain, () => this.#callAll(topic, payload, entries, chain))
  }

  /** A rejection that is reported already, and so never an unhandled one. */
  refused(error: unknown, type: string, payload: unknown): Promise<never> {
    this.#guard.fail(error, type, payload, undefined)
    const promise = Promise.reject(error)
    promise.catch(() => {})
    return promise
  }

  /** Resolves once every event published so far, and every one that these caused, has settled. */
  drain(): Promise<void> {
    return this.#inFlight === 0 ? Promise.resolve() : new Promise((resolve) => this.#drained.push(resolve))
  }

  /** Resolves once fewer than `maxPending` handler calls wait. */
  ready(): Promise<void> {
    return this.#full(1) ? new Promise((resolve) => this.#ready.push(resolve)) : Promise.resolve()
  }

  /** Every handler at once: the path of an unbounded dispatcher. */
  #callAll(topic: Topic, payload: unknown, entries: readonly Entry[], chain?: Chain): Promise<number> {
    const { guard, key, calls } = topic
    const { observer } = guard.options
    let latch: Latch<Chain | undefined> | undefined
    let called = 0
    guard.depth++
    count(chain, 1)
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!
      // While nothing changed, whom to call is known.
      const handler = calls !== undefined && topic.calls === calls ? calls[i] : entry.take()
      if (!handler) continue
      called++
      const start = observer && performance.now()
      try {
        const promise = promiseOf(handler(payload, key))
        if (promise) (latch ??= this.#latch(topic, payload, chain)).follow(promise, entry, handler, start)
        else if (start !== undefined) guard.handled(key, payload, entry.nameOf(handler), start)
      } catch (error) {
        if (guard.collects) (latch ??= this.#latch(topic, payload, chain)).failed(error, entry.nameOf(handler))
        else guard.fail(error, key, payload, entry.nameOf(handler))
      }
    }
    count(chain, -1)
    guard.depth--
    return latch ? latch.close(called) : counted(called)
  }

  #enqueue(topic: Topic, payload: unknown, entries: readonly Entry[], chain: Chain | undefined): Promise<number> {
    const latch = this.#latch(topic, payload, chain)
    const delivery: Delivery = { topic, payload, entries, chain, within: undefined, latch, next: 0, called: 0 }
    this.#queue.push(delivery)
    this.waiting += entries.length
    this.#chains.within(chain, () => this.#pump())
    // What began at once goes on in its context by itself.
    if (this.#snapshot && delivery.next < (this.#serial ? 1 : entries.length)) {
      delivery.within = this.#chains.within(chain, this.#snapshot)
    }
    return latch.promise
  }

  /** Starts what waits while there are slots. */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    while (this.#running < this.#concurrency && this.#head < this.#queue.length) {
      const delivery = this.#queue[this.#head]!
      if (this.#serial) {
        this.#leave()
        this.#running++
        this.#continue(delivery)
      } else {
        const promise = this.#call(delivery)
        if (delivery.next === delivery.entries.length) {
          this.#leave()
          void delivery.latch.close(delivery.called)
        }
        if (promise) {
          this.#running++
          const release = (): void => {
            this.#running--
            this.#pump()
          }
          promise.then(release, release)
        }
      }
    }
    this.#pumping = false
    if (this.#ready.length > 0 && !this.#full(1)) for (const resolve of this.#ready.splice(0)) resolve()
  }

  /** One handler of the delivery after the other, in one slot. */
  #continue(delivery: Delivery): void {
    while (delivery.next < delivery.entries.length) {
      const promise = this.#call(delivery)
      if (promise) {
        const next = (): void => this.#continue(delivery)
        promise.then(next, next)
        return
      }
    }
    void delivery.latch.close(delivery.called)
    this.#running--
    this.#pump()
  }

  /** Calls the next handler of a delivery; returns its promise where it gave one. */
  #call(delivery: Delivery): Promise<unknown> | undefined {
    const { topic, payload, latch, chain, within } = delivery
    const { guard, key } = topic
    const entry = delivery.entries[delivery.next++]!
    this.waiting--
    const handler = entry.take()
    if (!handler) return undefined
    delivery.called++
    const start = guard.options.observer && performance.now()
    try {
      const call = (): unknown => handler(payload, key)
      const promise = promiseOf(this.#chains.calling(chain, within ? () => within(call) : call))
      if (promise) {
        latch.follow(promise, entry, handler, start)
        return promise
      }
      if (start !== undefined) guard.handled(key, payload, entry.nameOf(handler), start)
    } catch (error) {
      latch.failed(error, entry.nameOf(handler))
    }
    return undefined
  }

  /** Takes the first delivery out of the queue: amortised constant time. */
  #leave(): void {
    this.#head++
    if (this.#head * 2 > this.#queue.length) {
      this.#queue.splice(0, this.#head)
      this.#head = 0
    }
  }

  #latch(topic: Topic, payload: unknown, chain: Chain | undefined): Latch<Chain | undefined> {
    this.#inFlight++
    count(chain, 1)
    return new Latch(topic, payload, this, chain)
  }

  settled(chain: Chain | undefined): void {
    count(chain, -1)
    if (--this.#inFlight === 0 && this.#drained.length > 0) for (const resolve of this.#drained.splice(0)) resolve()
  }

  /** Throws where an event is refused for want of room. It is taken in whole, so anything goes while a slot is free. */
  #admit(type: string, handlers: number): void {
    if (this.#rejects && this.#full(handlers)) {
      throw new PendingOverflowError(type, this.waiting, this.#maxPending)
    }
  }

  #full(handlers: number): boolean {
    const taken = this.waiting === 0 && this.#running < this.#concurrency
    return !taken && this.waiting + handlers > this.#maxPending
  }
}

/** A resolved promise, one for each number. */
export function counted(called: number): Promise<number> {
  return (counts[called] ??= Promise.resolve(called))
}
