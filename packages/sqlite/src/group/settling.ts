import type { Settled, Settlement } from '@tidings/bus/transport'
import type { Task } from '../file/commits.ts'
import type { SharedFile } from '../file/shared-file.ts'
import type { Copy } from './copy.ts'
import type { Group } from './group.ts'
import { apply } from './settle.ts'

/** A settlement on its way into the file. */
export class Settling implements Task<Settled> {
  readonly #file: SharedFile
  readonly #group: Group
  readonly #copy: Copy
  readonly #settlement: Settlement
  readonly #resolve: (settled: Settled) => void
  readonly #reject: (error: unknown) => void

  constructor(
    file: SharedFile,
    group: Group,
    copy: Copy,
    settlement: Settlement,
    resolve: (settled: Settled) => void,
    reject: (error: unknown) => void,
  ) {
    this.#file = file
    this.#group = group
    this.#copy = copy
    this.#settlement = settlement
    this.#resolve = resolve
    this.#reject = reject
  }

  apply(): Settled {
    // Its connection has ended meanwhile, and given it back.
    if (!this.#copy.member!.has(this.#copy)) return 'lost'
    if (this.#group.record === undefined) return undefined
    return apply(this.#file, this.#group.id, this.#copy, this.#settlement)
  }

  done(settled: Settled): void {
    try {
      if (settled !== 'lost') {
        for (const message of this.#copy.unroutable) this.#copy.member!.unroutable(message)
        this.#group.ended(this.#copy, this.#settlement)
      }
      this.#resolve(settled)
    } catch (error) {
      this.#reject(error)
    }
  }

  failed(error: unknown): void {
    const copy = this.#copy
    if (copy.member!.has(copy)) copy.member!.settling--
    copy.isSettling = false
    this.#reject(error)
  }
}
