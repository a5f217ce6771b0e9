import type { List, ListNode } from '../collections/list.ts'
import { BusClosedError } from '../errors.ts'
import type { Outgoing } from '../transport/transport.ts'
import type { Client } from './client.ts'
import { PublishOverflowError } from './publish-overflow-error.ts'

/** What ends the wait of a publish. */
export interface Abortable {
  readonly signal?: AbortSignal | undefined
}

/** A group, as far as room in it goes. */
export interface Bounded<Group> {
  readonly hasRoom: boolean
  /** Publishes that wait for room here, first come first served. */
  readonly publishes: List<WaitingPublish<Group>>
}

/** A publish that waits until each of its groups has room. */
export interface WaitingPublish<Group> {
  readonly outgoing: Outgoing
  readonly connection: Client
  /** Its place in each group. */
  readonly places: Map<Group, ListNode<WaitingPublish<Group>>>
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
  /** Takes the listener off its signal. */
  deafen: () => void
}

/**
 * Has publishes wait, first come first served in each group: one may go when it is the first in all of its groups, and
 * all of them have room. So it reaches all or none, and what is published later overtakes it in none.
 */
export class Room<Group extends Bounded<Group>> {
  readonly #maxWaiting: number
  readonly #place: (waiting: WaitingPublish<Group>, groups: readonly Group[]) => void
  readonly #waiting = new Set<WaitingPublish<Group>>()

  constructor(maxWaiting: number, place: (waiting: WaitingPublish<Group>, groups: readonly Group[]) => void) {
    this.#maxWaiting = maxWaiting
    this.#place = place
  }

  /** Whether a publish to these groups can go at once. */
  isIn(groups: readonly Group[]): boolean {
    for (const group of groups) if (!group.hasRoom || group.publishes.first !== undefined) return false
    return true
  }

  wait(
    outgoing: Outgoing,
    connection: Client,
    groups: readonly Group[],
    options: Abortable | undefined,
  ): Promise<void> {
    // Read only here: who need not wait needs no signal.
    const signal = options?.signal
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    if (this.#waiting.size >= this.#maxWaiting) {
      return Promise.reject(new PublishOverflowError(String(outgoing.message.attributes['type']), this.#maxWaiting))
    }
    return new Promise((resolve, reject) => {
      const waiting: WaitingPublish<Group> = {
        outgoing,
        connection,
        places: new Map(),
        resolve,
        reject,
        deafen: () => {},
      }
      for (const group of groups) waiting.places.set(group, group.publishes.push(waiting))
      this.#waiting.add(waiting)
      if (signal === undefined) return
      const abort = (): void => {
        this.#leave(waiting)
        reject(signal.reason)
        for (const group of waiting.places.keys()) this.freed(group)
      }
      signal.addEventListener('abort', abort)
      waiting.deafen = () => signal.removeEventListener('abort', abort)
    })
  }

  /** Lets those go that wait for this group, as far as they may now; and those that stood behind them elsewhere. */
  freed(group: Group): void {
    const groups = new Set([group])
    for (const each of groups) {
      groups.delete(each)
      for (let first = each.publishes.first; first !== undefined; first = each.publishes.first) {
        const waiting = first.value
        if (!mayGo(waiting)) break
        this.#leave(waiting)
        const reached = [...waiting.places.keys()]
        this.#place(waiting, reached)
        waiting.resolve()
        for (const other of reached) if (other !== each) groups.add(other)
      }
    }
  }

  /** Rejects what waits for a connection that closes. */
  close(connection: Client): void {
    const groups = new Set<Group>()
    for (const waiting of this.#waiting) {
      if (waiting.connection !== connection) continue
      this.#leave(waiting)
      waiting.reject(new BusClosedError('a publish that waits for room'))
      for (const group of waiting.places.keys()) groups.add(group)
    }
    for (const group of groups) this.freed(group)
  }

  /** Nobody waits for a group that is gone. */
  forget(group: Group): void {
    const others = new Set<Group>()
    for (let node = group.publishes.first; node !== undefined; node = group.publishes.first) {
      const waiting = node.value
      group.publishes.remove(node)
      waiting.places.delete(group)
      for (const other of waiting.places.keys()) others.add(other)
      if (waiting.places.size > 0) continue
      this.#leave(waiting)
      this.#place(waiting, [])
      waiting.resolve()
    }
    for (const other of others) this.freed(other)
  }

  #leave(waiting: WaitingPublish<Group>): void {
    this.#waiting.delete(waiting)
    waiting.deafen()
    for (const [group, node] of waiting.places) group.publishes.remove(node)
  }
}

function mayGo<Group extends Bounded<Group>>({ places }: WaitingPublish<Group>): boolean {
  for (const [group, node] of places) if (group.publishes.first !== node || !group.hasRoom) return false
  return true
}
