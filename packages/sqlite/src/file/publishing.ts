import type { ConnectOptions, Outgoing } from '@tidings/bus/transport'
import { send } from './place.ts'
import type { Task } from './commits.ts'
import type { SharedFile } from './shared-file.ts'

/** A message on its way into the file. */
export class Publishing implements Task<boolean> {
  readonly #file: SharedFile
  readonly #outgoing: Outgoing
  readonly #bus: Pick<ConnectOptions, 'onUnroutable'>
  readonly #resolve: () => void
  readonly #reject: (error: unknown) => void

  constructor(
    file: SharedFile,
    outgoing: Outgoing,
    bus: Pick<ConnectOptions, 'onUnroutable'>,
    resolve: () => void,
    reject: (error: unknown) => void,
  ) {
    this.#file = file
    this.#outgoing = outgoing
    this.#bus = bus
    this.#resolve = resolve
    this.#reject = reject
  }

  apply(): boolean {
    return send(this.#file, this.#outgoing)
  }

  done(reachesAny: boolean): void {
    try {
      if (!reachesAny) this.#bus.onUnroutable(this.#outgoing.message)
      this.#resolve()
    } catch (error) {
      this.#reject(error)
    }
  }

  failed(error: unknown): void {
    this.#reject(error)
  }
}
