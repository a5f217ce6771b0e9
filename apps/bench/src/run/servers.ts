import { findKafka, findRabbitmq, type Found, type Missing } from '@tidings/services'
import { type Scenario, type ServerName, servers } from '../scenarios/scenario.ts'

const finders: Readonly<Record<ServerName, () => Promise<Found<unknown> | Missing>>> = {
  rabbitmq: findRabbitmq,
  kafka: findKafka,
}

/** Servers that run while something is measured. */
export interface RunningServers {
  /** Scenarios whose server there is not, each with the reason. */
  readonly missing: ReadonlyMap<ServerName, string>
  close(): Promise<void>
}

/**
 * Finds or starts the servers that scenarios need: one of each for all of them, since one takes seconds to begin. Those
 * that measure find them by the environment.
 */
export async function serversFor(scenarios: readonly Scenario[]): Promise<RunningServers> {
  const needed = new Set(scenarios.flatMap(({ server }) => server ?? []))
  const missing = new Map<ServerName, string>()
  const closes: (() => Promise<void>)[] = []
  for (const server of needed) {
    const found = await finders[server]()
    if ('missing' in found) {
      missing.set(server, found.missing)
      continue
    }
    const variable = servers[server]
    const before = process.env[variable]
    process.env[variable] = found.at
    closes.push(async () => {
      if (before === undefined) delete process.env[variable]
      await found.close()
    })
  }
  return {
    missing,
    close: async () => {
      for (const close of closes) await close()
    },
  }
}
