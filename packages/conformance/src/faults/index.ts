export { faultLoad, faultLoadLine, type FaultLoadOptions, type FaultLoadReport } from './fault-load.ts'
export { type FaultProxy, faultProxy, type FaultProxyOptions, type SlowOptions } from './fault-proxy.ts'
export { networkFaults } from './network-faults.ts'
export { type ServeOptions, serveTransport, type TransportServer } from './serve-transport.ts'
export { socketTransport, type SocketTransportOptions } from './socket-transport.ts'
export {
  type Child,
  type ChildExit,
  type ChildKit,
  type ChildOptions,
  type ChildProgram,
  type ModuleFunction,
  spawnChild,
} from './spawn-child.ts'
export { type BrokerOptions, type BrokerProcess, socketTransportOf, startBroker } from './start-broker.ts'
