import { BusClosedError, MessageTooLargeError, OutcomeUnknownError } from '@tidings/bus'
import type { Outgoing } from '@tidings/bus/transport'
import { encodeFrame, maxFrame } from './frame-socket.ts'
import type { Link } from './link.ts'
import { type ClientFrame, outgoingToWire } from './wire.ts'

/**
 * Publishes that wait for their confirm at most. The others wait here, where nothing of them is sent yet; what is for
 * one group alone goes at once, since it may stand for a delivery without whose settling there is no room.
 */
const window = 256

/** What one connection publishes: in order, while there is a link, and never twice. */
export class Publisher {
  /** What counts for the window, and what goes at once. */
  readonly #waiting = new Set<Publish>()
  readonly #direct = new Set<Publish>()
  readonly #sent = new Map<number, Publish>()
  #link: Link | undefined
  #counted = 0
  #numbers = 0
  #closed = false
  #idle: (() => void)[] = []

  publish(outgoing: Outgoing, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new BusClosedError('publish')
      signal?.throwIfAborted()
      const n = ++this.#numbers
      const { message, group } = outgoing
      const frame: ClientFrame = { op: 'publish', n, ...outgoingToWire(outgoing) }
      const bytes = encodeFrame(frame)
      if (bytes.length > maxFrame) {
        throw new MessageTooLargeError(String(message.attributes['type']), bytes.length, maxFrame)
      }
      const publish: Publish = {
        n,
        bytes,
        counts: group === undefined,
        end: (error) => {
          signal?.removeEventListener('abort', onAbort)
          if (error === undefined) resolve()
          else reject(error)
        },
      }
      const onAbort = (): void => this.#abort(publish, signal?.reason as Error)
      signal?.addEventListener('abort', onAbort, { once: true })
      ;(publish.counts ? this.#waiting : this.#direct).add(publish)
      this.#send()
    })
  }

  /** What waits goes out by this link from now on. */
  resume(link: Link): void {
    this.#link = link
    this.#send()
  }

  /** The link is gone, and with it the answers to what was sent. */
  suspend(cause: Error): void {
    this.#link = undefined
    const sent = [...this.#sent.values()]
    this.#sent.clear()
    this.#counted = 0
    for (const publish of sent) publish.end(new OutcomeUnknownError('the connection broke', { cause }))
    this.#checkIdle()
  }

  answered(n: number, error: Error | undefined): void {
    const publish = this.#sent.get(n)
    if (publish === undefined) return
    this.#forget(publish)
    publish.end(error)
    this.#send()
    this.#checkIdle()
  }

  /** Takes no more publishes; resolves once those under way have ended. */
  close(): Promise<void> {
    this.#closed = true
    return new Promise((resolve) => {
      this.#idle.push(resolve)
      this.#checkIdle()
    })
  }

  /** Ends what has not been sent yet. */
  refuseWaiting(): void {
    for (const waiting of [this.#direct, this.#waiting]) {
      for (const publish of waiting) publish.end(new BusClosedError('publish'))
      waiting.clear()
    }
    this.#checkIdle()
  }

  #send(): void {
    const link = this.#link
    if (link === undefined) return
    for (const publish of this.#direct) {
      this.#direct.delete(publish)
      this.#sent.set(publish.n, publish)
      link.sendEncoded(publish.bytes)
    }
    for (const publish of this.#waiting) {
      if (this.#counted >= window) return
      this.#counted++
      this.#waiting.delete(publish)
      this.#sent.set(publish.n, publish)
      link.sendEncoded(publish.bytes)
    }
  }

  #abort(publish: Publish, reason: Error): void {
    if (this.#waiting.delete(publish) || this.#direct.delete(publish)) publish.end(reason)
    else if (this.#sent.get(publish.n) === publish) {
      this.#forget(publish)
      this.#link?.send({ op: 'withdraw', n: publish.n })
      publish.end(new OutcomeUnknownError('the publish was given up before it was confirmed', { cause: reason }))
      this.#send()
    }
    this.#checkIdle()
  }

  #forget(publish: Publish): void {
    this.#sent.delete(publish.n)
    if (publish.counts) this.#counted--
  }

  #checkIdle(): void {
    if (this.#waiting.size + this.#direct.size + this.#sent.size > 0) return
    for (const resolve of this.#idle) resolve()
    this.#idle = []
  }
}

interface Publish {
  readonly n: number
  readonly bytes: Buffer
  /** Whether the window holds it back. */
  readonly counts: boolean
  end(error?: Error): void
}
