import { List } from '../collections/list.ts'
import type { Job } from './job.ts'

/** Everything that a member holds unsettled, and what of it is lost with a connection or a partition. */
export class HeldJobs {
  readonly #jobs = new List<Job>()
  readonly #lost: (jobs: readonly Job[], reason: unknown) => void
  /** The signals that are followed, each with its listener. */
  readonly #followed = new Map<AbortSignal, () => void>()
  #whenEmpty: (() => void)[] = []

  /** `lost` is told what goes with a signal; it deletes these. */
  constructor(lost: (jobs: readonly Job[], reason: unknown) => void) {
    this.#lost = lost
  }

  get size(): number {
    return this.#jobs.size
  }

  has(job: Job): boolean {
    return job.held !== undefined
  }

  all(): Job[] {
    return [...this.#jobs]
  }

  /** Those whose handler does not run, in the order of arrival. */
  resting(): Job[] {
    return [...this.#jobs].filter(({ running }) => !running)
  }

  add(job: Job): void {
    job.held = this.#jobs.push(job)
    const { lost } = job.delivery
    if (!this.#followed.has(lost)) this.#follow(lost)
  }

  delete(job: Job): void {
    if (job.held === undefined) return
    this.#jobs.remove(job.held)
    job.held = undefined
    // Most transports have one signal for all; where each delivery has its own, they must not pile up.
    if (this.#followed.size > this.#jobs.size + 16) this.#unfollow()
    if (this.#jobs.size === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve()
  }

  /** Resolves when it holds nothing. */
  empty(): Promise<void> {
    return this.#jobs.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenEmpty.push(resolve))
  }

  close(): void {
    for (const job of this.#jobs) this.delete(job)
    this.#unfollow()
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
