import { patternMatcher, TidingsError } from '@tidings/core'
import { type MemoryInbox, memoryInbox, whole } from '@tidings/core/tools'
import type { Clock } from '../clock.ts'
import { CapabilityMissingError, GroupInUseError, MessageTooLargeError, UnknownGroupError } from '../errors.ts'
import type { Message } from '../message/message.ts'
import type { Group as GroupFacts } from '../transport/groups.ts'
import type { Settled, Settlement } from '../transport/settlement.ts'
import type { GroupRequest, Outgoing } from '../transport/transport.ts'
import type { Client } from './client.ts'
import type { Copy } from './copy.ts'
import { MemoryDeadLetters } from '../stores/memory-dead-letters.ts'
import { Delayed, type DelayedMessage } from './delayed.ts'
import { Group, type GroupHost } from './group.ts'
import { History } from './history.ts'
import type { Member } from './member.ts'
import { fullness } from './no-room.ts'
import { type Abortable, Room } from './room.ts'
import { Routes } from './routes.ts'
import { oversize } from '../transport/message-size.ts'
import { Timetable } from '../transport/timetable.ts'
import { Turns } from './turns.ts'

/** The bounds of a broker. */
export interface Limits {
  readonly capacity: number
  readonly maxDelayed: number
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
  readonly #timetable = new Timetable()
  readonly #delayed = new Delayed<Group>(this.#timetable, (delayed) => this.#onDue(delayed))
  readonly #room: Room<Group>
  #clock: Clock | undefined
  /** Its time is that of the first connection on. */
  #inbox!: MemoryInbox

