import { over } from '@tidings/core/tools'
import { StoreClosedError } from '@tidings/store'
import { memoryRecorder, type Recorder } from '@tidings/store/recorder'

/** What a recorder does instead. */
export type Alter = (recorder: Recorder) => Partial<Recorder>

/** A log in memory that many open: whoever closes it closes it for himself. */
export function sharedMemory(alter: Alter = () => ({}), alterOpened: Alter = () => ({})): () => Recorder {
  const log = memoryRecorder()
  const altered = over<Recorder>(log, alter(log))
  return () => {
    const each = opened(altered)
    return over<Recorder>(each, alterOpened(each))
  }
}

function opened(log: Recorder): Recorder {
  let isOpen = true
  const watchers = new Set<() => void>()
  const unwatch = log.watch(() => watchers.forEach((wake) => wake()))
  const open = <T>(call: () => Promise<T>): Promise<T> =>
    isOpen ? call() : Promise.reject(new StoreClosedError('a call'))
  return {
    name: log.name,
    commit: (commit) => open(() => log.commit(commit)),
    readStream: (query) => open(() => log.readStream(query)),
    readLog: (query) => open(() => log.readLog(query)),
    readRecord: (key) => open(() => log.readRecord(key)),
    listRecords: (query) => open(() => log.listRecords(query)),
    watch(wake) {
      const watcher = (): void => wake()
      watchers.add(watcher)
      return () => void watchers.delete(watcher)
    },
    async close() {
      if (!isOpen) return
      isOpen = false
      unwatch()
      for (const wake of watchers) wake()
    },
  }
}
