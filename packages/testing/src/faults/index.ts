export { type FaultProxy, faultProxy, type FaultProxyOptions, type SlowOptions } from './fault-proxy.ts'
