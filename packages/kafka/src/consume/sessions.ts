import type { Delivery, GroupRequest, TopologyPart } from '@tidings/bus/transport'
import type { ClientOptions } from '../link.ts'
import { groupParts, sharedParts, topicsOf, type TopologySettings } from '../topology/parts.ts'
import { textHeader } from '../wire/decode.ts'
import { wayHeaders } from '../wire/encode.ts'
import type { Bindings } from './bindings.ts'
import type { DueQueue } from './due.ts'
import { Filter } from './filter.ts'
import { GroupSession } from './group-session.ts'
import { Member, type Session } from './member.ts'
import type { Reader } from './reader.ts'
import type { Sender } from './settle.ts'
import { TemporarySession } from './temporary-session.ts'

/** What sessions of one connection have in common; times in milliseconds. */
export interface SessionSettings {
  readonly client: ClientOptions
  readonly topology: TopologySettings
  readonly sessionTimeout: number
  readonly rebalanceTimeout: number
  readonly bindings: Bindings
  reader(): Reader
  /** Makes topics that have gone. */
  remake(parts: readonly TopologyPart[]): Promise<void>
}

/** Who gets what a member takes. */
export interface MemberWays {
  readonly sender: Sender
  deliver(delivery: Delivery): void
  onLeft(member: Member): void
}

/** A member, and how it comes by its partitions. */
export interface NewMember {
  readonly member: Member
  newSession(): Session
}

/** A member of a consumer group. */
export function newGroupSession(settings: SessionSettings, request: GroupRequest, ways: MemberWays): NewMember {
  const { topology, bindings } = settings
  const { group, types, from } = request
  const own = topology.names.group(group)
  const filter = new Filter()
  filter.set(types)
  const member = new Member({ ...ways, request, wants: (record, topic) => topic === own || filter.wants(record) })
  const newSession = (): Session =>
    new GroupSession({
      ...settings,
      group: own,
      topics: [own, ...topicsOf(topology, types)],
      // What is sent to the group was never there before it.
      from: (topic) => (topic === own ? 'earliest' : from),
      drain: () => member.drain(),
      onAssigned: async () => {
        // A younger member may want what this one does not.
        await bindings.read()
        filter.set([...types, ...bindings.typesOf(group)])
      },
      onRecords: () => member.handOut(),
      remake: () => settings.remake([...sharedParts(topology), ...groupParts(topology, request)]),
    })
  return { member, newSession }
}

/** The one member of a group that lives as long as the connection: it reads what is for it among what is for all such. */
export function newTemporarySession(settings: SessionSettings, request: GroupRequest, ways: MemberWays): NewMember {
  const { topology } = settings
  const { group, types } = request
  const shared = topology.names.temporary
  const filter = new Filter()
  filter.set(types)
  const member = new Member({
    ...ways,
    request,
    wants: (record, topic) => (topic === shared ? textHeader(record, wayHeaders.to) === group : filter.wants(record)),
  })
  const newSession = (): Session =>
    new TemporarySession({
      reader: settings.reader(),
      topics: [shared, ...topicsOf(topology, types)],
      onRecords: () => member.handOut(),
    })
  return { member, newSession }
}

/** The part that a connection takes in moving on what waits. */
export function newDelaySession(settings: SessionSettings, due: DueQueue): () => Session {
  const { names, rungs } = settings.topology
  return () =>
    new GroupSession({
      ...settings,
      group: names.delays,
      topics: rungs.map((wait) => names.delay(wait)),
      from: () => 'earliest',
      drain: async () => {},
      onAssigned: async () => {},
      onRecords: () => due.advance(),
      remake: () => settings.remake(sharedParts(settings.topology)),
    })
}
