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
export { type Decider, defineDecider, type SnapshotOptions } from './decider/decider.ts'
export { execute, type Executed, type ExecuteOptions } from './decider/execute.ts'
export { load, type Loaded, type LoadOptions } from './decider/load.ts'
export {
  memorySnapshots,
  type MemorySnapshotsOptions,
  type Snapshot,
  snapshotsIn,
  type SnapshotStore,
} from './decider/snapshots.ts'
export type { Failure } from './subscription/failure.ts'
export type { FollowState } from './subscription/progress.ts'
export {
  type RunningSubscription,
  runSubscription,
  type SubscriptionOptions,
  type SubscriptionRetry,
} from './subscription/run-subscription.ts'
export { type Follower, waitFor, WaitTimeoutError } from './subscription/wait-for.ts'
export { defineProjection, type ProjectedPlace, type Projection, ProjectionError } from './projection/projection.ts'
export type { ProjectionPart } from './projection/part.ts'
export { type ReadProjectionOptions, readProjection, type ServedProjection } from './projection/read-projection.ts'
export { type ProjectionOptions, runProjection, type RunningProjection } from './projection/run-projection.ts'
export { type Exported, type ExportOptions, exportTo } from './transfer/export-to.ts'
export { type Imported, ImportError, importFrom, type ImportOptions } from './transfer/import-from.ts'
export {
  type CommandTo,
  commandTo,
  defineProcess,
  type EventContext,
  type EventsFor,
  type Process,
  type ProcessContext,
  type Reaction,
  type Refusal,
} from './process/process.ts'
export { ProcessError } from './process/process-error.ts'
export type { ProcessFailure } from './process/process-failure.ts'
export { type ProcessInstance, type ProcessOptions, runProcess, type RunningProcess } from './process/run-process.ts'
export { type KeyStore, keysIn, memoryKeys, type SubjectKey } from './encryption/key-store.ts'
export type { EncryptionOptions } from './encryption/options.ts'
export { SealError, SubjectForgottenError, UnsealError } from './encryption/errors.ts'
