export { type AggregationContext, aggregator, type AggregatorOptions, type Gathered } from './aggregator.ts'
export { claimCheck, ClaimCheckCorruptError, ClaimCheckMissingError, type ClaimCheckOptions } from './claim-check.ts'
export { type Deadline, type DeadlineDefinition, defineDeadline } from './deadline.ts'
export type { AsyncEventHandler, EventHandler } from './event-handler.ts'
export { filter } from './filter.ts'
export { type Part, partOf } from './part.ts'
export { createRelay } from '../relay/create-relay.ts'
export type { MovedGroups, Relay, RelayedTypes, RelayHealth, RelayOptions, RelayProgress } from '../relay/relay.ts'
export { RelayBehindError } from '../relay/relay-behind-error.ts'
export { type Place, resequencer, type ResequencerOptions } from './resequencer.ts'
export { route, type Route, router } from './router.ts'
export {
  type EventAsked,
  recipient,
  type Recipient,
  type Recipients,
  type Replies,
  scatterGather,
  type ScatterGatherOptions,
  TooFewRepliesError,
} from './scatter-gather.ts'
export { splitter, type SplitterOptions } from './splitter.ts'
export { translator, type TranslatorOptions } from './translator.ts'
export { wireTap, type WireTapOptions } from './wire-tap.ts'
export type { Added, Aggregation, AggregationEntry, AggregationStore } from '../stores/aggregations.ts'
export type { ClaimCheckStore } from '../stores/claim-checks.ts'
export {
  AggregationsFullError,
  memoryAggregations,
  type MemoryAggregationsOptions,
} from '../stores/memory-aggregations.ts'
export {
  ClaimChecksFullError,
  memoryClaimChecks,
  type MemoryClaimChecksOptions,
} from '../stores/memory-claim-checks.ts'
