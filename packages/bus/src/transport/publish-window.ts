import { atLeast } from '@tidings/core/tools'
import { List, type ListNode } from '../collections/list.ts'
import { BusClosedError, OutcomeUnknownError } from '../errors.ts'

/** How one link sends what a {@link PublishWindow} lets go. */
export interface PublishLine<Item> {
  /** Sends it; the answer comes by this number, which counts from 1 on each link. What it throws is the answer. */
  send(item: Item, number: number): void
  /** Nobody waits for its answer any more: the broker may take it back, where there is a way to say so. */
  withdraw?(number: number): void
}

/** Where the answers of one link go. Those that come behind `lost` change nothing. */
export interface PublishAnswers {
  confirm(number: number): void
  /** Confirms it and all before it that have no answer yet, as brokers do that gather their confirms. */
  confirmUpTo(number: number): void
  /** The broker has not taken it. */
  refuse(number: number, error: Error): void
  /** The link is gone, and with it the answers to what was sent: these publishes end with `OutcomeUnknownError`. */
  lost(cause: unknown): void
}

/**
 * What one connection has published and the broker has not confirmed: a bounded number, in the order in which it was
 * published, each sent once. What finds no room in the window, or no link, waits here, and nothing of it is sent; what
 * was sent on a link that broke ends with `OutcomeUnknownError`, since nobody knows.
 *
 * @example
 * const window = new PublishWindow<Outgoing>({ size: 256 })
 * // For each link:
 * const answers = window.open({ send: (outgoing, number) => channel.publish(outgoing, number) })
 * channel.onAck = (number) => answers.confirm(number)
 * channel.onClose = (error) => answers.lost(error)
 */
export class PublishWindow<Item> {
  readonly #size: number
  /** What finds its place in the window, and what goes beyond it. */
  readonly #waiting = new List<Publish<Item>>()
  readonly #beyond = new List<Publish<Item>>()
  #link: Link<Item> | undefined
  /** Publishes that somebody waits for. */
  #pending = 0
  #sending = false
  #closed = false
  #idle: (() => void)[] = []

  /**
   * `size`: publishes that are sent and not confirmed, at most.
   *
   * @throws TidingsError `INVALID_ARGUMENT` for less than one
   */
  constructor(options: { readonly size: number }) {
    this.#size = atLeast(options.size, 1, 'size')
  }

  /** Publishes that are not sent yet. */
  get waiting(): number {
    return this.#waiting.size + this.#beyond.size
  }

