export { createBus } from './bus/create-bus.ts'
export type { BusOptions } from './bus/options.ts'
export { type FactsFirstLogger, pinoLog } from './bus/pino-log.ts'
export type {
  Bus,
  BusSubscription,
  CloseOptions,
  Description,
  GroupHealth,
  HandlerDescription,
  Health,
  HealthStatus,
  PullOptions,
  RequestOptions,
  SubscribeOptions,
} from './bus/types.ts'
export { type Clock, systemClock } from './clock.ts'
export type {
  DeadLetterFilter,
  DeadLetters,
  ReplayOptions,
  ReplayProgress,
  ReplayResult,
} from './replay/dead-letters.ts'
export type { RecordedError } from './dead-letter/recorded-error.ts'
export type { DeadLetter, DeadLetterReason, DeadLetterStore } from './dead-letter/store.ts'
export {
  AttemptTimeoutError,
  BusClosedError,
  CapabilityMissingError,
  ConnectTimeoutError,
  DeadLettersFullError,
  MessageTooLargeError,
  OutcomeUnknownError,
  PermanentError,
  PublishTimeoutError,
  RequestFailedError,
  RequestTimeoutError,
  UnknownGroupError,
} from './errors.ts'
export type { BatchContext, HandlerContext, HandlerLog, LogLevel } from './handler/context.ts'
export { effectId } from './handler/effect-id.ts'
export {
  type AnyHandler,
  type BatchHandler,
  type EventFor,
  handler,
  type Handler,
  type HandlerKey,
} from './handler/handler.ts'
export type { BatchPolicy, HandlerOptions, RetryPolicy } from './handler/options.ts'
export type { Policy } from './handler/policy.ts'
export type { Publish } from './handler/publish.ts'
export type { PublishOptions } from './handler/publish-options.ts'
export { memory, type MemoryOptions } from './memory/memory.ts'
export { PublishOverflowError } from './memory/publish-overflow-error.ts'
export { deliveryHeaders, keyOf, type Message } from './message/message.ts'
export type { Incoming, Middleware } from './middleware.ts'
export { narrate, type NarrateOptions } from './narrate.ts'
export type { Delivered, Observer } from './observer.ts'
export type { Capabilities } from './transport/capabilities.ts'
export type {
  Connection,
  ConnectionState,
  ConnectOptions,
  Delivery,
  GroupRequest,
  Membership,
  Outgoing,
  Transport,
} from './transport/transport.ts'
export { type EventIdentity, type Inbox, memoryInbox, type MemoryInboxOptions } from '@tidings/core/tools'
