import type { DeadLetterStore } from '@tidings/bus/transport'
import type { SharedFile } from './shared-file.ts'

/** The dead letters of a file, as a bus uses them. */
export function letterStoreOf(file: SharedFile): DeadLetterStore {
  const { letters } = file
  return {
    add: (letter) => file.commit(() => letters.add(letter)),
    remove: (id) => file.commit(() => letters.remove(id)),
    get: (id) => letters.get(id),
    list: (query) => letters.list(query),
    firstOfKey: (group, key) => letters.firstOfKey(group, key),
  }
}
