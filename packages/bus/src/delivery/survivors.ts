import type { Job } from './job.ts'

/** Events whose losses are remembered. */
const most = 10_000

/**
 * What was lost with a connection while this process lived on: however often that happens, the event did not end its
 * process, and is not to be blamed for it.
 */
export class Survivors {
  /** By event: how often it was lost so, since it was last settled. The oldest come first. */
  readonly #lost = new Map<string, number>()

  /** A delivery was lost, and its process is alive. */
  lost(job: Job): void {
    const name = nameOf(job)
    const count = this.#lost.get(name) ?? 0
    this.#lost.delete(name)
    this.#lost.set(name, count + 1)
    if (this.#lost.size > most) this.#lost.delete(this.#lost.keys().next().value!)
  }

  settled(job: Job): void {
    if (this.#lost.size > 0) this.#lost.delete(nameOf(job))
  }

  /** How often its member died with it, as far as anybody knows. */
  deathsOf(job: Job): number {
    const { redeliveries = 0 } = job.delivery
    if (redeliveries === 0 || this.#lost.size === 0) return redeliveries
    return Math.max(0, redeliveries - (this.#lost.get(nameOf(job)) ?? 0))
  }
}

function nameOf({ delivery }: Job): string {
  const { source, id } = delivery.message.attributes
  return `${String(source)} ${String(id)}`
}
