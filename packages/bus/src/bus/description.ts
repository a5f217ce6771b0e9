import type { Capabilities } from '../transport/capabilities.ts'
import type { TopologyPart } from '../transport/topology.ts'

export interface Description {
  readonly source: string
  readonly transport: string
  readonly capabilities: Capabilities
  readonly middleware: readonly string[]
  readonly handlers: readonly HandlerDescription[]
  /** The whole names of all groups of the broker that have no room, where it can tell at once. */
  readonly full: readonly string[]
  /** What the bus needs on the broker, and has made where the transport may; empty where there is nothing to make. */
  readonly topology: readonly TopologyPart[]
  /** Published by this bus so far, or defined, and no handler of this bus wants it. */
  readonly unhandledTypes: readonly string[]
}

export interface HandlerDescription {
  readonly name: string
  readonly group: string
  readonly types: readonly string[]
  readonly bound: boolean
  /** Why it is bound or not, as a sentence. */
  readonly because: string
  /** The event types known to this bus that its patterns match. */
  readonly matches: readonly string[]
  /** Its policy in words: `5 attempts, 1s to 1m apart`, `per key, 10 at a time`, `parks`. */
  readonly policy: readonly string[]
}
