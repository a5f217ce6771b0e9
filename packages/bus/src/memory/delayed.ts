import type { Message } from '../message/message.ts'
import type { Due, Timetable } from '../transport/timetable.ts'

/** A group, as far as messages that come later go. */
export interface Expecting {
  /** Whether its messages are gone for good, and it with them. */
  readonly gone: boolean
  /** A message comes later. */
  expect(): void
  /** It does not come. */
  dismiss(): void
}

/** A message that is not due yet, with the groups that it is for. */
export interface DelayedMessage<Group extends Expecting> {
  readonly message: Message
  readonly groups: readonly Group[]
  /** Whether it is for one group alone: what was delivered already cannot be taken back. */
  readonly direct: boolean
  readonly due: number
}

interface Entry<Group extends Expecting> extends DelayedMessage<Group>, Due {}

/** Messages that were published with a delay, until they are due. */
export class Delayed<Group extends Expecting> {
  readonly #timetable: Timetable
  readonly #onDue: (delayed: DelayedMessage<Group>) => void
  readonly #entries = new Set<Entry<Group>>()
  /** What can be taken back, by the id of its event. */
  readonly #byId = new Map<string, Set<Entry<Group>>>()

  constructor(timetable: Timetable, onDue: (delayed: DelayedMessage<Group>) => void) {
    this.#timetable = timetable
    this.#onDue = onDue
  }

  add(delayed: DelayedMessage<Group>): void {
    const entry: Entry<Group> = {
      ...delayed,
      slot: 0,
      added: 0,
      arrive: () => {
        this.#forget(entry)
        this.#onDue(entry)
      },
    }
    for (const group of delayed.groups) group.expect()
    this.#entries.add(entry)
    const id = idOf(entry)
    if (id !== undefined) {
      const entries = this.#byId.get(id)
      if (entries === undefined) this.#byId.set(id, new Set([entry]))
      else entries.add(entry)
    }
    this.#timetable.add(entry)
  }

  /** Takes back all messages of an event; says whether there were any. */
  cancel(id: string): boolean {
    const entries = this.#byId.get(id)
    if (entries === undefined) return false
    const groups = [...entries].flatMap((entry) => entry.groups)
    for (const entry of entries) this.#remove(entry)
    // Only now: room that is freed may let in another message of the event.
    for (const group of groups) if (!group.gone) group.dismiss()
    return true
  }

  /** Forgets what has no group any more. */
  dropGone(): void {
    for (const entry of this.#entries) if (entry.groups.every(({ gone }) => gone)) this.#remove(entry)
  }

  #remove(entry: Entry<Group>): void {
    this.#timetable.remove(entry)
    this.#forget(entry)
  }

  #forget(entry: Entry<Group>): void {
    this.#entries.delete(entry)
    const id = idOf(entry)
    const entries = id === undefined ? undefined : this.#byId.get(id)
    entries?.delete(entry)
    if (entries?.size === 0) this.#byId.delete(id!)
  }
}

function idOf({ direct, message }: Pick<DelayedMessage<never>, 'direct' | 'message'>): string | undefined {
  return direct ? undefined : String(message.attributes['id'])
}
