export { type FaultProxy, faultProxy, type FaultProxyOptions, type SlowOptions } from './fault-proxy.ts'
export { type ServeOptions, serveTransport, type TransportServer } from './serve-transport.ts'
export { socketTransport, type SocketTransportOptions } from './socket-transport.ts'
