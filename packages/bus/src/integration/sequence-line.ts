import { isFinal } from '@tidings/core/tools'
import type { Clock } from '../clock.ts'
import type { HandlerContext } from '../handler/context.ts'

/** An event that waits for its turn, or has it. */
export class Entry {
  readonly id: string
  readonly context: HandlerContext
  readonly handle: () => Promise<unknown>
  /** As the handler ended; or rejected, when the attempt was over before. */
  readonly outcome: Promise<void>
  #resolve!: () => void
  #reject!: (error: unknown) => void
  #stopFollowing: () => void = () => {}

  constructor(id: string, context: HandlerContext, handle: () => Promise<unknown>) {
    this.id = id
    this.context = context
    this.handle = handle
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** Calls back when the attempt is over, whatever the handler does; also when it is over already. */
  follow(over: (reason: unknown) => void): void {
    const { signal } = this.context
    const aborted = (): void => over(signal.reason)
    this.#stopFollowing = () => signal.removeEventListener('abort', aborted)
    if (signal.aborted) aborted()
    else signal.addEventListener('abort', aborted, { once: true })
  }

  succeed(): void {
    this.#stopFollowing()
    this.#resolve()
  }

  fail(error: unknown): void {
    this.#stopFollowing()
    this.#reject(error)
  }
}

interface LineOptions {
  readonly source: string
  readonly first: number
  readonly gapTimeout: number
  readonly clock: Clock
  /** Told by how much the number of held events changes. */
  onHeld(by: 1 | -1): void
}

/** The events of one source on their way into order. */
export class SequenceLine {
  /** The sequence that is to be handled next, or just now. */
  next: number
  readonly #options: LineOptions
  readonly #held = new Map<number, Entry[]>()
  #running: Entry | undefined
  #cancelWait: (() => void) | undefined

  constructor(options: LineOptions) {
    this.next = options.first
    this.#options = options
  }

  get isIdle(): boolean {
    return this.#running === undefined && this.#held.size === 0
  }

  /** The event that one of this place and id repeats. */
  find(sequence: number, id: string): Entry | undefined {
    if (sequence === this.next && this.#running?.id === id) return this.#running
    return this.#held.get(sequence)?.find((entry) => entry.id === id)
  }

  enter(sequence: number, entry: Entry): void {
    const place = this.#held.get(sequence)
    if (place) place.push(entry)
    else this.#held.set(sequence, [entry])
    this.#options.onHeld(1)
    entry.follow((reason) => this.#leave(sequence, entry, reason))
    this.#advance()
  }

  /** Goes on with the first that is held, if something is missing before it. */
  passGap(reason: string): void {
    if (this.#running !== undefined || this.#held.size === 0) return
    const from = this.next
    this.next = Math.min(...this.#held.keys())
    const [first] = this.#held.get(this.next)!
    const { source } = this.#options
    first!.context.log.warn(`a gap in a sequence is passed over: ${reason}`, { source, from, to: this.next - 1 })
    this.#advance()
  }

  #advance(): void {
    if (this.#running !== undefined) return
    const place = this.#held.get(this.next)
    if (place === undefined) {
      this.#waitForGap()
      return
    }
    this.#stopWaiting()
    const [entry] = place
    this.#take(this.next, entry!)
    this.#running = entry
    void this.#run(entry!)
  }

  async #run(entry: Entry): Promise<void> {
    try {
      await entry.handle()
      this.#ended(entry, true)
      entry.succeed()
    } catch (error) {
      this.#ended(entry, isFinal(error))
      entry.fail(error)
    }
  }

  /** Frees the place of what has run; `passed` when nothing more will come for it. */
  #ended(entry: Entry, passed: boolean): void {
    // Over before: its place was freed then.
    if (this.#running !== entry) return
    this.#running = undefined
    if (passed && !this.#held.has(this.next)) this.next++
    this.#advance()
  }

  /** The attempt is over: the event will come again, or is another member's now. */
  #leave(sequence: number, entry: Entry, reason: unknown): void {
    if (this.#running === entry) this.#ended(entry, false)
    else this.#take(sequence, entry)
    entry.fail(reason)
    if (this.#held.size === 0) this.#stopWaiting()
  }

  #take(sequence: number, entry: Entry): void {
    const place = this.#held.get(sequence)
    const at = place?.indexOf(entry) ?? -1
    if (place === undefined || at < 0) return
    place.splice(at, 1)
    this.#options.onHeld(-1)
    if (place.length === 0) this.#held.delete(sequence)
  }

  #waitForGap(): void {
    if (this.#held.size === 0 || this.#cancelWait !== undefined) return
    this.#cancelWait = this.#options.clock.after(this.#options.gapTimeout, () => {
      this.#cancelWait = undefined
      this.passGap('the time is up')
    })
  }

  #stopWaiting(): void {
    this.#cancelWait?.()
    this.#cancelWait = undefined
  }
}
