import { backoff, type BackoffOptions, functionOption, isFinal } from '@tidings/core/tools'
import type { Clock } from '../clock.ts'
import { BusClosedError } from '../errors.ts'
import type { ConnectionState } from './transport.ts'
import { within } from './within.ts'

/** What a {@link ReconnectingSession} is made of. */
export interface ReconnectingOptions<Link> {
  readonly clock: Clock
  /** The waits between attempts to come back; the first one is made at once. Times in milliseconds. */
  readonly backoff: BackoffOptions
  /** Milliseconds for which `close` waits at most, once for what it drains and once for the broker. */
  readonly timeout: number
  /**
   * Opens a link; gives up when `signal` aborts. It calls `lost` once, when the link is gone, and no later than what waits
   * for an answer of that link is rejected: that is how a broken link is told from an answer that is an error.
   */
  open(signal: AbortSignal, lost: (error: unknown) => void): Promise<Link>
  /** Tells the broker that it ends, and resolves when that knows. */
  leave(link: Link): Promise<unknown>
  /** Ends it at once, whatever state it is in. Its `lost` changes nothing any more. */
  drop(link: Link): void
  /** A link is there, and all have joined: what waits can be sent. */
  onUp?(link: Link): void
  /** It is gone. Told before the state. */
  onDown?(error: unknown): void
  /** Told each change, as by `ConnectOptions`: `closed` is the last, with an error unless `close` was called. */
  onState(state: ConnectionState, error?: unknown): void
  /** Whether no retry mends an error; default: what says of itself, or of its cause, `retryable: false`. */
  readonly isFinal?: ((error: unknown) => boolean) | undefined
}

/** A place that is taken anew on every link. */
export interface JoinedPlace {
  /** It is not taken on further links. Idempotent. */
  leave(): void
}

/**
 * One connection of a bus over one link to the broker after the other. A link that is lost is opened again with backoff;
 * all who have joined join it before anything else goes out, since an answer to what is published next must find its way
 * back. It ends for good by `close`, or by an error that no retry mends.
 *
 * @example
 * const session = new ReconnectingSession({
 *   clock, backoff: { delay: 50, max: 1000, jitter: true }, timeout: 5000, onState,
 *   open: async (signal, lost) => await connectTo(url, { signal, onClose: lost }),
 *   leave: (link) => link.close(),
 *   drop: (link) => link.destroy(),
 * })
 * await session.start(signal)
 */
export class ReconnectingSession<Link> {
  readonly #options: ReconnectingOptions<Link>
  readonly #waitAfter: (failures: number) => number
  readonly #isFinal: (error: unknown) => boolean
  readonly #places = new Set<Place<Link>>()
  readonly #ended = new AbortController()
  #current: Opened<Link> | undefined
  /** Those who wait for a link. */
  readonly #waiting = new Set<{ resolve: (opened: Opened<Link>) => void; reject: (error: unknown) => void }>()
  #failures = 0
  #wake: (() => void) | undefined
  #isClosing = false
  #closing: Promise<void> | undefined
  /** Why it takes nothing any more. */
  #reason: { readonly error: unknown } | undefined

  /** @throws TidingsError `INVALID_ARGUMENT` for a backoff that makes no sense */
  constructor(options: ReconnectingOptions<Link>) {
    this.#options = options
    this.#waitAfter = backoff(options.backoff, 'backoff.')
    this.#isFinal = functionOption(options.isFinal ?? isFinal, 'isFinal')
  }

  /** The link that there is. */
  get link(): Link | undefined {
    return this.#current?.link
  }

  /** Opens the first link. Rejects with what that fails with, or with the reason of `signal`: then it has ended. */
  async start(signal?: AbortSignal): Promise<void> {
    const giveUp = (): void => this.#ended.abort(signal!.reason)
    try {
      signal?.throwIfAborted()
      signal?.addEventListener('abort', giveUp)
      const opened = await this.#open()
      // It may have ended in the same breath.
      if (opened.loss !== undefined) throw opened.loss.error
      this.#begin(opened)
    } catch (error) {
      const reason: unknown = signal?.aborted ? signal.reason : error
      this.#finish(reason)
      throw reason
    } finally {
      signal?.removeEventListener('abort', giveUp)
    }
  }

