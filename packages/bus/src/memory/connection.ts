import { BusClosedError } from '../errors.ts'
import type { DeadLetterStore } from '../stores/dead-letters.ts'
import type { Message } from '../message/message.ts'
import type { Groups } from '../transport/groups.ts'
import type {
  Connection,
  ConnectOptions,
  Delivery,
  GroupRequest,
  Membership,
  Outgoing,
} from '../transport/transport.ts'
import type { Broker } from './broker.ts'
import type { Client } from './client.ts'
import type { Group } from './group.ts'
import { Member } from './member.ts'
import type { Abortable } from './room.ts'

/** One bus's connection to a broker in memory. */
export class MemoryConnection implements Connection, Client {
  readonly deadLetters: DeadLetterStore
  readonly groups: Groups
  readonly #broker: Broker
  readonly #options: ConnectOptions
  /** Its members, with the group of each; those that left too, while they hold deliveries. */
  readonly #members = new Map<Member, Group>()
  readonly #lost = new AbortController()
  #closed = false

  constructor(broker: Broker, options: ConnectOptions) {
    this.#broker = broker
    this.#options = options
    this.deadLetters = broker.deadLetters
    this.groups = {
      list: () => broker.groups(),
      remove: (group) => broker.remove(group),
      unbind: (group, types) => broker.unbind(group, types),
    }
    broker.connect(this, options.clock)
    options.onState('connected')
  }

  publish(outgoing: Outgoing, options?: Abortable): void | Promise<void> {
    if (this.#closed) return Promise.reject(new BusClosedError('publish'))
    return this.#broker.publish(this, outgoing, options)
  }

  async subscribe(
    request: GroupRequest,
    deliver: (delivery: Delivery) => void,
    signal?: AbortSignal,
  ): Promise<Membership> {
    signal?.throwIfAborted()
    if (this.#closed) throw new BusClosedError('subscribe')
    const broker = this.#broker
    const member = new Member(this, [...request.types], request.prefetch, deliver, this.#lost.signal, () => {
      this.#members.delete(member)
    })
    const group = broker.join(this, request, member)
    this.#members.set(member, group)
    return {
      pause: () => {
        member.paused = true
      },
      resume: () => {
        member.paused = false
        group.wake()
      },
      backlog: () => group.backlog(),
      stop: async () => {
        broker.leave(group, member)
        member.stop()
      },
    }
  }

  async cancel(id: string): Promise<boolean> {
    if (this.#closed) throw new BusClosedError('cancel')
    return this.#broker.cancel(id)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const [member, group] of this.#members) {
      this.#broker.leave(group, member)
      for (const copy of member.held) group.giveBack(copy, true)
    }
    this.#members.clear()
    this.#broker.disconnect(this)
    this.#lost.abort(new DOMException('the connection was closed', 'AbortError'))
    this.#options.onState('closed')
  }

  /** Tells the bus of a message that reached no group. */
  unroutable(message: Message): void {
    this.#options.onUnroutable(message)
  }
}
