export type { EventIdentity } from '@tidings/core/tools'
export type { Clock } from '../clock.ts'
export { Deque } from '../collections/deque.ts'
export { Heap } from '../collections/heap.ts'
export {
  BusClosedError,
  CapabilityMissingError,
  DeadLettersFullError,
  type FullGroup,
  GroupInUseError,
  MessageTooLargeError,
  NoRoomError,
  OutcomeUnknownError,
  UnknownGroupError,
} from '../errors.ts'
export { deliveryHeaders, keyOf, type Message } from '../message/message.ts'
export type { DeadLetter, DeadLetterStore } from '../stores/dead-letters.ts'
export type { Capabilities } from './capabilities.ts'
export type { DeadLetterSink, SinkReplay } from './dead-letter-sink.ts'
export type { Backlog, Group, Groups } from './groups.ts'
export { type HeldOptions, HeldDeliveries, Lease, type Taken } from './held-deliveries.ts'
export { letterMessage, receivedMessage } from './letter-message.ts'
export { isSuspect } from './suspect.ts'
export { type Suspect, Suspects, type SuspectTaker } from './suspects.ts'
export { type Due, Timetable } from './timetable.ts'
export { within } from './within.ts'
export {
  type HeaderMessage,
  messageFromHeaders,
  type MessageHeaderOptions,
  messageToHeaders,
} from './message-headers.ts'
export { type DelayHop, DelayLadder } from './delay-ladder.ts'
export { keyHash, partitionOf } from './partition-of.ts'
export { GroupCommit, type GroupCommitOptions, type Told } from './group-commit.ts'
export { KeyLines, type Standing } from './key-lines.ts'
export { type ErrorClass, errorOf, plainError, type PlainError } from './plain-error.ts'
export { oversize } from './message-size.ts'
export { type PublishAnswers, type PublishLine, PublishWindow } from './publish-window.ts'
export { type JoinedPlace, type ReconnectingOptions, ReconnectingSession } from './reconnecting.ts'
export { inSafeOrder, type SettlementSteps } from './safe-order.ts'
export {
  type DeadLettered,
  discarded,
  type Discarded,
  type GivenBack,
  handled,
  type Handled,
  type Later,
  type Settled,
  type Settlement,
  SettlementRefusedError,
  type Work,
} from './settlement.ts'
export type { TopologyPart, TopologyPlan } from './topology.ts'
export type {
  Connection,
  ConnectionState,
  ConnectOptions,
  Delivery,
  GroupRequest,
  Membership,
  Outgoing,
  Transport,
} from './transport.ts'
