import type { Clock } from '../clock.ts'
import type { Message } from '../message/message.ts'
import { Heap } from '../collections/heap.ts'

/** A group, as far as keeping room in it goes. */
export interface Reserving {
  /** Whether its messages are gone for good, and it with them. */
  readonly gone: boolean
  /** Keeps room for a message that comes later. */
  reserve(): void
  /** The message does not come. */
  release(): void
}

/** A message that is not due yet, with the groups that have kept room for it. */
export interface DelayedMessage<Group extends Reserving> {
  readonly message: Message
  readonly groups: readonly Group[]
  /** Whether it is for one group alone: a copy of what was delivered already, which cannot be taken back. */
  readonly direct: boolean
  readonly due: number
}

interface Entry<Group extends Reserving> extends DelayedMessage<Group> {
  readonly arrived: number
  slot: number
}

/** Keeps messages until they are due, with one timer. */
export class Delayed<Group extends Reserving> {
  readonly #onDue: (delayed: DelayedMessage<Group>) => void
  readonly #heap = new Heap<Entry<Group>>((a, b) => a.due < b.due || (a.due === b.due && a.arrived < b.arrived))
  /** What can be taken back, by the id of its event. */
  readonly #byId = new Map<string, Set<Entry<Group>>>()
  #arrived = 0
  #clock: Clock | undefined
  #timer: { readonly at: number; readonly cancel: () => void } | undefined

  constructor(onDue: (delayed: DelayedMessage<Group>) => void) {
    this.#onDue = onDue
  }

  start(clock: Clock): void {
    this.#clock = clock
    this.#arm()
  }

  /** Stands still until the next start. */
  stop(): void {
    this.#clock = undefined
    this.#timer?.cancel()
    this.#timer = undefined
  }

  add(delayed: DelayedMessage<Group>): void {
    const entry: Entry<Group> = { ...delayed, arrived: this.#arrived++, slot: 0 }
    for (const group of delayed.groups) group.reserve()
    this.#heap.push(entry)
    const id = idOf(entry)
    if (id !== undefined) {
      const entries = this.#byId.get(id)
      if (entries === undefined) this.#byId.set(id, new Set([entry]))
      else entries.add(entry)
    }
    this.#arm()
  }

  /** Takes back all messages of an event; says whether there were any. */
  cancel(id: string): boolean {
    const entries = this.#byId.get(id)
    if (entries === undefined) return false
    const groups = [...entries].flatMap((entry) => entry.groups)
    for (const entry of entries) this.#forget(entry)
    // Only now: room that is freed may let in another message of the event.
    for (const group of groups) if (!group.gone) group.release()
    this.#arm()
    return true
  }

  /** Forgets what has no group any more. */
  dropGone(): void {
    for (const entry of this.#heap.clear()) {
      if (entry.groups.every(({ gone }) => gone)) this.#forgetId(entry)
      else this.#heap.push(entry)
    }
    this.#arm()
  }

  #arm(): void {
    const clock = this.#clock
    if (clock === undefined) return
    const at = this.#heap.first?.due
    if (at === this.#timer?.at) return
    this.#timer?.cancel()
    this.#timer =
      at === undefined ? undefined : { at, cancel: clock.after(Math.max(0, at - clock.now()), () => this.#fire(clock)) }
  }

  #fire(clock: Clock): void {
    this.#timer = undefined
    const now = clock.now()
    for (let entry = this.#heap.first; entry !== undefined && entry.due <= now; entry = this.#heap.first) {
      this.#forget(entry)
      this.#onDue(entry)
    }
    this.#arm()
  }

  #forget(entry: Entry<Group>): void {
    this.#heap.remove(entry)
    this.#forgetId(entry)
  }

  #forgetId(entry: Entry<Group>): void {
    const id = idOf(entry)
    const entries = id === undefined ? undefined : this.#byId.get(id)
    entries?.delete(entry)
    if (entries?.size === 0) this.#byId.delete(id!)
  }
}

function idOf({ direct, message }: Pick<DelayedMessage<never>, 'direct' | 'message'>): string | undefined {
  return direct ? undefined : String(message.attributes['id'])
}
