import { knownOptions, whole } from '@tidings/core/tools'
import type { DeadLetter, DeadLetterStore } from './dead-letters.ts'
import { DeadLettersFullError } from '../errors.ts'
import { keyOf } from '../message/message.ts'
import { List, type ListNode } from '../collections/list.ts'

/** Letters removed last whose places are known still. */
const maxRemoved = 1000

interface Entry {
  readonly letter: DeadLetter
  /** Its number in the order of arrival; a letter that replaces another takes over its place. */
  readonly place: number
  /** Where it stands among those of its key, if it has one. */
  readonly ofKey: ListNode<string> | undefined
}

export interface MemoryDeadLettersOptions {
  /** Letters that are kept; beyond it `add` throws `DeadLettersFullError`. Default 10,000. */
  readonly max?: number | undefined
}

/**
 * A store of dead letters in this process, as `memory()` has its own: lost with it. Give it to a bus whose transport has
 * only a sink for them, or none, where that will do.
 *
 * @throws TidingsError `INVALID_ARGUMENT`
 */
export function memoryDeadLetters(options: MemoryDeadLettersOptions = {}): DeadLetterStore {
  knownOptions(options, ['max'], 'memoryDeadLetters')
  return new MemoryDeadLetters(whole(options.max ?? 10_000, 0, 'max'))
}

/** Dead letters in memory, `limit` at most. */
export class MemoryDeadLetters implements DeadLetterStore {
  readonly #limit: number
  readonly #byId = new Map<string, Entry>()
  /** Id and place of each letter by place, with gaps where letters were removed. */
  #order: { readonly id: string; readonly place: number }[] = []
  /** The ids of each group and key, oldest first. */
  readonly #keys = new Map<string, Map<string, List<string>>>()
  /** Where letters have been, for whoever goes on behind one that is gone. */
  readonly #removed = new Map<string, number>()
  #arrived = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  add(letter: DeadLetter): void {
    const { id } = letter
    const former = this.#byId.get(id)
    if (former === undefined && this.#byId.size >= this.#limit) throw new DeadLettersFullError(this.#limit)
    const key = keyOf(letter.message)
    if (former !== undefined && former.letter.group === letter.group && keyOf(former.letter.message) === key) {
      this.#byId.set(id, { ...former, letter })
      return
    }
    if (former !== undefined) this.#leaveKey(former)
    const place = former?.place ?? this.#arrived++
    if (former === undefined) this.#order.push({ id, place })
    this.#byId.set(id, {
      letter,
      place,
      ofKey: key === undefined ? undefined : this.#keyed(letter.group, key).push(id),
    })
    this.#removed.delete(id)
  }

  get(id: string): DeadLetter | undefined {
    return this.#byId.get(id)?.letter
  }

  list({ group, after, limit }: Parameters<DeadLetterStore['list']>[0]): DeadLetter[] {
    const letters: DeadLetter[] = []
    for (let at = this.#behind(after); at < this.#order.length && letters.length < limit; at++) {
      const { id, place } = this.#order[at]!
      const entry = this.#byId.get(id)
      if (entry?.place === place && (group === undefined || entry.letter.group === group)) letters.push(entry.letter)
    }
    return letters
  }

  remove(id: string): boolean {
    const entry = this.#byId.get(id)
    if (entry === undefined) return false
    this.#byId.delete(id)
    this.#leaveKey(entry)
    this.#removed.set(id, entry.place)
    if (this.#removed.size > maxRemoved) this.#removed.delete(this.#removed.keys().next().value!)
    if (this.#order.length > 2 * this.#byId.size) {
      this.#order = this.#order.filter((each) => this.#byId.get(each.id)?.place === each.place)
    }
    return true
  }

  firstOfKey(group: string, key: string): DeadLetter | undefined {
    const id = this.#keys.get(group)?.get(key)?.first?.value
    return id === undefined ? undefined : this.get(id)
  }

  /** Where to go on: behind the letter, behind where it was, or from the start when nobody knows. */
  #behind(after: string | undefined): number {
    const place = after === undefined ? undefined : (this.#byId.get(after)?.place ?? this.#removed.get(after))
    if (place === undefined) return 0
    let low = 0
    let high = this.#order.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#order[middle]!.place > place) high = middle
      else low = middle + 1
    }
    return low
  }

  #keyed(group: string, key: string): List<string> {
    let keys = this.#keys.get(group)
    if (keys === undefined) this.#keys.set(group, (keys = new Map()))
    let ids = keys.get(key)
    if (ids === undefined) keys.set(key, (ids = new List()))
    return ids
  }

  #leaveKey({ letter: { group, message }, ofKey }: Entry): void {
    if (ofKey === undefined) return
    const key = keyOf(message)!
    const keys = this.#keys.get(group)!
    const ids = keys.get(key)!
    ids.remove(ofKey)
    if (ids.first !== undefined) return
    keys.delete(key)
    if (keys.size === 0) this.#keys.delete(group)
  }
}
