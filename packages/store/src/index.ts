export { categoryOf } from './category.ts'
export {
  ConcurrencyError,
  EventExistsError,
  RecordConflictError,
  StoreClosedError,
  StreamTombstonedError,
} from './errors.ts'
export type { ExpectedVersion } from './expected-version.ts'
export { asPosition, beginning, type Position } from './position.ts'
export type {
  AppendOptions,
  AppendRequest,
  Appended,
  AsOf,
  EventStore,
  LogFilter,
  ReadAllOptions,
  ReadOptions,
  Recorded,
  StreamInfo,
  SubscribeOptions,
} from './store/event-store.ts'
export { memoryStore, type MemoryStoreOptions } from './store/memory-store.ts'
export type { StoreOptions } from './store/options.ts'
