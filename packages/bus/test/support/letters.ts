import type { DeadLetter, DeadLetterStore } from '../../src/index.ts'

export async function all(letters: AsyncIterable<DeadLetter>): Promise<DeadLetter[]> {
  const list: DeadLetter[] = []
  for await (const letter of letters) list.push(letter)
  return list
}

/** A store that does some things in another way. */
export function storeOf(real: DeadLetterStore, changes: Partial<DeadLetterStore>): DeadLetterStore {
  return {
    add: (letter) => real.add(letter),
    get: (id) => real.get(id),
    list: (query) => real.list(query),
    remove: (id) => real.remove(id),
    firstOfKey: (group, key) => real.firstOfKey(group, key),
    ...changes,
  }
}
