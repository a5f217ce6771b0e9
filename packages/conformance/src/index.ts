export type { ConformanceCase, ConformanceResult } from './case.ts'
export { conformanceCases } from './cases/all.ts'
export {
  conformance,
  type ConformanceReport,
  type ConformanceRunner,
  runConformance,
  type RunOptions,
} from './conformance.ts'
export { ConformanceError } from './expect.ts'
export { holdDeliveries } from './hold-deliveries.ts'
export type {
  BrokerFaults,
  ChildConsumer,
  ChildPublisher,
  ChildWorker,
  ConformanceKit,
  NetworkFaults,
  OwnTable,
  PlainClient,
} from './kit.ts'
export type { Need } from './needs.ts'
export { publishInTurn } from './publish-in-turn.ts'
export { reportFromJson, reportToJson } from './report-json.ts'
export { conformanceTable } from './table.ts'
export { transactInTurn } from './transact-in-turn.ts'
export { type HandledEvent, workDeliveries } from './work-deliveries.ts'
