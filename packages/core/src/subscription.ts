import { atLeast, invalidArgument, knownOptions } from './check.ts'
import type { Handler } from './keys.ts'
import type { SubscribeOptions } from './options.ts'

/** What `subscribe` returns. Dropping it leaves the handler subscribed. */
export interface Subscription {
  /** The key as it was subscribed: an event type or a pattern. */
  readonly key: string
  /** For logs: the option `name`, else the function's name (which is forgotten when it has ended), else `anonymous`. */
  readonly name: string
  readonly priority: number
  readonly once: boolean
  /** False from the moment it has been unsubscribed, by whatever way. */
  readonly active: boolean
  /** From now on the handler is not called, not even by a publish that is under way. Idempotent. */
  unsubscribe(): void
  [Symbol.dispose](): void
}

/** The options of a subscription, and what only this package gives. */
export interface EntryOptions extends SubscribeOptions {
  /** Told when the subscription has ended, by whatever way. */
  ended?: () => void
}

/** The place a subscription is kept in: a topic, or the list of patterns. */
export interface Shelf {
  readonly key: string
  /** One of its entries has become inactive. */
  remove(): void
}

const collected = new FinalizationRegistry((entry: Entry) => entry.unsubscribe())
const none: EntryOptions = {}
const subscribeOptions = ['once', 'priority', 'signal', 'weak', 'name', 'ended']
const released: Handler = function anonymous() {}

/** A subscription as the dispatcher sees it. */
export class Entry implements Subscription {
  // Declared only: each field that is defined before the constructor assigns it costs a store.
  declare active: boolean
  declare readonly shelf: Shelf
  declare options: EntryOptions
  declare priority: number
  declare once: boolean
  /** Called as it is by the fast path, where `plain`. */
  declare handler: Handler
  declare weak: WeakRef<Handler> | undefined

  constructor(shelf: Shelf, handler: Handler, options: EntryOptions = none) {
    this.active = true
    this.shelf = shelf
    this.handler = handler
    this.options = options
    this.priority = 0
    this.once = false
    this.weak = undefined
    if (options !== none) configure(this, options)
  }

  get key(): string {
    return this.shelf.key
  }

  get name(): string {
    return this.nameOf(this.handler)
  }

  /** Its name, while `handler` runs, that is: by then it may have ended. */
  nameOf(handler: Handler): string {
    return this.options.name ?? nameOf(handler)
  }

  /** Whether the handler may be called without asking `take`. */
  get plain(): boolean {
    return !this.once && this.weak === undefined
  }

  /** The handler to call now, if there still is one. Ends the subscription where it is for one event. */
  take(): Handler | undefined {
    if (!this.active) return undefined
    const handler = this.weak ? this.weak.deref() : this.handler
    if (this.once || handler === undefined) this.unsubscribe()
    return handler
  }

  unsubscribe(): void {
    if (!this.active) return
    this.active = false
    // Whoever keeps the subscription does not keep the handler.
    this.handler = released
    this.shelf.remove()
    if (this.options === none) return
    this.options.signal?.removeEventListener('abort', this)
    if (this.weak) collected.unregister(this)
    this.options.ended?.()
  }

  [Symbol.dispose](): void {
    this.unsubscribe()
  }

  /** Ends with the signal of its options. */
  follow(): this {
    if (this.options === none) return this
    const { signal } = this.options
    if (signal?.aborted) this.unsubscribe()
    else signal?.addEventListener('abort', this)
    return this
  }

  /** For logs. */
  toJSON(): { key: string; name: string; priority: number; once: boolean; active: boolean } {
    const { key, name, priority, once, active } = this
    return { key, name, priority, once, active }
  }

  /** The signal's abort. */
  handleEvent(): void {
    this.unsubscribe()
  }
}

/** Apart from the constructor, which without it is small enough for the engine to take into `subscribe`. */
function configure(entry: Entry, options: EntryOptions): void {
  const { priority, signal, once, weak } = options
  knownOptions(options, subscribeOptions, 'subscribe')
  if (priority !== undefined) entry.priority = atLeast(priority, -Infinity, 'priority')
  entry.once = once === true
  if (signal && typeof signal.addEventListener !== 'function') {
    throw invalidArgument('signal', 'an AbortSignal', signal, 'Pass `controller.signal`.')
  }
  if (weak) {
    const { handler } = entry
    // The name outlives the function.
    entry.options = { ...options, name: options.name ?? nameOf(handler) }
    entry.weak = new WeakRef(handler)
    entry.handler = released
    collected.register(handler, entry, entry)
  }
}

/** For logs; whatever stands there must not stop an event. */
function nameOf(handler: Handler): string {
  try {
    return handler.name || 'anonymous'
  } catch {
    return 'anonymous'
  }
}
