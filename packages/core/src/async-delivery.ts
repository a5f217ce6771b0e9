import { asyncSnapshot, type Snapshot } from './async-context.ts'
import { CausalChains, type Cause, type Chain, count } from './causal-chain.ts'
import { atLeast, misuse, oneOf } from './check.ts'
import { PendingOverflowError } from './dispatch-errors.ts'
import type { Guard } from './guard.ts'
import { callInTurn, callOnly, callTogether, counted } from './lean-delivery.ts'
import { Latch, type Settling } from './latch.ts'
import type { AsyncDispatcherOptions } from './options.ts'
import type { Entry } from './subscription.ts'
import { promiseOf } from './thenable.ts'
import type { Topic } from './topic.ts'

/** Runs the handlers of the asynchronous dispatcher: all at once, or by the slots and the queue that bound them. */
export class AsyncDelivery implements Settling {
  readonly #guard: Guard
  readonly #serial: boolean
  readonly #concurrency: number
  readonly #maxPending: number
  readonly #rejects: boolean
  readonly chains: CausalChains
  readonly #snapshot: (() => Snapshot) | undefined
  /** Whether handlers may have to wait. */
  readonly #queued: boolean
  /** Whether a publish may go by the lean path, while its topic and the guard want nothing else. */
  readonly #lean: boolean
  #first: Latch | undefined = undefined
  #last: Latch | undefined = undefined
  running = 0
  inFlight = 0
  pumping = false
  #drained: (() => void)[] = []
  #ready: (() => void)[] = []
  /** Handler calls that wait for a slot. */
  waiting = 0

  constructor(guard: Guard, options: AsyncDispatcherOptions) {
    this.#guard = guard
    this.#rejects = oneOf(options.overflow, ['wait', 'reject'], 'overflow') === 'reject'
    this.#serial = oneOf(options.mode, ['concurrent', 'serial'], 'mode') === 'serial'
    this.#concurrency = atLeast(options.concurrency ?? Infinity, 1, 'concurrency')
    this.#maxPending = atLeast(options.maxPending ?? Infinity, 0, 'maxPending')
    if (options.maxPending !== undefined && options.concurrency === undefined && !this.#serial) {
      throw misuse('`maxPending` bounds nothing without `concurrency`\nGive both: nothing waits where all may run.')
    }
    this.#queued = this.#serial || this.#concurrency !== Infinity
    this.#snapshot = this.#queued ? asyncSnapshot() : undefined
    this.chains = new CausalChains(guard.maxDepth, options.maxDepth !== undefined)
    this.#lean = !this.chains.acrossAwaits && (this.#serial ? !this.#rejects : !this.#queued)
  }

  publish(topic: Topic, payload: unknown): Promise<number> {
    const { calls, guard } = topic
    if (this.#lean && calls !== undefined && guard.depth < guard.open) {
      if (this.#serial) {
        if (this.#idle) return callInTurn(this, topic, calls, payload)
      } else if (calls.length === 1) return callOnly(this, topic, calls[0]!, payload)
      else return callTogether(this, topic, calls, payload)
    }
    return this.#publish(topic, payload)
  }

  get #idle(): boolean {
    return !this.pumping && this.chains.current === undefined && this.running < this.#concurrency
  }

