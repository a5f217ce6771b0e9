import { StoreClosedError } from '@tidings/store'
import type { Recorder } from '@tidings/store/recorder'

/**
 * A way to a log that is open once and for all, as one in memory is: each who opens it gets a recorder of his own, and
 * whoever closes that closes it for himself.
 */
export function openedByMany(log: Recorder): () => Recorder {
  return () => opened(log)
}

function opened(log: Recorder): Recorder {
  let isOpen = true
  const watchers = new Set<() => void>()
  const ring = (): void => {
    for (const wake of watchers) wake()
  }
  const unwatch = log.watch(ring)
  const open = <T>(call: string, run: () => Promise<T>): Promise<T> =>
    isOpen ? run() : Promise.reject(new StoreClosedError(call))
  return {
    name: log.name,
    commit: (commit) => open('commit()', () => log.commit(commit)),
    readStream: (query) => open('readStream()', () => log.readStream(query)),
    readLog: (query) => open('readLog()', () => log.readLog(query)),
    readRecord: (key) => open('readRecord()', () => log.readRecord(key)),
    listRecords: (query) => open('listRecords()', () => log.listRecords(query)),
    watch(wake) {
      const watcher = (): void => wake()
      watchers.add(watcher)
      return () => void watchers.delete(watcher)
    },
    async close() {
      if (!isOpen) return
      isOpen = false
      unwatch()
      ring()
    },
  }
}
