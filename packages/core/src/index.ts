/// <reference lib="esnext.disposable" preserve="true" />
export { AsyncEventDispatcher } from './async-dispatcher.ts'
export { type EventDefinition, eventType, nextDefinitionIndex, type PayloadOf } from './definition.ts'
export { DispatcherClosedError, EventStormError, PendingOverflowError } from './dispatch-errors.ts'
export { EventDispatcher } from './dispatcher.ts'
export { type Duration, milliseconds } from './duration.ts'
export { isTidingsError, TidingsError, type TidingsErrorOptions } from './errors.ts'
export { type EventStream, StreamOverflowError, type StreamOptions } from './event-stream.ts'
export type { TopicHandle } from './handle.ts'
export type {
  Argument,
  CreateOptionsOf,
  Handler,
  Input,
  Key,
  Known,
  MatchingType,
  Payload,
  Publishable,
  TypeOf,
} from './keys.ts'
export type {
  AsyncDispatcherOptions,
  DispatcherOptions,
  Failure,
  Handled,
  Observer,
  Published,
  StormOptions,
  StormState,
  SubscribeOptions,
} from './options.ts'
export { isPattern, patternMatcher } from './pattern.ts'
export type { NamedEvent, PayloadArguments, Subject } from './publish-arguments.ts'
export type { Subscription } from './subscription.ts'
