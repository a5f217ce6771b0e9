export type { Attempt } from './harness/attempt-log.ts'
export { NotSettledError, type SettledOptions } from './harness/rest.ts'
export { type LoggedLine, type TestBus, testBus, type TestBusOptions } from './harness/test-bus.ts'
export { type VirtualClock, virtualClock, type VirtualClockOptions } from './harness/virtual-clock.ts'
