import { systemClock, type Transport } from '@tidings/bus'
import type { Connection } from '@tidings/bus/transport'

/** A connection without a bus, for the program of a child process. */
export function connectAs(name: string, transport: Transport): Promise<Connection> {
  return transport.connect({ name, clock: systemClock, onState: () => {}, onUnroutable: () => {} })
}