  #publish(topic: Topic, payload: unknown): Promise<number> {
    const { guard } = topic
    const queued = this.#queued
    let chain: Chain | undefined
    let entries: readonly Entry[]
    try {
      if (queued || this.chains.acrossAwaits) chain = this.chains.begin(topic.key)
      if (guard.depth >= guard.open && !guard.admit(topic, payload)) return counted(0)
      entries = topic.plan()
      if (entries.length === 0) {
        guard.unhandled(topic.key, payload)
        return counted(0)
      }
      // An event is taken in whole, so anything goes while a slot is free.
      if (this.#rejects && this.#full(entries.length)) {
        throw new PendingOverflowError(topic.key, this.waiting, this.#maxPending)
      }
    } catch (error) {
      return this.refused(error, topic.key, payload)
    }
    const latch = this.#latch(topic, payload, entries, chain)
    latch.ended = () => {
      latch.settle()
      if (this.#serial) return this.#continue(latch)
      this.running--
      this.pump()
    }
    if (!queued) {
      this.chains.within(chain, () => {
        guard.depth++
        while (latch.at < entries.length) this.#call(latch)
        guard.depth--
        latch.settle()
      })
    } else {
      this.waiting += entries.length
      if (this.#last) this.#last.next = latch
      else this.#first = latch
      this.#last = latch
      this.chains.within(chain, () => this.pump())
      // What began at once goes on in its context by itself.
      if (this.#snapshot && latch.at < (this.#serial ? 1 : entries.length)) {
        latch.within = this.chains.within(chain, this.#snapshot)
      }
    }
    return latch.promise
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
    return this.inFlight === 0 ? Promise.resolve() : new Promise((resolve) => this.#drained.push(resolve))
  }

  /** Resolves once fewer than `maxPending` handler calls wait. */
  ready(): Promise<void> {
    return this.#full(1) ? new Promise((resolve) => this.#ready.push(resolve)) : Promise.resolve()
  }

  /** Starts what waits while there are slots. */
  pump(): void {
    // Apart from the loop, so that the engine takes it into its callers.
    if (!this.pumping && (this.#first || this.#ready.length > 0)) this.#start()
  }

  #start(): void {
    this.pumping = true
    while (this.running < this.#concurrency && this.#first) {
      const latch = this.#first
      if (this.#serial) {
        this.#leave(latch)
        this.running++
        this.#continue(latch)
      } else {
        this.#call(latch)
        if (latch.at === latch.entries.length) {
          this.#leave(latch)
          latch.settle()
        }
      }
    }
    this.pumping = false
    if (this.#ready.length > 0 && !this.#full(1)) for (const resolve of this.#ready.splice(0)) resolve()
  }

  /** Takes the first one out. It must not keep those behind it, which may end long before it. */
  #leave(latch: Latch): void {
    this.#first = latch.next
    this.#last = this.#first && this.#last
    latch.next = undefined
  }

  /** One handler of the latch after the other, in one slot. */
  #continue(latch: Latch): void {
    while (latch.at < latch.entries.length) if (this.#call(latch)) return
    latch.settle()
    this.running--
    this.pump()
  }

  /** Calls the next handler of a latch; whether it returned a promise. */
  #call(latch: Latch): boolean {
    const { topic, payload, within } = latch
    const { guard, key } = topic
    const chains = this.chains
    const outer = chains.current
    const entry = latch.entries[latch.at++]!
    if (this.#queued) this.waiting--
    const handler = entry.take()
    if (!handler) return false
    latch.called++
    const start = guard.options.observer && performance.now()
    try {
      // What it publishes before its first await is caused by this event.
      chains.current = latch.chain
      // Bound, not closed over: a function with a closure in it takes time for the closure in any case.
      const promise = promiseOf(within ? within(handler.bind(undefined, payload, key)) : handler(payload, key))
      chains.current = outer
      if (promise) {
        if (!this.#serial) this.running++
        latch.follow(promise, entry, handler, start)
        return true
      }
      if (start !== undefined) guard.handled(key, payload, entry.nameOf(handler), start)
    } catch (error) {
      chains.current = outer
      latch.failed(error, entry.nameOf(handler))
    }
    return false
  }

  #latch(topic: Topic, payload: unknown, entries: readonly Entry[], chain: Chain | undefined): Latch {
    this.inFlight++
    count(chain, 1)
    return new Latch(topic, payload, entries, chain, this)
  }

  settled(chain: Cause): void {
    count(chain, -1)
    if (--this.inFlight === 0 && this.#drained.length > 0) for (const resolve of this.#drained.splice(0)) resolve()
  }

  #full(handlers: number): boolean {
    return !(this.waiting === 0 && this.running < this.#concurrency) && this.waiting + handlers > this.#maxPending
  }
}
