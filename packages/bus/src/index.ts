export { createBus } from './bus/create-bus.ts'
export type { BusOptions } from './bus/options.ts'
export type { Description, HandlerDescription } from './bus/description.ts'
export type { BusGroups, GroupInfo } from './bus/groups.ts'
export type { GroupHealth, Health, HealthStatus } from './bus/health.ts'
export type {
  Bus,
  BusSubscription,
  CloseOptions,
  IdleOptions,
  OutboxContext,
  PullOptions,
  SubscribeOptions,
} from './bus/types.ts'
export { type FactsFirstLogger, pinoLog } from './bus/pino-log.ts'
export { type PlannedTopology, planTopology } from './bus/plan-topology.ts'
export { type Clock, systemClock } from './clock.ts'
export type {
  DeadLetterFilter,
  DeadLetters,
  ReplayOptions,
  ReplayProgress,
  ReplayResult,
} from './dead-letter/dead-letters.ts'
export type { RecordedError } from './dead-letter/recorded-error.ts'
export type { DeadLetter, DeadLetterReason, DeadLetterStore } from './stores/dead-letters.ts'
export {
  AttemptTimeoutError,
  BusClosedError,
  CapabilityMissingError,
  ConnectTimeoutError,
  DeadLettersFullError,
  EffectsOverflowError,
  EffectTooLateError,
  type FullGroup,
  GroupInUseError,
  IdleTimeoutError,
  MessageTooLargeError,
  NoRoomError,
  OutcomeUnknownError,
  PermanentError,
  PublishTimeoutError,
  RequestFailedError,
  RequestTimeoutError,
  UnknownGroupError,
} from './errors.ts'
export type { BatchContext, HandlerContext, HandlerLog, LogLevel, TransactionContext } from './handler/context.ts'
export { effectId } from './handler/effect-id.ts'
export {
  type AnyHandler,
  type BatchHandler,
  type EventFor,
  handler,
  type Handler,
  type HandlerKey,
} from './handler/handler.ts'
export type { BatchPolicy, HandlerOptions, RetryPolicy, TransactionsOf } from './handler/options.ts'
export type { Policy } from './handler/policy.ts'
export type { PublishOptions, RequestOptions } from './handler/publish-options.ts'
export type { Publish } from './handler/publish.ts'
export { memory, type MemoryOptions } from './memory/memory.ts'
export { PublishOverflowError } from './memory/publish-overflow-error.ts'
export { keyOf, type Message } from './message/message.ts'
export type { Incoming, Middleware } from './middleware.ts'
export { narrate, type NarrateOptions } from './narrate.ts'
export type { Delivered, Observer } from './observer.ts'
export { memoryDeadLetters, type MemoryDeadLettersOptions } from './stores/memory-dead-letters.ts'
export type { Capabilities } from './transport/capabilities.ts'
export { SettlementRefusedError } from './transport/settlement.ts'
export type { Transport } from './transport/transport.ts'
export { type EventIdentity, type Inbox, memoryInbox, type MemoryInboxOptions } from '@tidings/core/tools'
