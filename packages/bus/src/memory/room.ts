import { List, type ListNode } from '../collections/list.ts'
import { BusClosedError } from '../errors.ts'
import type { Outgoing } from '../transport/transport.ts'
import type { Client } from './client.ts'
import { PublishOverflowError } from './publish-overflow-error.ts'

/** What ends the wait of a publish. */
export interface Abortable {
  readonly signal?: AbortSignal | undefined
}

/** The way into a group, which is open while there is room behind it. */
export class Gate<Group> {
  readonly group: Group
  /** Publishes that wait for room here, first come first served. */
  readonly publishes: List<WaitingPublish<Group>> = new List()
  readonly #hasRoom: () => boolean

  constructor(group: Group, hasRoom: () => boolean) {
    this.group = group
    this.#hasRoom = hasRoom
  }

  get hasRoom(): boolean {
    return this.#hasRoom()
  }

  /** Whether a publish can go through at once. */
  get isOpen(): boolean {
    return this.publishes.first === undefined && this.#hasRoom()
  }
}

/** A publish that waits until each of its groups has room. */
export interface WaitingPublish<Group> {
  readonly outgoing: Outgoing
  readonly connection: Client
  /** Its place at each gate. */
  readonly places: Map<Gate<Group>, ListNode<WaitingPublish<Group>>>
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
  /** Takes the listener off its signal. */
  deafen: () => void
}

/**
 * Has publishes wait, first come first served at each gate: one may go when it is the first at all of its gates, and all
 * of them have room. So it reaches all or none, and what is published later overtakes it at none.
 */
export class Room<Group> {
  readonly #maxWaiting: number
  readonly #place: (waiting: WaitingPublish<Group>, groups: readonly Group[]) => void
  readonly #explain: (gates: readonly Gate<Group>[], type: string, reason: unknown) => Error
  readonly #waiting = new Set<WaitingPublish<Group>>()

  /** `explain` makes the error of a publish that gave up waiting. */
  constructor(
    maxWaiting: number,
    place: (waiting: WaitingPublish<Group>, groups: readonly Group[]) => void,
    explain: (gates: readonly Gate<Group>[], type: string, reason: unknown) => Error,
  ) {
    this.#maxWaiting = maxWaiting
    this.#place = place
    this.#explain = explain
  }

  wait(
    outgoing: Outgoing,
    connection: Client,
    gates: readonly Gate<Group>[],
    options: Abortable | undefined,
  ): Promise<void> {
    // Read only here: who need not wait needs no signal.
    const signal = options?.signal
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    const type = String(outgoing.message.attributes['type'])
    if (this.#waiting.size >= this.#maxWaiting) return Promise.reject(new PublishOverflowError(type, this.#maxWaiting))
    return new Promise((resolve, reject) => {
      const waiting: WaitingPublish<Group> = {
        outgoing,
        connection,
        places: new Map(),
        resolve,
        reject,
        deafen: () => {},
      }
      for (const gate of gates) waiting.places.set(gate, gate.publishes.push(waiting))
      this.#waiting.add(waiting)
      if (signal === undefined) return
      const abort = (): void => {
        this.#leave(waiting)
        const left = [...waiting.places.keys()]
        reject(this.#explain(left, type, signal.reason))
        for (const gate of left) this.freed(gate)
      }
      signal.addEventListener('abort', abort)
      waiting.deafen = () => signal.removeEventListener('abort', abort)
    })
  }

  /** Lets those go that wait at this gate, as far as they may now; and those that stood behind them elsewhere. */
  freed(gate: Gate<Group>): void {
    const gates = new Set([gate])
    for (const each of gates) {
      gates.delete(each)
      for (let first = each.publishes.first; first !== undefined; first = each.publishes.first) {
        const waiting = first.value
        if (!mayGo(waiting)) break
        this.#leave(waiting)
        const reached = [...waiting.places.keys()]
        this.#place(waiting, groupsOf(reached))
        waiting.resolve()
        for (const other of reached) if (other !== each) gates.add(other)
      }
    }
  }

  /** Rejects what waits for a connection that closes. */
  close(connection: Client): void {
    const gates = new Set<Gate<Group>>()
    for (const waiting of this.#waiting) {
      if (waiting.connection !== connection) continue
      this.#leave(waiting)
      waiting.reject(new BusClosedError('a publish that waits for room'))
      for (const gate of waiting.places.keys()) gates.add(gate)
    }
    for (const gate of gates) this.freed(gate)
  }

  /** Nobody waits for a group that is gone. */
  forget(gate: Gate<Group>): void {
    const others = new Set<Gate<Group>>()
    for (let node = gate.publishes.first; node !== undefined; node = gate.publishes.first) {
      const waiting = node.value
      gate.publishes.remove(node)
      waiting.places.delete(gate)
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
    for (const [gate, node] of waiting.places) gate.publishes.remove(node)
  }
}

function mayGo<Group>({ places }: WaitingPublish<Group>): boolean {
  for (const [gate, node] of places) if (gate.publishes.first !== node || !gate.hasRoom) return false
  return true
}

function groupsOf<Group>(gates: readonly Gate<Group>[]): Group[] {
  return gates.map(({ group }) => group)
}
