import type { TidingsEvent } from '@tidings/events'
import { EffectsOverflowError } from '../errors.ts'
import type { Outgoing } from '../transport/transport.ts'

/** Effects of one attempt, or of one transaction, at most. */
const mostEffects = 10_000
/** Characters or bytes of their bodies at most. */
const mostSize = 64 * 1024 * 1024

/** What one attempt, or one transaction, publishes, held back until it has succeeded. */
export class Effects {
  readonly outgoing: Outgoing[] = []
  readonly #events: TidingsEvent[] = []
  readonly #group: string | undefined
  #size = 0

  /** `group`: whose attempt it is; undefined for a transaction. */
  constructor(group: string | undefined) {
    this.#group = group
  }

  get events(): readonly TidingsEvent[] {
    return this.#events
  }

  /** @throws EffectsOverflowError */
  add(event: TidingsEvent, outgoing: Outgoing): void {
    const { body } = outgoing.message
    this.#size += typeof body === 'string' ? body.length : (body?.byteLength ?? 0)
    if (this.outgoing.length >= mostEffects || this.#size > mostSize) {
      throw new EffectsOverflowError(event.type, mostEffects, mostSize, this.#group)
    }
    this.outgoing.push(outgoing)
    this.#events.push(event)
  }

  /** Takes back what was published with a delay; says whether there was any. */
  cancel(id: string): boolean {
    const at = this.outgoing.findIndex(({ notBefore }, i) => notBefore !== undefined && this.#events[i]!.id === id)
    if (at < 0) return false
    this.outgoing.splice(at, 1)
    this.#events.splice(at, 1)
    return true
  }
}
