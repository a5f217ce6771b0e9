import { invalidArgument, knownOptions } from '@tidings/core/tools'
import type { Runtime } from '../delivery/runtime.ts'
import { BusClosedError, CapabilityMissingError } from '../errors.ts'
import { keyOf } from '../message/message.ts'
import { groupName } from '../transport/group-name.ts'
import type { DeadLetterFilter, DeadLetters, ReplayOptions, ReplayResult } from './dead-letters.ts'
import type { DefinitionOf } from './copy-to-replay.ts'
import { Replay, type ReplaySetting } from './replay.ts'
import { replaySink } from './replay-sink.ts'
import { seenThrough } from './seen-through.ts'
import type { DeadLetter, DeadLetterStore } from '../stores/dead-letters.ts'

const page = 100
const conditions = ['ids', 'group', 'type', 'key', 'reason', 'before']

/** The dead letters in the store of a transport. */
export class KeptDeadLetters implements DeadLetters {
  readonly #runtime: Runtime
  readonly #source: string
  readonly #transport: string
  readonly #definitionOf: DefinitionOf
  readonly #closing = new AbortController()

  constructor(runtime: Runtime, source: string, transport: string, definitionOf: DefinitionOf) {
    this.#runtime = runtime
    this.#source = source
    this.#transport = transport
    this.#definitionOf = definitionOf
  }

  async *list(filter: DeadLetterFilter = {}): AsyncGenerator<DeadLetter, undefined> {
    for await (const letter of this.#listKept(filter)) yield await seenThrough(this.#runtime, letter)
    return undefined
  }

  /** As they are kept. */
  async *#listKept(filter: DeadLetterFilter): AsyncGenerator<DeadLetter, undefined> {
    checkFilter(filter)
    const store = this.#store()
    const wanted = this.#wanted(filter)
    for (const group of this.#groups(filter.group)) {
      let letters = await store.list({ group, limit: page })
      while (letters.length > 0) {
        // Asked for before any of this page is given: who gets them may remove them, and with them our place.
        const next = letters.length < page ? [] : await store.list({ group, after: letters.at(-1)!.id, limit: page })
        for (const letter of letters) if (wanted(letter)) yield letter
        letters = next
      }
    }
    return undefined
  }

  async count(filter?: DeadLetterFilter): Promise<number> {
    let count = 0
    for await (const _letter of this.#listKept(filter ?? {})) count++
    return count
  }

  async get(id: string): Promise<DeadLetter | undefined> {
    const letter = await this.#store().get(id)
    return letter && seenThrough(this.#runtime, letter)
  }

  async replay(filter: DeadLetterFilter, options: ReplayOptions = {}): Promise<ReplayResult> {
    checkFilter(filter)
    const { deadLetterSink, deadLetters } = this.#runtime
    if (deadLetters === undefined && deadLetterSink !== undefined) {
      return replaySink(deadLetterSink, this.#groupOfSink(filter), options, this.#closing.signal)
    }
    const setting: ReplaySetting = {
      runtime: this.#runtime,
      store: this.#store(),
      definitionOf: this.#definitionOf,
      closing: this.#closing.signal,
      wants: this.#wanted(filter),
      named: filter.ids !== undefined,
    }
    // All of them: what is not meant may stand before what is.
    return new Replay(setting, options).run(this.#listKept({ group: filter.group }))
  }

  async discard(filter: DeadLetterFilter): Promise<number> {
    if (Object.values(filter ?? {}).every((value) => value === undefined)) {
      throw invalidArgument('filter', 'given', filter, 'Nothing comes back from here. For all: { before: new Date() }.')
    }
    let count = 0
    // Taken down first: a list from which letters go while it is read may leave some out.
    for (const { id } of await toArray(this.#listKept(filter))) {
      // Else what a replay is about to mark would be there again.
      if (await this.#runtime.locks.alone(id, async () => this.#store().remove(id))) count++
    }
    return count
  }

  /** Ends what replays are under way. */
  close(): void {
    this.#closing.abort(new BusClosedError('a replay'))
  }

  #wanted(filter: DeadLetterFilter): (letter: DeadLetter) => boolean {
    const ids = filter.ids && new Set(filter.ids)
    const groups = this.#groups(filter.group)
    return (letter) =>
      (ids?.has(letter.id) ?? true) &&
      (filter.group === undefined || groups.includes(letter.group)) &&
      matches(letter, filter)
  }

  #store(): DeadLetterStore {
    const store = this.#runtime.deadLetters
    if (store) return store
    throw new CapabilityMissingError(this.#transport, [
      { capability: "deadLetters: 'store'", wantedBy: 'bus.deadLetters' },
    ])
  }

  /** A sink is replayed as a whole: what chooses among its letters asks for a store. */
  #groupOfSink({ group, ...others }: DeadLetterFilter): string {
    const chosen = Object.entries(others).find(([, value]) => value !== undefined)
    // A whole name has the source before a dot, and no group has a dot of its own.
    if (chosen === undefined && group?.includes('.')) return group
    if (chosen === undefined && group !== undefined) return groupName(this.#source, group)
    const wantedBy = chosen === undefined ? 'a replay of all groups at once' : `a replay by \`${chosen[0]}\``
    throw new CapabilityMissingError(this.#transport, [{ capability: "deadLetters: 'store'", wantedBy }])
  }

  /** The whole name of the group, which may have been given without the source; undefined for all. */
  #groups(group: string | undefined): readonly (string | undefined)[] {
    if (group === undefined) return [undefined]
    return [...new Set([group, groupName(this.#source, group)])]
  }
}

/** A filter that cannot be meant would find nothing, as if all were well. */
function checkFilter(filter: DeadLetterFilter): void {
  knownOptions(filter, conditions, 'a filter of dead letters')
  const { ids, before, group, type, key, reason } = filter
  if (ids !== undefined && !Array.isArray(ids)) {
    throw invalidArgument('ids', 'an array', ids, 'The ids of dead letters, as list() gives them.')
  }
  for (const [name, value] of Object.entries({ group, type, key, reason })) {
    if (value !== undefined && typeof value !== 'string') {
      throw invalidArgument(name, 'a text', value, 'Leave it out for any.')
    }
  }
  if (before !== undefined && Number.isNaN(new Date(before).getTime())) {
    throw invalidArgument('before', 'a time', before, 'A Date, or a text of RFC 3339 such as 2026-01-01T00:00:00Z.')
  }
}

function matches(letter: DeadLetter, { type, key, reason, before }: DeadLetterFilter): boolean {
  return (
    (type === undefined || letter.message.attributes['type'] === type) &&
    (key === undefined || keyOf(letter.message) === key) &&
    (reason === undefined || letter.reason === reason) &&
    (before === undefined || Date.parse(letter.lastFailedAt) < new Date(before).getTime())
  )
}

async function toArray<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
