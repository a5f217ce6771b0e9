import type { HandlerLog } from '../handler/context.ts'
import type { Group } from '../transport/groups.ts'

/** What is lost with the process where a transport is not durable, in one line; undefined for nothing. */
export function whatIsLost(groups: readonly Group[]): string | undefined {
  const parts = groups.flatMap(({ group, waiting, handedOut, retrying, delayed }) => {
    const facts = [
      [waiting, 'waiting'],
      [handedOut, 'being handled'],
      [retrying, 'waiting for a retry'],
      [delayed, 'delayed'],
    ] as const
    const found = facts.flatMap(([count, what]) => (count > 0 ? [`${count} ${what}`] : []))
    return found.length > 0 ? [`${group}: ${found.join(', ')}`] : []
  })
  return parts.length > 0 ? parts.join('; ') : undefined
}

/** A bus that is open. */
export interface OpenBus {
  readonly log: HandlerLog
  /** The name of the transport. */
  readonly transport: string
  /** The groups of a transport that is not durable, where it can tell at once. */
  groups(): readonly Group[]
}

const open = new Set<OpenBus>()
let isListening = false

/** Has a bus say, when the process ends before it is closed, what is lost with it. The function returned takes it back. */
export function sayAtExit(bus: OpenBus): () => void {
  open.add(bus)
  const { process } = globalThis as { process?: { once?(event: 'exit', listener: () => void): unknown } }
  if (!isListening && process?.once) {
    isListening = true
    process.once('exit', sayAll)
  }
  return () => void open.delete(bus)
}

function sayAll(): void {
  for (const bus of open) {
    const lost = whatIsLost(bus.groups())
    if (lost === undefined) continue
    const { log, transport } = bus
    log.warn(`the process ends before the bus is closed, and what ${transport} holds goes with it: ${lost}`)
  }
}
