import type { Job } from './job.ts'

interface Busy {
  readonly job: Job
  /** Those that wait for its end; they are told whether it was handled. */
  readonly waiting: ((handled: boolean) => void)[]
}

/**
 * Keeps two deliveries of one event in one member apart: the second waits for what becomes of the first. Where events have
 * a key their lane does that already, and what ends at once can meet no twin.
 */
export class Twins {
  readonly #busy = new Map<string, Busy>()

  /** Resolves, to whether it was handled, when the delivery of the same event that is under way has ended. */
  endOf(job: Job): Promise<boolean> | undefined {
    const busy = this.#busy.size > 0 ? this.#busy.get(nameOf(job)) : undefined
    return busy === undefined || busy.job === job ? undefined : new Promise((resolve) => busy.waiting.push(resolve))
  }

  /** One that is under way keeps its place, and so those that wait for it: another that ends without a handler waits for nobody. */
  begins(job: Job): void {
    if (job.key !== undefined) return
    const name = nameOf(job)
    if (!this.#busy.has(name)) this.#busy.set(name, { job, waiting: [] })
  }

  /** Handled, failed or lost. */
  ends(job: Job, handled: boolean): void {
    if (this.#busy.size === 0 || job.key !== undefined) return
    const name = nameOf(job)
    const busy = this.#busy.get(name)
    if (busy?.job !== job) return
    this.#busy.delete(name)
    for (const tell of busy.waiting) tell(handled)
  }
}

/** As it stands in the message, which may not be read yet. Two events with one name only wait for each other. */
function nameOf({ delivery }: Job): string {
  const { source, id } = delivery.message.attributes
  return `${String(source)} ${String(id)}`
}
