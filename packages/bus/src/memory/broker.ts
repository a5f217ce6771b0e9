import { patternMatcher, TidingsError } from '@tidings/core'
import { type Inbox, memoryInbox, whole } from '@tidings/core/tools'
import type { Clock } from '../clock.ts'
import { CapabilityMissingError, MessageTooLargeError, UnknownGroupError } from '../errors.ts'
import type { GroupRequest, Outgoing } from '../transport/transport.ts'
import type { Client } from './client.ts'
import { MemoryDeadLetters } from './dead-letters.ts'
import { Delayed, type DelayedMessage } from './delayed.ts'
import { Group, type GroupHost } from './group.ts'
import { History } from './history.ts'
import type { Member } from './member.ts'
import { type Abortable, Room } from './room.ts'
import { Routes } from './routes.ts'
import { oversize } from './size.ts'
import { Turns } from './turns.ts'

/** The bounds of a broker. */
export interface Limits {
  readonly capacity: number
  readonly maxWaiting: number
  readonly maxDeadLetters: number
  readonly maxMessageSize: number
  readonly history: number
}

/** The groups, what connections share, and the way of a message to the groups that get it. */
export class Broker {
  readonly deadLetters: MemoryDeadLetters
  readonly #limits: Limits
  readonly #host: GroupHost
  readonly #connections = new Set<Client>()
  readonly #groups = new Map<string, Group>()
  readonly #routes = new Routes<Group>()
  readonly #history: History
  readonly #delayed = new Delayed<Group>((delayed) => this.#onDue(delayed))
  readonly #room: Room<Group>
  #clock: Clock | undefined
  #inbox: Inbox | undefined

  constructor(limits: Limits) {
    this.#limits = limits
    this.#host = { turns: new Turns(), capacity: limits.capacity, roomIn: (group) => this.#room.freed(group) }
    this.deadLetters = new MemoryDeadLetters(limits.maxDeadLetters)
    this.#history = new History(limits.history)
    this.#room = new Room(limits.maxWaiting, ({ outgoing, connection }, groups) =>
      this.#place(connection, outgoing, groups),
    )
  }

  /** Returns what the groups have handled. */
  connect(connection: Client, clock: Clock): Inbox {
    if (this.#connections.size > 0 && clock !== this.#clock) {
      throw new TidingsError(
        'INVALID_ARGUMENT',
        '`clock` must be the one of the bus that is connected to this memory() already: it has one time\n' +
          'Give all its buses the same clock, or each bus a memory() of its own.',
      )
    }
    this.#clock = clock
    this.#connections.add(connection)
    this.#delayed.start(clock)
    return (this.#inbox ??= memoryInbox({ clock: { now: () => this.#clock!.now() } }))
  }

  /** A connection goes, with what waits for it and the groups that are its alone. */
  disconnect(connection: Client): void {
    this.#connections.delete(connection)
    this.#room.close(connection)
    // Without members nothing can be delivered, so no timer has to hold the process.
    if (this.#connections.size === 0) this.#delayed.stop()
  }

  publish(connection: Client, outgoing: Outgoing, options: Abortable | undefined): void | Promise<void> {
    const { message, group: name } = outgoing
    const type = String(message.attributes['type'])
    const size = oversize(message, this.#limits.maxMessageSize)
    if (size !== undefined) {
      return Promise.reject(new MessageTooLargeError(type, size, this.#limits.maxMessageSize))
    }
    if (name !== undefined) {
      const group = this.#groups.get(name)
      // Without waiting for room: what it stands for may be unsettled, and keep that very room.
      if (group !== undefined) return this.#place(connection, outgoing, [group])
      return Promise.reject(new UnknownGroupError(name, type))
    }
    const groups = this.#routes.to(type)
    if (!this.#room.isIn(groups)) return this.#room.wait(outgoing, connection, groups, options)
    this.#place(connection, outgoing, groups)
    return this.#host.turns.served()
  }

  cancel(id: string): boolean {
    return this.#delayed.cancel(id)
  }

  /** Finds or makes the group, and lets the member join it. */
  join(connection: Client, request: GroupRequest, member: Member): Group {
    this.#check(request)
    const { group: name, ordered, temporary } = request
    let group = this.#groups.get(name)
    if (group !== undefined) this.#checkGroup(connection, request, group)
    const isNew = group === undefined
    group ??= new Group(this.#host, name, ordered, temporary ? connection : undefined)
    this.#groups.set(name, group)
    if (group.ordered !== ordered) group.setOrdered(ordered)
    group.join(member)
    this.#bind(group)
    if (isNew && request.from === 'earliest') {
      for (const message of this.#history.all()) {
        if (this.#routes.to(String(message.attributes['type'])).includes(group)) group.add(message)
      }
    }
    return group
  }

  /** A member leaves. What it holds stays with it. */
  leave(group: Group, member: Member): void {
    if (!group.leave(member)) return
    if (group.members.length > 0) this.#bind(group)
    else if (group.owner !== undefined) this.#remove(group)
  }

  #remove(group: Group): void {
    this.#groups.delete(group.name)
    this.#routes.unbind(group)
    const hadDelayed = group.delayed > 0
    group.end()
    if (hadDelayed) this.#delayed.dropGone()
    this.#room.forget(group)
  }

  #bind(group: Group): void {
    this.#routes.bind(group, new Set(group.members.flatMap(({ types }) => types)))
  }

  #place(connection: Client, outgoing: Outgoing, groups: readonly Group[]): void {
    const { message, notBefore } = outgoing
    const direct = outgoing.group !== undefined
    if (groups.length === 0) connection.unroutable(message)
    if (notBefore !== undefined && notBefore > this.#clock!.now()) {
      if (groups.length > 0) this.#delayed.add({ message, groups, direct, due: notBefore })
      return
    }
    if (!direct) this.#history.add(message)
    for (const group of groups) group.add(message)
  }

  #onDue({ message, groups, direct }: DelayedMessage<Group>): void {
    if (!direct) this.#history.add(message)
    for (const group of groups) if (!group.gone) group.addDelayed(message)
  }

  #check({ group, types, prefetch, from }: GroupRequest): void {
    whole(prefetch, 1, 'prefetch')
    for (const type of types) patternMatcher(type)
    if (from === 'earliest' && this.#limits.history === 0) {
      throw new CapabilityMissingError('memory', [{ capability: 'history', wantedBy: `group "${group}"` }])
    }
  }

  #checkGroup(connection: Client, { group: name, ordered, temporary }: GroupRequest, group: Group): void {
    if (group.owner !== (temporary ? connection : undefined)) {
      throw new TidingsError(
        'INVALID_ARGUMENT',
        `\`group\` "${name}" is there already, and ${group.owner === undefined ? 'not temporary' : 'temporary'}\n` +
          'A temporary group has no members but those of one connection: choose another name.',
      )
    }
    if (group.ordered !== ordered && (group.members.length > 0 || group.handedOut > 0)) {
      throw new TidingsError(
        'INVALID_ARGUMENT',
        `\`ordered\` is ${group.ordered} for the present members of the group "${name}", received ${ordered}\n` +
          'Give all handlers of a group the same `ordering`, or let those go first that are there.',
      )
    }
  }
}