  constructor(limits: Limits) {
    this.#limits = limits
    this.#host = {
      turns: new Turns(),
      timetable: this.#timetable,
      capacity: limits.capacity,
      maxDelayed: limits.maxDelayed,
      roomIn: (gate) => this.#room.freed(gate),
      commit: (group, copy, settlement) => this.#commit(group, copy, settlement),
      handledBefore: (group, message) => this.#inbox.has(identityOf(message), group.name),
    }
    this.deadLetters = new MemoryDeadLetters(limits.maxDeadLetters)
    this.#history = new History(limits.history)
    this.#room = new Room(
      limits.maxWaiting,
      // What has waited for the room of delayed messages comes as one, in their order, though it may be due by now.
      ({ outgoing, connection }, groups) => this.#place(connection, outgoing, groups, outgoing.notBefore !== undefined),
      (gates, type, reason) => fullness(gates, type, reason),
    )
  }

  connect(connection: Client, clock: Clock): void {
    if (this.#connections.size > 0 && clock !== this.#clock) {
      throw new TidingsError(
        'INVALID_ARGUMENT',
        '`clock` must be the one of the bus that is connected to this memory() already: it has one time\n' +
          'Give all its buses the same clock, or each bus a memory() of its own.',
      )
    }
    this.#clock = clock
    this.#connections.add(connection)
    this.#inbox ??= memoryInbox({ clock: { now: () => this.#clock!.now() } })
    this.#timetable.start(clock)
  }

  /** A connection goes, with what waits for it and the groups that are its alone. */
  disconnect(connection: Client): void {
    this.#connections.delete(connection)
    this.#room.close(connection)
    // Without members nothing can be delivered, so no timer has to hold the process.
    if (this.#connections.size === 0) this.#timetable.stop()
  }

  publish(connection: Client, outgoing: Outgoing, options: Abortable | undefined): void | Promise<void> {
    const { message, group: name } = outgoing
    const type = String(message.attributes['type'])
    const tooLarge = this.#tooLarge(message)
    if (tooLarge !== undefined) return Promise.reject(tooLarge)
    if (name !== undefined) {
      const group = this.#groups.get(name)
      // Without waiting for room: what it stands for may be unsettled, and keep that very room.
      if (group !== undefined) return this.#place(connection, outgoing, [group])
      return Promise.reject(new UnknownGroupError(name, type))
    }
    const groups = this.#routes.to(type)
    if (outgoing.beyond === true) return this.#place(connection, outgoing, groups)
    const isLater = this.#isLater(outgoing)
    for (const group of groups) {
      if (!(isLater ? group.later : group.due).isOpen) return this.#waitForRoom(connection, outgoing, groups, options)
    }
    this.#place(connection, outgoing, groups)
    const { turns } = this.#host
    return turns.served() ?? groups.find(({ catchUp }) => catchUp.isDue)?.catchUp.ended()
  }

  /** Apart from what needs no room, which pays for each closure that it might need. */
  #waitForRoom(
    connection: Client,
    outgoing: Outgoing,
    groups: readonly Group[],
    options: Abortable | undefined,
  ): Promise<void> {
    const { message } = outgoing
    const isLater = this.#isLater(outgoing)
    const gates = groups.map((each) => (isLater ? each.later : each.due))
    return this.#room.wait(isLater ? outgoing : { message }, connection, gates, options)
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
    this.#bindToMembers(group)
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
    if (group.members.length > 0) this.#bindToMembers(group)
    else if (group.owner !== undefined) this.#remove(group)
  }

  groups(): GroupFacts[] {
    return [...this.#groups.values()].map((group) => ({
      group: group.name,
      types: [...group.types],
      members: group.members.length,
      ordered: group.ordered,
      temporary: group.owner !== undefined,
      ...group.backlog(),
    }))
  }

  remove(name: string): boolean {
    const group = this.#groups.get(name)
    if (group === undefined) return false
    if (group.members.length > 0) throw new GroupInUseError(name, group.members.length)
    this.#remove(group)
    return true
  }

  unbind(name: string, types: readonly string[]): boolean {
    const group = this.#groups.get(name)
    if (group === undefined) return false
    this.#bind(group, new Set([...group.types].filter((type) => !types.includes(type))))
    return true
  }

  /** What a settlement says, all or nothing: whatever may be refused comes before all that changes something. */
  #commit(group: Group, copy: Copy, settlement: Settlement): Settled {
    if (settlement.as === 'later' || settlement.as === 'given-back') return undefined
    const { client } = copy.member!
    for (const { message } of settlement.effects) {
      const tooLarge = this.#tooLarge(message)
      if (tooLarge !== undefined) throw tooLarge
    }
    if (settlement.as === 'handled') {
      const { mark, work } = settlement
      if (work !== undefined) {
        throw new CapabilityMissingError('memory', [{ capability: 'transactions', wantedBy: `group "${group.name}"` }])
      }
      if (mark !== undefined) {
        if (!this.#inbox.add(mark, group.name)) {
          if (settlement.replayed !== undefined) this.deadLetters.remove(settlement.replayed)
          return 'handled-before'
        }
      }
    }
    if (settlement.as === 'dead-lettered') this.deadLetters.add(settlement.letter)
    else if (settlement.replayed !== undefined) this.deadLetters.remove(settlement.replayed)
    for (const effect of settlement.effects) this.#send(client, effect)
    return undefined
  }

  /** Beyond every bound: it stands for what was unsettled, and keeps that very room. */
  #send(client: Client, outgoing: Outgoing): void {
    const { message, group: name } = outgoing
    if (name === undefined) return this.#place(client, outgoing, this.#routes.to(String(message.attributes['type'])))
    const group = this.#groups.get(name)
    if (group === undefined) client.unroutable(message)
    else this.#place(client, outgoing, [group])
  }

  #tooLarge(message: Message): MessageTooLargeError | undefined {
    const { maxMessageSize } = this.#limits
    const size = oversize(message, maxMessageSize)
    if (size === undefined) return undefined
    return new MessageTooLargeError(String(message.attributes['type']), size, maxMessageSize)
  }

  #remove(group: Group): void {
    this.#groups.delete(group.name)
    this.#routes.unbind(group)
    const hadDelayed = group.delayed > 0
    group.end()
    if (hadDelayed) this.#delayed.dropGone()
    this.#room.forget(group.due)
    this.#room.forget(group.later)
  }

  #bindToMembers(group: Group): void {
    this.#bind(group, new Set(group.members.flatMap(({ types }) => types)))
  }

  #bind(group: Group, types: ReadonlySet<string>): void {
    group.types = types
    this.#routes.bind(group, types)
  }

  #place(connection: Client, outgoing: Outgoing, groups: readonly Group[], isLater = this.#isLater(outgoing)): void {
    const { message, notBefore = 0, ahead } = outgoing
    const direct = outgoing.group !== undefined
    if (groups.length === 0) connection.unroutable(message)
    if (isLater) {
      if (groups.length > 0) this.#delayed.add({ message, groups, direct, due: notBefore })
      return
    }
    if (!direct) this.#history.add(message)
    for (const group of groups) {
      if (ahead === true) group.addAhead(message)
      else group.add(message)
    }
  }

  #isLater({ notBefore }: Outgoing): boolean {
    return notBefore !== undefined && notBefore > this.#clock!.now()
  }

  #onDue({ message, groups, direct }: DelayedMessage<Group>): void {
    if (!direct) this.#history.add(message)
    // First all that arrives: room that is freed may let in what was published later.
    for (const group of groups) if (!group.gone) group.add(message)
    for (const group of groups) if (!group.gone) group.dismiss()
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

function identityOf({ attributes: { source, id } }: Message): { readonly source: string; readonly id: string } {
  return { source: String(source), id: String(id) }
}
