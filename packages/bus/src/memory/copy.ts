import type { ListNode } from '../collections/list.ts'
import type { Message } from '../message/message.ts'
import { type Settled, type Settlement, SettlementRefusedError } from '../transport/settlement.ts'
import type { Delivery } from '../transport/transport.ts'
import type { Client } from './client.ts'

/** The group that a copy is in. */
export interface CopyHome {
  settle(copy: Copy, settlement: Settlement): Settled
  handledBefore(copy: Copy): boolean
}

/** Whom a copy was handed to. */
export interface CopyHolder {
  readonly lost: AbortSignal
  readonly client: Client
  /** It is settled or given back. */
  take(copy: Copy): void
}

/**
 * A message in one group, and at the same time its delivery, so that a message costs one object. It is handed out once:
 * what comes back goes on as a new copy, so whoever held the old one can settle nothing any more.
 */
export class Copy implements Delivery {
  readonly message: Message
  readonly redeliveries: number
  /** What orders it in its group; undefined where nothing does. */
  readonly key: string | undefined
  /** Its number in the order of arrival in its group; below zero for one that was published `ahead`. */
  readonly place: number
  readonly #group: CopyHome
  member: CopyHolder | undefined = undefined
  /** Its place among what the member holds, while it is unsettled. */
  held: ListNode<Copy> | undefined = undefined
  /** The next one of its key. */
  behind: Copy | undefined = undefined
  /** Where it stands in a heap. */
  slot = 0

  constructor(group: CopyHome, message: Message, key: string | undefined, place: number, redeliveries: number) {
    this.#group = group
    this.message = message
    this.key = key
    this.place = place
    this.redeliveries = redeliveries
  }

  get isAhead(): boolean {
    return this.place < 0
  }

  get lost(): AbortSignal {
    return this.member!.lost
  }

  /** Looked up when it is asked: who does not mark what it handles does not pay for it. */
  get handledBefore(): boolean {
    return this.#group.handledBefore(this)
  }

  settle(settlement: Settlement): Settled | Promise<Settled> {
    if (this.held === undefined) return 'lost'
    try {
      return this.#group.settle(this, settlement)
    } catch (error) {
      return Promise.reject(new SettlementRefusedError(error))
    }
  }
}
