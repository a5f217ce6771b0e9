export {
  CancelledError,
  CircuitOpenError,
  DecoratorMisusedError,
  NoHandlersError,
  OverloadedError,
  TimeoutError,
} from './errors.ts'
export {
  type CircuitBreakerOptions,
  type CircuitBroken,
  type CircuitChange,
  circuitBreaker,
  type CircuitStateName,
} from './policies/circuit-breaker.ts'
export { debounce, type DebounceOptions } from './policies/debounce.ts'
export { filtered, type Filtered } from './policies/filtered.ts'
export { idempotent, type Idempotent, type IdempotentOptions, type Identified } from './policies/idempotent.ts'
export { limit, type Limited, type LimitOptions } from './policies/limit.ts'
export { type LogEntry, logged, type Logged, type LoggedOptions, type Logger } from './policies/logged.ts'
export { type LeftOut, once } from './policies/once.ts'
export {
  type LateEvent,
  resequenced,
  type Resequenced,
  type ResequencedOptions,
  type Sequenced,
  type SequenceGap,
} from './policies/resequenced.ts'
export type { GapReason } from './policies/resequencer.ts'
export { type Retried, retry, type RetryInfo, type RetryOptions } from './policies/retry.ts'
export { type Paced, throttle, type ThrottleOptions } from './policies/throttle.ts'
export { type LateInfo, type Timed, timeout, type TimeoutOptions } from './policies/timeout.ts'
export { type EventMethod, on, type OnDecorator, typedOn } from './subscribing/on.ts'
export { register, type Registration, type Subscribable, type Unsubscriber } from './subscribing/register.ts'
export { compose, type Composed } from './wrapping/compose.ts'
export { unwrap } from './wrapping/decorator.ts'
export { partial, type Partially } from './wrapping/partial.ts'
export { pendingOf } from './wrapping/pending.ts'
export type {
  AnyDecorator,
  AnyHandler,
  Async,
  AsyncMaybe,
  Cancellable,
  Change,
  Flushable,
  HandlerDecorator,
  Kept,
  Maybe,
  MaybeMethod,
  MethodContext,
  OriginalOf,
  SignalContext,
  Wraps,
} from './wrapping/types.ts'
export { type EventIdentity, type Inbox, memoryInbox, type MemoryInboxOptions } from '@tidings/core/tools'
