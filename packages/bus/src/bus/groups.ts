import { invalidArgument, isThenable } from '@tidings/core/tools'
import { CapabilityMissingError } from '../errors.ts'
import { groupName } from '../transport/group-name.ts'
import type { Group, Groups } from '../transport/groups.ts'
import type { BusConnection } from './bus-connection.ts'
import type { DeadLetterStore } from '../stores/dead-letters.ts'

/** A group with what is parked of it. */
export interface GroupInfo extends Group {
  /** Dead letters of the group; undefined where there is no store of them. */
  readonly parked: number | undefined
}

/** The groups of the broker: to see what gathers events for nobody, and to take it away. Needs a transport with `groups`. */
export interface BusGroups {
  /** All that there are, by whole name, also those of other applications that the broker lets this one see. */
  list(): Promise<readonly GroupInfo[]>
  /**
   * Removes a group, given with or without the source of the bus, with all that waits in it: false when there is none.
   *
   * @throws GroupInUseError while it has members
   */
  remove(group: string): Promise<boolean>
  /** Takes back event types, or patterns, that a group has asked for once: false when there is no such group. */
  unbind(group: string, types: readonly string[]): Promise<boolean>
}

/** Letters that are read at a time, to be counted. */
const page = 500

/** The groups behind the connection of a bus. */
export class GroupsOfBroker implements BusGroups {
  readonly #source: string
  readonly #transport: string
  readonly #connection: BusConnection
  readonly #deadLetters: () => DeadLetterStore | undefined

  constructor(
    source: string,
    transport: string,
    connection: BusConnection,
    deadLetters: () => DeadLetterStore | undefined,
  ) {
    this.#source = source
    this.#transport = transport
    this.#connection = connection
    this.#deadLetters = deadLetters
  }

  async list(): Promise<readonly GroupInfo[]> {
    const groups = await this.#groups().list()
    return Promise.all(groups.map(async (group) => ({ ...group, parked: await this.#parked(group.group) })))
  }

  async remove(group: string): Promise<boolean> {
    const groups = this.#groups()
    return (await groups.remove(groupName(this.#source, group))) || groups.remove(group)
  }

  async unbind(group: string, types: readonly string[]): Promise<boolean> {
    if (!Array.isArray(types)) throw invalidArgument('types', 'an array', types, 'The event types to take back.')
    const groups = this.#groups()
    return (await groups.unbind(groupName(this.#source, group), types)) || groups.unbind(group, types)
  }

  /** The whole names of those that have no room, as far as the broker can tell. */
  async full(): Promise<readonly string[]> {
    const groups = await this.#connection.current?.groups?.list()
    return fullOnes(groups ?? [])
  }

  /** The same, of a broker that answers at once. */
  fullNow(): readonly string[] {
    return fullOnes(listedNow(this.#connection.current?.groups))
  }

  #groups(): Groups {
    const groups = this.#connection.current?.groups
    if (groups) return groups
    throw new CapabilityMissingError(this.#transport, [{ capability: 'groups', wantedBy: 'bus.groups' }])
  }

  async #parked(group: string): Promise<number | undefined> {
    const store = this.#deadLetters()
    if (store === undefined) return undefined
    let count = 0
    for (let after: string | undefined; ;) {
      const letters = await store.list({ group, after, limit: page })
      count += letters.length
      if (letters.length < page) return count
      after = letters.at(-1)!.id
    }
  }
}

/** The groups of a broker that tells at once; none where it takes its time. */
export function listedNow(groups: Groups | undefined): readonly Group[] {
  const listed = groups?.list()
  if (!isThenable(listed)) return listed ?? []
  // Nobody waits for it, so nobody is there to hear that it failed, which would end the process.
  Promise.resolve(listed).catch(() => {})
  return []
}

function fullOnes(groups: readonly Group[]): string[] {
  return groups.flatMap(({ full, group }) => (full ? [group] : []))
}
