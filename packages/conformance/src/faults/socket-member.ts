import type { Backlog, Delivery, GroupRequest, Membership } from '@tidings/bus/transport'
import { type Link, LinkLostError } from './link.ts'
import { backlogFromWire } from './wire.ts'

/** A member of a group, which joins it anew on every link. */
export class SocketMember implements Membership {
  readonly id: number
  readonly #request: GroupRequest
  readonly #deliver: (delivery: Delivery) => void
  readonly #onStop: () => void
  #link: Link | undefined
  #paused = false
  #stopped = false

  constructor(id: number, request: GroupRequest, deliver: (delivery: Delivery) => void, onStop: () => void) {
    this.id = id
    this.#request = request
    this.#deliver = deliver
    this.#onStop = onStop
  }

  /** Joins on this link. Rejects when the link breaks, or when the server refuses. */
  async join(link: Link): Promise<void> {
    await link.subscribe(this.id, this.#request)
    this.#link = link
    // A join that was given up meanwhile is taken back.
    if (this.#stopped) void link.ask({ op: 'stop', member: this.id }).catch(() => {})
    else if (this.#paused) link.send({ op: 'pause', member: this.id })
  }

  deliver(delivery: Delivery): void {
    this.#deliver(delivery)
  }

  pause(): void {
    this.#paused = true
    this.#link?.send({ op: 'pause', member: this.id })
  }

  resume(): void {
    this.#paused = false
    this.#link?.send({ op: 'resume', member: this.id })
  }

  async backlog(): Promise<Backlog | undefined> {
    const backlog = (await this.#ask('backlog')) as Backlog | undefined
    return backlog && backlogFromWire(backlog)
  }

  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.#onStop()
    await this.#ask('stop')
  }

  /** Undefined while there is no link. */
  async #ask(op: 'stop' | 'backlog'): Promise<unknown> {
    try {
      return await this.#link?.ask({ op, member: this.id })
    } catch (error) {
      if (error instanceof LinkLostError) return undefined
      throw error
    }
  }
}
