import type { Clock } from '../clock.ts'
import { List } from '../collections/list.ts'
import type { Job } from './job.ts'

/** Everything that a member holds unsettled, and what of it is lost with a connection or a partition. */
export class HeldJobs {
  readonly #clock: Clock
  readonly #jobs = new List<Job>()
  readonly #lost: (jobs: readonly Job[], reason: unknown) => void
  /** The signals that are followed, each with its listener. */
  readonly #followed = new Map<AbortSignal, () => void>()
  /** Those that wait for their next attempt. */
  readonly #waiting = new Set<Job>()
  /** Ours no more, while their handler runs. */
  readonly #left = new Set<Job>()
  #whenEmpty: (() => void)[] = []
  #since: number | undefined

  /** `lost` is told what goes with a signal; it deletes these. */
  constructor(clock: Clock, lost: (jobs: readonly Job[], reason: unknown) => void) {
    this.#clock = clock
    this.#lost = lost
  }

  get size(): number {
    return this.#jobs.size
  }

  /** How many wait for their next attempt. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Those that are ours no more, and whose handlers run still. */
  get left(): readonly Job[] {
    return [...this.#left]
  }

  /** Since when something has been active; undefined where nothing is. */
  get busySince(): number | undefined {
    return this.#since
  }

  /** So many neither wait for their next attempt nor stand behind one of their key that does. */
  areActive(count: number): void {
    if (count === 0) this.#since = undefined
    else this.#since ??= this.#clock.now()
  }

  all(): Job[] {
    return [...this.#jobs]
  }

  /** Those that are not under way, in the order of arrival. */
  resting(): Job[] {
    return [...this.#jobs].filter((job) => !job.isUnderWay)
  }

  add(job: Job): void {
    job.held = this.#jobs.push(job)
    const { lost } = job.delivery
    if (!this.#followed.has(lost)) this.#follow(lost)
  }

  waits(job: Job): void {
    this.#waiting.add(job)
  }

  wakes(job: Job): void {
    this.#waiting.delete(job)
  }

  delete(job: Job): void {
    if (job.held === undefined) return
    this.#jobs.remove(job.held)
    job.held = undefined
    if (this.#waiting.size > 0) this.#waiting.delete(job)
    if (job.state === 'left') this.#left.add(job)
    // Most transports have one signal for all; where each delivery has its own, they must not pile up.
    if (this.#followed.size > this.#jobs.size + 16) this.#unfollow()
    this.#tellEmpty()
  }

  /** Its handler has ended. */
  isDoneWith(job: Job): void {
    if (this.#left.delete(job)) this.#tellEmpty()
  }

  /** Resolves when it holds nothing, and no handler runs whose delivery was lost. */
  empty(): Promise<void> {
    return this.#isEmpty ? Promise.resolve() : new Promise((resolve) => this.#whenEmpty.push(resolve))
  }

  close(): void {
    for (const job of this.#jobs) this.delete(job)
    this.#unfollow()
  }

  get #isEmpty(): boolean {
    return this.#jobs.size === 0 && this.#left.size === 0
  }

  #tellEmpty(): void {
    if (this.#whenEmpty.length > 0 && this.#isEmpty) for (const resolve of this.#whenEmpty.splice(0)) resolve()
  }

  #follow(signal: AbortSignal): void {
    const dropped = (): void => {
      this.#followed.delete(signal)
      this.#lost(
        this.all().filter(({ delivery }) => delivery.lost === signal),
        signal.reason,
      )
    }
    this.#followed.set(signal, dropped)
    signal.addEventListener('abort', dropped, { once: true })
  }

  /** Forgets the signals of which no delivery is left. */
  #unfollow(): void {
    const alive = new Set(this.all().map(({ delivery }) => delivery.lost))
    for (const [signal, dropped] of this.#followed) {
      if (alive.has(signal)) continue
      signal.removeEventListener('abort', dropped)
      this.#followed.delete(signal)
    }
  }
}
