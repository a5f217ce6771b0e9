import { invalidArgument, oneOf } from './check.ts'
import { TidingsError } from './errors.ts'
import type { Handler } from './keys.ts'
import type { EntryOptions, Subscription } from './subscription.ts'

/** What `events` takes besides the key. */
export interface StreamOptions {
  /** Ends the iteration at once; what is buffered is dropped. */
  signal?: AbortSignal
  /** Events held for a consumer that is behind; default 1000. */
  buffer?: number
  /**
   * What happens to an event that finds the buffer full. `'drop-oldest'` (default) and `'drop-newest'` count what they
   * drop in `dropped`. `'error'` ends the iteration with a `StreamOverflowError` once the buffered events are read.
   * `'wait'` keeps the event's publish pending until there is room.
   */
  overflow?: 'drop-oldest' | 'drop-newest' | 'error' | 'wait'
}

/** The consumer was too slow for the buffer of `events({ overflow: 'error' })`. */
export class StreamOverflowError extends TidingsError<'STREAM_OVERFLOW'> {
  override readonly name = 'StreamOverflowError'

  constructor(key: string, buffer: number) {
    super(
      'STREAM_OVERFLOW',
      `the stream of "${key}" is ended: ${buffer} events wait already\nRead faster, or raise \`buffer\`.`,
    )
  }
}

interface Reader<P> {
  resolve(result: IteratorResult<P, undefined>): void
  reject(error: unknown): void
}

/**
 * The events of a key as an async iterator. It buffers from the moment it is made, so nothing is missed before the
 * first `next`; leaving the loop, `return`, the signal and closing the dispatcher all end it.
 */
export class EventStream<P> implements AsyncIterableIterator<P, undefined>, AsyncDisposable {
  /** Events that found the buffer full and were dropped. */
  dropped = 0
  readonly #subscription: Subscription
  readonly #signal: AbortSignal | undefined
  readonly #overflow: NonNullable<StreamOptions['overflow']>
  readonly #capacity: number
  /** A ring, as long as a power of two: the oldest event is at `#head`. It grows as it is needed. */
  #buffer: (P | undefined)[] = []
  #head = 0
  #size = 0
  readonly #readers: Reader<P>[] = []
  /** Publishers that wait for room, oldest first, with their event. */
  readonly #writers: { payload: P; resolve: () => void }[] = []
  #ended = false
  #error: unknown = undefined

  constructor(subscribe: (handler: Handler<P>, options: EntryOptions) => Subscription, options: StreamOptions = {}) {
    const capacity = options.buffer ?? 1000
    if (!(Number.isSafeInteger(capacity) && capacity > 0)) {
      throw invalidArgument('buffer', 'a whole number from 1 on', capacity)
    }
    this.#capacity = capacity
    this.#signal = options.signal
    this.#overflow = oneOf(options.overflow, ['drop-oldest', 'drop-newest', 'error', 'wait'], 'overflow')
    this.#subscription = subscribe((payload) => this.#take(payload), { name: 'events', ended: () => this.#end() })
    const { signal } = options
    if (signal?.aborted) void this.return()
    else signal?.addEventListener('abort', this)
  }

  next(): Promise<IteratorResult<P, undefined>> {
    if (this.#size > 0) {
      const value = this.#shift()
      if (this.#writers.length > 0) {
        const { payload, resolve } = this.#writers.shift()!
        this.#push(payload)
        resolve()
      }
      return Promise.resolve({ value, done: false })
    }
    if (this.#error !== undefined) {
      const error = this.#error
      this.#error = undefined
      return Promise.reject(error)
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }))
  }

  /** Ends the iteration and drops what is buffered. */
  return(): Promise<IteratorResult<P, undefined>> {
    this.#subscription.unsubscribe()
    this.#size = 0
    this.#buffer = []
    for (const writer of this.#writers.splice(0)) writer.resolve()
    return Promise.resolve({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  /** The signal's abort. */
  handleEvent(): void {
    void this.return()
  }

  /** Takes no more events; what is buffered can still be read. */
  #end(): void {
    this.#ended = true
    this.#signal?.removeEventListener('abort', this)
    for (const reader of this.#readers.splice(0)) reader.resolve({ value: undefined, done: true })
  }

  #take(payload: P): Promise<void> | undefined {
    if (this.#readers.length > 0) {
      this.#readers.shift()!.resolve({ value: payload, done: false })
      return undefined
    }
    if (this.#size < this.#capacity) {
      this.#push(payload)
      return undefined
    }
    switch (this.#overflow) {
      case 'wait':
        return new Promise((resolve) => this.#writers.push({ payload, resolve }))
      case 'error':
        this.#error = new StreamOverflowError(this.#subscription.key, this.#capacity)
        this.#subscription.unsubscribe()
        return undefined
      case 'drop-newest':
        this.dropped++
        return undefined
      default:
        this.dropped++
        this.#shift()
        this.#push(payload)
        return undefined
    }
  }

  #push(payload: P): void {
    const buffer = this.#buffer
    if (this.#size === buffer.length) {
      this.#buffer = [...buffer.slice(this.#head), ...buffer.slice(0, this.#head)]
      this.#buffer.length = this.#size * 2 || 16
      this.#head = 0
    }
    this.#buffer[(this.#head + this.#size++) & (this.#buffer.length - 1)] = payload
  }

  #shift(): P {
    const payload = this.#buffer[this.#head] as P
    this.#buffer[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#buffer.length - 1)
    this.#size--
    return payload
  }
}
