export { categoryOf } from '../category.ts'
export { ConcurrencyError, EventExistsError, RecordConflictError, StreamTombstonedError } from '../errors.ts'
export type { ExpectedVersion } from '../expected-version.ts'
export { asPosition, beginning, type Position } from '../position.ts'
export { createStore } from '../store/create-store.ts'
export type { StoreOptions } from '../store/options.ts'
export { checkAppends, type FoundForAppend, identityOf } from './check-append.ts'
export { memoryRecorder, type MemoryRecorderOptions } from './memory-recorder.ts'
export type {
  Commit,
  Committed,
  LogPage,
  LogQuery,
  LogRecord,
  LoggedEvent,
  Recorder,
  RecordQuery,
  RecordWrite,
  Restored,
  StreamAppend,
  StreamAppended,
  StreamCut,
  StreamPage,
  StreamQuery,
  StreamState,
  Until,
} from './recorder.ts'
