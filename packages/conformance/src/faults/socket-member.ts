import type { Backlog, Delivery, GroupRequest, Membership } from '@tidings/bus/transport'
import { type Link, LinkLostError } from './link.ts'
import { backlogFromWire } from './wire.ts'

/** A member of a group, which joins it anew on every link. */
export class SocketMember implements Membership {
  readonly id: number
  readonly #request: GroupRequest
  readonly #deliver: (delivery: Delivery) => void
  readonly #onStop: (member: SocketMember) => void
  #link: Link | undefined
  #paused = false
  #stopped = false
  #waiting: { resolve: () => void; reject: (error: unknown) => void }[] = []

  constructor(
    id: number,
    request: GroupRequest,
    deliver: (delivery: Delivery) => void,
    onStop: (member: SocketMember) => void,
  ) {
    this.id = id
    this.#request = request
    this.#deliver = deliver
    this.#onStop = onStop
  }

  /** Whether it ever has. */
  get isJoined(): boolean {
    return this.#link !== undefined
  }

  /** Joins on this link. Rejects when the link breaks, or when the server refuses. */
  async join(link: Link): Promise<void> {
    try {
      await link.subscribe(this.id, this.#request)
    } catch (error) {
      // A group that was refused from the start is no group to come back to.
      if (!this.isJoined && !(error instanceof LinkLostError)) this.refuse(error)
      throw error
    }
    this.#link = link
    if (this.#stopped) void link.ask({ op: 'stop', member: this.id }).catch(() => {})
    else if (this.#paused) link.send({ op: 'pause', member: this.id })
    for (const { resolve } of this.#waiting.splice(0)) resolve()
  }

  async whenJoined(): Promise<void> {
    if (!this.isJoined) await new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  /** It will not join any more. */
  refuse(error: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error)
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
    this.#onStop(this)
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
