import type { HandlerLog } from '../handler/context.ts'
import type { Connection, Delivery, GroupRequest, Membership } from '../transport/transport.ts'

/** The place of a consumer in its group, which it keeps while it joins again for other event types. */
export class KeptMembership {
  readonly #log: HandlerLog
  readonly #group: string
  readonly #deliver: (delivery: Delivery) => void
  #membership: Membership | undefined
  #joining: Promise<void> | undefined
  #isPaused = false
  #isStopped = false

  constructor(log: HandlerLog, group: string, deliver: (delivery: Delivery) => void) {
    this.#log = log
    this.#group = group
    this.#deliver = deliver
  }

  /** Joined, and not stopped. */
  get isHeld(): boolean {
    return this.#membership !== undefined && !this.#isStopped
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  /** `request` is asked when its turn has come: one join after the other. */
  join(connection: Connection, request: () => GroupRequest, signal: AbortSignal | undefined): Promise<void> {
    const join = (): Promise<void> => this.#join(connection, request, signal)
    // At once where nothing is under way: on a transport that binds at once, what is published next arrives.
    const joined = this.#joining ? this.#joining.then(join, join) : join()
    const ended = joined.finally(() => {
      if (this.#joining === ended) this.#joining = undefined
    })
    ended.catch(() => {})
    this.#joining = ended
    return joined
  }

  /** Resolves when no join is under way; rejects when one that was is refused. */
  async joined(): Promise<void> {
    while (this.#joining) await this.#joining
  }

  /** No further deliveries for now, or again. */
  pause(is: boolean): void {
    if (is === this.#isPaused) return
    this.#isPaused = is
    if (is) this.#membership?.pause()
    else this.#membership?.resume()
  }

  /** No further deliveries. Resolves when the broker knows. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#membership?.stop()
  }

  backlog(): ReturnType<Membership['backlog']> {
    return this.#membership?.backlog()
  }

  async #join(connection: Connection, request: () => GroupRequest, signal: AbortSignal | undefined): Promise<void> {
    if (this.#isStopped) return
    const before = this.#membership
    this.#membership = await connection.subscribe(request(), this.#deliver, signal)
    try {
      await before?.stop()
    } catch (error) {
      this.#log.warn('a member that has joined again could not leave its old place', { group: this.#group, error })
    }
    if (this.#isStopped) await this.#membership.stop()
    else if (this.#isPaused) this.#membership.pause()
  }
}
