import {
  type Backlog,
  type Delivery,
  type GroupRequest,
  HeldDeliveries,
  type JoinedPlace,
  type Lease,
  type Membership,
  type Taken,
} from '@tidings/bus/transport'
import { type Link, LinkLostError } from './link.ts'
import { backlogFromWire } from './wire.ts'

/** A member of a group, which joins it anew on every link. */
export class SocketMember implements Membership {
  /** Its place among those who join. */
  place: JoinedPlace | undefined
  readonly #id: number
  readonly #request: GroupRequest
  readonly #held: HeldDeliveries
  readonly #onStopped: () => void
  #link: Link | undefined
  #paused = false
  #stopped = false

  constructor(id: number, request: GroupRequest, deliver: (delivery: Delivery) => void, onStopped: () => void) {
    this.#id = id
    this.#request = request
    this.#held = new HeldDeliveries({ prefetch: request.prefetch, deliver })
    this.#onStopped = onStopped
  }

  /** Joins on this link. Rejects when the link breaks, or when the server refuses. */
  async join(link: Link): Promise<void> {
    await link.subscribe(this.#id, this.#request)
    this.#link = link
    // A join that was given up meanwhile is taken back.
    if (this.#stopped) void link.ask({ op: 'stop', member: this.#id }).catch(() => {})
    else if (this.#paused) link.send({ op: 'pause', member: this.#id })
  }

  take(taken: Taken, lease: Lease): void {
    this.#held.take(taken, lease)
    // It was on its way when this member paused, or joined anew: other members may have it.
    if (this.#paused && !this.#request.ordered) void this.#held.giveBackAhead()
  }

  pause(): void {
    if (this.#stopped) return
    this.#paused = true
    this.#held.pause()
    this.#link?.send({ op: 'pause', member: this.#id })
  }

  resume(): void {
    if (this.#stopped) return
    this.#paused = false
    this.#held.resume()
    this.#link?.send({ op: 'resume', member: this.#id })
  }

  async backlog(): Promise<Backlog | undefined> {
    const backlog = (await this.#ask('backlog')) as Backlog | undefined
    return backlog && backlogFromWire(backlog)
  }

  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.place?.leave()
    this.#held.pause()
    try {
      // The server first: what is given back by a member that has stopped keeps its place.
      await this.#ask('stop')
    } finally {
      await this.#held.stop()
      this.#onStopped()
    }
  }

  /** Undefined while there is no link. */
  async #ask(op: 'stop' | 'backlog'): Promise<unknown> {
    try {
      return await this.#link?.ask({ op, member: this.#id })
    } catch (error) {
      if (error instanceof LinkLostError) return undefined
      throw error
    }
  }
}
