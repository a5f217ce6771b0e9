import { patternMatcher } from '@tidings/core'
import type { Statements } from './statements.ts'

/** What a group has asked for. */
interface Binding {
  readonly type: string
  readonly matches: (type: string) => boolean
  readonly since: number
  readonly until: number
}

/** A group, as all processes know it. */
export interface GroupRecord {
  readonly id: number
  readonly name: string
  readonly ordered: boolean
  /** The node that a temporary group lives as long as. */
  readonly node: number | undefined
  readonly bindings: readonly Binding[]
}

/** The groups of a file and what they ask for, read anew when anybody has changed something. */
export class Catalog {
  readonly #statements: Statements
  #byName = new Map<string, GroupRecord>()
  #byId = new Map<number, GroupRecord>()
  /** Types that are published, each with whether any group asks for it now. */
  #wanted = new Map<string, boolean>()
  #generation = -1

  constructor(statements: Statements) {
    this.#statements = statements
  }

  get all(): readonly GroupRecord[] {
    return [...this.#byName.values()]
  }

  named(name: string): GroupRecord | undefined {
    return this.#byName.get(name)
  }

  withId(id: number): GroupRecord | undefined {
    return this.#byId.get(id)
  }

  /** Whether any group gets what is published with this type. */
  isWanted(type: string): boolean {
    let is = this.#wanted.get(type)
    if (is === undefined) {
      is = this.all.some(({ bindings }) => bindings.some(({ until, matches }) => until === Infinity && matches(type)))
      this.#wanted.set(type, is)
    }
    return is
  }

  /** Reads it where it has changed; whether it had. */
  refresh(): boolean {
    const generation = this.#statements.number(`SELECT value FROM tidings_state WHERE name = 'generation'`)
    if (generation === this.#generation) return false
    this.#generation = generation
    const bindings = new Map<number, Binding[]>()
    for (const [group, type, since, until] of this.#statements.all(
      'SELECT group_id, type, since, until FROM tidings_bindings ORDER BY group_id, since',
    )) {
      const own = bindings.get(Number(group)) ?? []
      bindings.set(Number(group), own)
      own.push({
        type: String(type),
        matches: patternMatcher(String(type)),
        since: Number(since),
        until: until === null ? Infinity : Number(until),
      })
    }
    this.#byName = new Map()
    this.#byId = new Map()
    this.#wanted = new Map()
    for (const [id, name, ordered, node] of this.#statements.all(
      'SELECT id, name, ordered, node FROM tidings_groups',
    )) {
      const record: GroupRecord = {
        id: Number(id),
        name: String(name),
        ordered: ordered === 1,
        node: node === null ? undefined : Number(node),
        bindings: bindings.get(Number(id)) ?? [],
      }
      this.#byName.set(record.name, record)
      this.#byId.set(record.id, record)
    }
    return true
  }

  /** It is read anew next time, whatever the file says. */
  forget(): void {
    this.#generation = -1
  }

  /** Within a transaction: what is changed in it is seen by all. */
  changes(): void {
    this.#statements.run(`UPDATE tidings_state SET value = value + 1 WHERE name = 'generation'`)
    this.refresh()
  }
}

/** Whether a group gets a message of this type that was published at this position. */
export function wants({ bindings }: GroupRecord, type: string, position: number): boolean {
  for (const { matches, since, until } of bindings)
    if (position > since && position <= until && matches(type)) return true
  return false
}

/** The types that a group asks for now. */
export function typesOf({ bindings }: GroupRecord): string[] {
  return bindings.filter(({ until }) => until === Infinity).map(({ type }) => type)
}
