import { milliseconds } from '@tidings/core'
import type { ConformanceKit, ResolvedKit } from './kit.ts'

/** Fills in the defaults. Asks `transport()` what it can do, unless `about` says so. */
export function resolve(kit: ConformanceKit): ResolvedKit {
  const { name, capabilities } = kit.about ?? kit.transport()
  return {
    // Kept by reference: a kit may be an instance whose methods use `this`.
    transport: () => kit.transport(),
    about: { name, capabilities },
    size: kit.size ?? 'quick',
    within: milliseconds(kit.within ?? '10s', 'within'),
    quiet: milliseconds(kit.quiet ?? '150ms', 'quiet'),
    slow: milliseconds(kit.slow ?? '1s', 'slow'),
    restBeforeKill: milliseconds(kit.restBeforeKill ?? 0, 'restBeforeKill'),
    network: kit.network,
    broker: kit.broker,
    plain: kit.plain,
    bus: kit.bus,
    table: kit.table,
    ...(kit.spawnConsumer && { spawnConsumer: (request) => kit.spawnConsumer!(request) }),
    ...(kit.spawnWorker && { spawnWorker: (request) => kit.spawnWorker!(request) }),
    ...(kit.spawnPublisher && { spawnPublisher: (messages) => kit.spawnPublisher!(messages) }),
    ...(kit.spawnTransactor && { spawnTransactor: (messages) => kit.spawnTransactor!(messages) }),
    ...(kit.removeGroups && { removeGroups: (names) => kit.removeGroups!(names) }),
    ...(kit.aggregations && { aggregations: () => kit.aggregations!() }),
    ...(kit.claimChecks && { claimChecks: () => kit.claimChecks!() }),
    ...(kit.declareConflict && { declareConflict: (group) => kit.declareConflict!(group) }),
  }
}
