import type { Socket } from 'node:net'

/** What happens to the bytes of a proxy. */
export type Traffic =
  | { readonly kind: 'open' }
  | { readonly kind: 'black-hole' }
  /** Milliseconds, and bytes a second in each direction of each connection. */
  | { readonly kind: 'slow'; readonly latency: number; readonly bytesPerSecond: number }

/** What waits in one direction of one connection at most, beside the buffers of the sockets; then the sender waits. */
const limit = 64 * 1024

/** Bytes are let through in this many portions a second. */
const portions = 20

/** One direction of one connection. */
export class FaultPipe {
  /** Whether bytes are missing from what was passed on. */
  holed = false
  readonly #from: Socket
  readonly #to: Socket
  readonly #traffic: () => Traffic
  readonly #waiting: { readonly bytes: Buffer; readonly at: number }[] = []
  #size = 0
  /** When the next portion may go, by the bytes a second. */
  #free = 0
  #running = false
  #ended = false
  #closed = false
  #wake: (() => void) | undefined

  constructor(from: Socket, to: Socket, traffic: () => Traffic) {
    this.#from = from
    this.#to = to
    this.#traffic = traffic
    from.on('data', (bytes) => this.#take(bytes))
    from.on('end', () => {
      this.#ended = true
      this.#run()
    })
    for (const socket of [from, to]) {
      socket.on('close', () => {
        this.#closed = true
        this.#wake?.()
      })
    }
    to.on('drain', () => this.#wake?.())
  }

  /** The traffic has changed: what waits by the old rule is looked at again. */
  changed(): void {
    this.#wake?.()
  }

  /** Says to the receiver that there is no more, and drops what still comes. */
  finish(): void {
    this.#to.end()
  }

  #take(bytes: Buffer): void {
    if (this.#traffic().kind === 'black-hole') {
      this.holed = true
      return
    }
    this.#waiting.push({ bytes, at: performance.now() })
    this.#size += bytes.length
    if (this.#size >= limit) this.#from.pause()
    this.#run()
  }

  #run(): void {
    if (!this.#running) void this.#passOn()
  }

  async #passOn(): Promise<void> {
    this.#running = true
    for (let next = this.#waiting[0]; next !== undefined && !this.#closed; next = this.#waiting[0]) {
      const traffic = this.#traffic()
      const wait = traffic.kind === 'slow' ? Math.max(next.at + traffic.latency, this.#free) - performance.now() : 0
      if (wait > 0) await this.#pause(wait)
      else if (traffic.kind === 'open') await this.#write(this.#shift(Infinity))
      else if (traffic.kind === 'slow') await this.#trickle(traffic.bytesPerSecond)
      else {
        this.#shift(Infinity)
        this.holed = true
      }
    }
    this.#running = false
    if (!this.#ended || this.#closed) return
    // An end does not come out of a black hole either.
    if (this.#traffic().kind === 'black-hole') this.holed = true
    else this.#to.end()
  }

  async #trickle(bytesPerSecond: number): Promise<void> {
    const portion = this.#shift(Math.max(1, Math.floor(bytesPerSecond / portions)))
    this.#free = performance.now() + (portion.length / bytesPerSecond) * 1000
    await this.#write(portion)
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.#to.writable && !this.#to.write(bytes)) await this.#pause()
  }

  /** Takes out what came first, so many bytes of it at most. */
  #shift(most: number): Buffer {
    const first = this.#waiting[0]!
    const bytes = first.bytes.subarray(0, most)
    if (bytes.length === first.bytes.length) this.#waiting.shift()
    else this.#waiting[0] = { bytes: first.bytes.subarray(bytes.length), at: first.at }
    this.#size -= bytes.length
    if (this.#size < limit) this.#from.resume()
    return bytes
  }

  /** Until the time has passed, the receiver has room, or something has changed. */
  #pause(duration?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = duration === undefined ? undefined : setTimeout(() => this.#wake?.(), duration)
      this.#wake = () => {
        clearTimeout(timer)
        this.#wake = undefined
        resolve()
      }
      if (this.#closed) this.#wake()
    })
  }
}