  /**
   * Resolves when it is confirmed. Rejects with what it is refused with; with the reason of `signal` when that aborts
   * before it was sent, with `OutcomeUnknownError` when it aborts later; with `BusClosedError` behind `close`.
   *
   * `beyond`: it goes at once, before those that wait, and takes no place in the window. For what a settlement
   * sends, and what is meant for one group: it may stand for a delivery without whose settlement there is no room.
   */
  publish(
    item: Item,
    options: { readonly signal?: AbortSignal | undefined; readonly beyond?: boolean | undefined } = {},
  ): Promise<void> {
    const { signal, beyond = false } = options
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new BusClosedError('publish')
      signal?.throwIfAborted()
      const onAbort = (): void => this.#abort(publish, signal!.reason)
      const end = (answer: Answer): void => {
        signal?.removeEventListener('abort', onAbort)
        if (answer === confirmed) resolve()
        else reject(answer.error)
        this.#pending--
        this.#checkIdle()
      }
      const list = beyond ? this.#beyond : this.#waiting
      const publish = new Publish(item, list, !beyond, end)
      this.#pending++
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#send()
    })
  }

  /**
   * What waits, and what is published from now on, goes out by this link, but nothing before the caller has what this
   * returns. The link before it must be `lost`.
   */
  open(line: PublishLine<Item>): PublishAnswers {
    const link: Link<Item> = { line, sent: new Map(), numbers: 0, counted: 0 }
    this.#link = link
    queueMicrotask(() => this.#send())
    return {
      confirm: (number) => {
        this.#answer(link, number, confirmed)
        this.#send()
      },
      confirmUpTo: (number) => {
        for (const sent of link.sent.keys()) {
          // In the order of their numbers.
          if (sent > number) break
          this.#answer(link, sent, confirmed)
        }
        this.#send()
      },
      refuse: (number, error) => {
        this.#answer(link, number, { error })
        this.#send()
      },
      lost: (cause) => this.#lose(link, cause),
    }
  }

  /**
   * Takes no more publishes; resolves once those that it has have ended. Without a link nothing brings those that wait
   * any further: they are refused with `BusClosedError`. Bound it by time, and `end` what is left.
   */
  close(): Promise<void> {
    this.#closed = true
    if (this.#link === undefined) this.#refuseWaiting()
    return new Promise((resolve) => {
      this.#idle.push(resolve)
      this.#checkIdle()
    })
  }

  /** Ends what is left: `OutcomeUnknownError` for what was sent, `BusClosedError` for what was not. Idempotent. */
  end(cause?: unknown): void {
    this.#closed = true
    if (this.#link !== undefined) this.#lose(this.#link, cause)
    this.#refuseWaiting()
  }

  #send(): void {
    // One that is answered while it is sent would else send the next one from within, and so on.
    if (this.#sending) return
    this.#sending = true
    for (let link = this.#link; link !== undefined; link = this.#link) {
      const next = this.#beyond.first ?? (link.counted < this.#size ? this.#waiting.first : undefined)
      if (next === undefined) break
      this.#sendOne(link, next.value)
    }
    this.#sending = false
  }

  #sendOne(link: Link<Item>, publish: Publish<Item>): void {
    publish.leaveList()
    publish.link = link
    publish.number = ++link.numbers
    link.sent.set(publish.number, publish)
    if (publish.counts) link.counted++
    try {
      link.line.send(publish.item, publish.number)
    } catch (error) {
      this.#answer(link, publish.number, { error })
    }
  }

  #answer(link: Link<Item>, number: number, answer: Answer): void {
    const publish = link.sent.get(number)
    if (publish === undefined) return
    link.sent.delete(number)
    if (publish.counts) link.counted--
    publish.end(answer)
  }

  #lose(link: Link<Item>, cause: unknown): void {
    if (this.#link === link) this.#link = undefined
    const sent = [...link.sent.values()]
    link.sent.clear()
    link.counted = 0
    for (const publish of sent) publish.end({ error: new OutcomeUnknownError('the connection broke', { cause }) })
    if (this.#closed) this.#refuseWaiting()
  }

  #abort(publish: Publish<Item>, reason: unknown): void {
    if (publish.leaveList()) {
      publish.end({ error: reason })
      return
    }
    // It keeps its place in the window until the broker has answered: what a broker is slow to take must not pile up there.
    publish.link?.line.withdraw?.(publish.number)
    const error = new OutcomeUnknownError('the publish was given up before it was confirmed', { cause: reason })
    publish.end({ error })
  }

  #refuseWaiting(): void {
    for (const list of [this.#beyond, this.#waiting]) {
      for (const publish of list) {
        publish.leaveList()
        publish.end({ error: new BusClosedError('publish') })
      }
    }
  }

  #checkIdle(): void {
    if (this.#pending > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }
}

/** A rejection may be with anything, `undefined` too: hence the object. */
type Answer = typeof confirmed | { readonly error: unknown }

const confirmed = Symbol('confirmed')

interface Link<Item> {
  readonly line: PublishLine<Item>
  /** By number, in the order in which they were sent. */
  readonly sent: Map<number, Publish<Item>>
  numbers: number
  /** Those of them that take a place in the window. */
  counted: number
}

class Publish<Item> {
  readonly item: Item
  /** Whether it takes a place in the window. */
  readonly counts: boolean
  /** What it has on the link that it was sent by. */
  number = 0
  link: Link<Item> | undefined
  readonly #list: List<Publish<Item>>
  #place: ListNode<Publish<Item>> | undefined
  #end: ((answer: Answer) => void) | undefined

  constructor(item: Item, list: List<Publish<Item>>, counts: boolean, end: (answer: Answer) => void) {
    this.item = item
    this.counts = counts
    this.#list = list
    this.#end = end
    this.#place = list.push(this)
  }

  /** It is sent, or waits no more; false when that is so already. */
  leaveList(): boolean {
    if (this.#place === undefined) return false
    this.#list.remove(this.#place)
    this.#place = undefined
    return true
  }

  /** Only the first answer counts. */
  end(answer: Answer): void {
    const end = this.#end
    this.#end = undefined
    end?.(answer)
  }
}
