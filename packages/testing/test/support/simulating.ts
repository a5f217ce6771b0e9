import type { Transport } from '@tidings/bus'
import type { Connection, ConnectOptions, Delivery, Outgoing, Settled, Settlement } from '@tidings/bus/transport'
import { expect } from 'vitest'
import { simulate, type Simulated, SimulationError, type SimulateOptions } from '../../src/simulate/index.ts'

/** Nothing goes wrong. */
export const none = { reorder: 0, duplicate: 0, crash: 0, restart: 0, fail: 0, loseConfirm: 0 }

export async function failureOf<World>(app: Simulated<World>, options?: SimulateOptions): Promise<SimulationError> {
  const result = await simulate(app, options).then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(result).toBeInstanceOf(SimulationError)
  return result as SimulationError
}

/** What a transport does wrong, beside all that it does right. */
export interface Sabotage {
  settle?(settlement: Settlement, real: Delivery, connection: Connection, options: ConnectOptions): SettledLater
  publish?(outgoing: Outgoing, connection: Connection): void | Promise<void>
  delivery?(real: Delivery): Partial<Delivery>
}

type SettledLater = Settled | Promise<Settled>

export function sabotaged({ settle, publish, delivery }: Sabotage): (transport: Transport) => Transport {
  return (transport) => ({
    ...transport,
    async connect(options) {
      const real = await transport.connect(options)
      const connection: Connection = {
        publish: (outgoing, patience) => (publish ? publish(outgoing, real) : real.publish(outgoing, patience)),
        subscribe: (request, deliver, signal) =>
          real.subscribe(request, (each) => deliver(altered(each, real, options)), signal),
        deadLetters: real.deadLetters,
        groups: real.groups,
        cancel: (id) => real.cancel!(id),
        transact: (work, outgoing) => real.transact!(work, outgoing),
        close: () => real.close(),
      }
      return connection
    },
  })

  function altered(real: Delivery, connection: Connection, options: ConnectOptions): Delivery {
    const { message, redeliveries, lost } = real
    return {
      message,
      redeliveries,
      get handledBefore() {
        return real.handledBefore
      },
      lost,
      settle: (settlement) => (settle ? settle(settlement, real, connection, options) : real.settle(settlement)),
      ...delivery?.(real),
    }
  }
}
