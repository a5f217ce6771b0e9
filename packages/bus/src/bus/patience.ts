import type { Clock } from '../clock.ts'

/** How long somebody waits. Nothing is made, no timer and no controller, before somebody reads the signal. */
export class Patience {
  readonly #clock: Clock
  /** Milliseconds. */
  readonly timeout: number
  readonly #given: AbortSignal | undefined
  #signal: AbortSignal | undefined
  #controller: AbortController | undefined
  #cancel: (() => void) | undefined
  #over: DOMException | undefined

  /** `given` is the caller's own signal. */
  constructor(clock: Clock, timeout: number, given: AbortSignal | undefined) {
    this.#clock = clock
    this.timeout = timeout
    this.#given = given
  }

  get signal(): AbortSignal {
    return (this.#signal ??= this.#start())
  }

  /** Whether this error says that the time was up. */
  isOver(error: unknown): boolean {
    return error !== undefined && error === this.#over
  }

  end(): void {
    this.#cancel?.()
  }

  /** Ends the wait with this reason, whoever waits for whatever. */
  giveUp(reason: unknown): void {
    this.#controller ??= new AbortController()
    this.#controller.abort(reason)
  }

  #start(): AbortSignal {
    const controller = (this.#controller ??= new AbortController())
    if (this.timeout !== Infinity) {
      this.#cancel = this.#clock.after(this.timeout, () => {
        this.#over = new DOMException('the time is up', 'TimeoutError')
        controller.abort(this.#over)
      })
    }
    return this.#given ? AbortSignal.any([this.#given, controller.signal]) : controller.signal
  }
}