  /**
   * Calls `join` on the link that there is, and anew on every one that comes. Resolves once it has succeeded; a link that
   * is lost in between leaves it to the next. Rejects with what it is refused with on a link that stands, with the reason
   * of `signal`, or when the session ends; then it is not called again, and one that is under way is the caller's to take
   * back.
   */
  async join(join: (link: Link) => Promise<unknown>, signal?: AbortSignal): Promise<JoinedPlace> {
    if (this.#reason !== undefined) throw this.#reason.error
    if (this.#isClosing) throw new BusClosedError('subscribe')
    signal?.throwIfAborted()
    return new Promise((resolve, reject) => {
      const onAbort = (): void => place.end(signal!.reason)
      const leave = (): boolean => this.#places.delete(place)
      const settled = (): void => signal?.removeEventListener('abort', onAbort)
      const place: Place<Link> = {
        join,
        isJoined: false,
        onJoined: () => {
          place.isJoined = true
          settled()
          resolve({ leave })
        },
        end: (error) => {
          leave()
          settled()
          reject(error)
        },
      }
      this.#places.add(place)
      signal?.addEventListener('abort', onAbort, { once: true })
      // While there is no link, the one that comes next is joined by all.
      if (this.#current !== undefined) void this.#joinFirst(place, this.#current)
    })
  }

  /**
   * Asks until there is an answer, on one link after the other, waiting for one where there is none: what is asked must
   * have the effect of once. Rejects with the answer that is an error, or when the session ends.
   */
  async ask<Answer>(question: (link: Link) => Promise<Answer>): Promise<Answer> {
    for (;;) {
      const opened = await this.#whenUp()
      try {
        return await question(opened.link)
      } catch (error) {
        if (opened.loss === undefined) throw error
      }
    }
  }

  /**
   * Ends it in bounded time: waits for what `drain` returns, takes leave of the broker, and refuses whoever waits with
   * `BusClosedError`. A link that breaks meanwhile is not replaced. Idempotent, never rejects.
   */
  close(drain?: () => Promise<unknown>): Promise<void> {
    return (this.#closing ??= this.#close(drain))
  }

  async #close(drain?: () => Promise<unknown>): Promise<void> {
    const options = this.#options
    this.#isClosing = true
    if (this.#current === undefined) {
      this.#ended.abort()
      this.#wake?.()
    }
    if (drain !== undefined) await within(drain, options.timeout, options.clock)
    const opened = this.#current
    this.#current = undefined
    if (opened !== undefined) {
      await within(() => options.leave(opened.link), options.timeout, options.clock)
      options.drop(opened.link)
      options.onDown?.(new BusClosedError('what waits for the connection'))
    }
    if (this.#reason === undefined) this.#end(new BusClosedError('what waits for the connection'))
  }

  async #open(): Promise<Opened<Link>> {
    let loss: Opened<Link>['loss']
    let opened: Opened<Link> | undefined
    const lost = (error: unknown): void => {
      if (loss !== undefined) return
      loss = { error }
      if (opened === undefined) return
      opened.loss = loss
      if (opened === this.#current) this.#onLost(error)
    }
    const link = await this.#options.open(this.#ended.signal, lost)
    opened = { link, loss, since: 0 }
    if (!this.#ended.signal.aborted) return opened
    this.#options.drop(link)
    throw this.#ended.signal.reason
  }

  #begin(opened: Opened<Link>): void {
    opened.since = this.#options.clock.now()
    this.#current = opened
    this.#options.onState('connected')
    this.#options.onUp?.(opened.link)
    for (const { resolve } of this.#waiting) resolve(opened)
    this.#waiting.clear()
  }

  #onLost(error: unknown): void {
    const stood = this.#options.clock.now() - this.#current!.since
    this.#current = undefined
    this.#options.onDown?.(error)
    if (this.#isClosing) return
    if (this.#isFinal(error)) {
      this.#end(error)
      return
    }
    this.#options.onState('reconnecting', error)
    // A broker that takes everybody in and throws them out again must not be asked again and again without a wait.
    const isFailure = stood < this.#waitAfter(this.#failures + 1)
    this.#failures = isFailure ? this.#failures + 1 : 0
    void this.#reconnect()
  }

  async #reconnect(): Promise<void> {
    const { signal } = this.#ended
    for (;;) {
      if (this.#failures > 0) await this.#sleep(this.#waitAfter(this.#failures))
      if (signal.aborted) return
      let opened: Opened<Link> | undefined
      try {
        opened = await this.#open()
        for (const place of this.#places) {
          // What is refused from the start concerns nobody else.
          await (place.isJoined ? place.join(opened.link) : this.#joinFirst(place, opened))
        }
        if (opened.loss !== undefined) throw opened.loss.error
        signal.throwIfAborted()
        this.#begin(opened)
        return
      } catch (error) {
        if (opened !== undefined) this.#options.drop(opened.link)
        if (signal.aborted) return
        if (this.#isFinal(error)) this.#end(error)
        this.#failures++
      }
    }
  }

  async #joinFirst(place: Place<Link>, opened: Opened<Link>): Promise<void> {
    try {
      await place.join(opened.link)
      place.onJoined()
    } catch (error) {
      if (opened.loss === undefined) place.end(error)
    }
  }

  async #whenUp(): Promise<Opened<Link>> {
    if (this.#current !== undefined) return this.#current
    if (this.#reason !== undefined) throw this.#reason.error
    if (this.#isClosing) throw new BusClosedError('what waits for the connection')
    return new Promise((resolve, reject) => this.#waiting.add({ resolve, reject }))
  }

  /** Ends it for good, and says so. */
  #end(error: unknown): void {
    this.#finish(error)
    if (this.#isClosing) this.#options.onState('closed')
    else this.#options.onState('closed', error)
  }

  #finish(error: unknown): void {
    this.#reason ??= { error }
    this.#ended.abort(error)
    this.#wake?.()
    for (const { reject } of this.#waiting) reject(error)
    this.#waiting.clear()
    for (const place of this.#places) place.end(error)
  }

  #sleep(duration: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(duration, resolve)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
  }
}

interface Opened<Link> {
  readonly link: Link
  /** Milliseconds since 1970 at which it was there. */
  since: number
  loss: { readonly error: unknown } | undefined
}

interface Place<Link> {
  readonly join: (link: Link) => Promise<unknown>
  /** Whether it ever has. */
  isJoined: boolean
  onJoined(): void
  end(error: unknown): void
}
