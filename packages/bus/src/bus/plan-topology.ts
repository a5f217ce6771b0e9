import { knownOptions } from '@tidings/core/tools'
import { GroupHandlers } from '../delivery/group-handlers.ts'
import { CapabilityMissingError } from '../errors.ts'
import type { AnyHandler } from '../handler/handler.ts'
import { groupName } from '../transport/group-name.ts'
import type { TopologyPart, TopologyPlan } from '../transport/topology.ts'
import type { GroupRequest, Transport } from '../transport/transport.ts'
import { checkOptions } from './check-options.ts'
import { checkCapabilities } from './start-up.ts'
import type { BusOptions } from './options.ts'

/** What an application needs on its broker, against what is there. Made by {@link planTopology}. */
export interface PlannedTopology extends TopologyPlan {
  /**
   * Makes what is missing; resolves to the plan as it was then. Rejects with an error of the transport that names each
   * part which differs, before anything is made: what to do with those is for a person to say.
   */
  apply(): Promise<TopologyPlan>
  /** The plan for a person to read, a line for each part. */
  toString(): string
}

/**
 * Compares what a bus with these options would need on the broker with what the broker has, and changes nothing. For
 * operators: they look, apply, and let the application run with `declare: false` and a user who may make nothing.
 *
 * @example
 * const plan = await planTopology({ source: '/shop', handlers, transport: rabbitmq({ url }) })
 * console.log(plan.toString())
 * if (plan.differing.length === 0) await plan.apply()
 *
 * @throws CapabilityMissingError where the transport has nothing to be made, as `memory()` and `sqlite()`
 * @throws TidingsError whatever `createBus` throws for these options, or the transport where it does not reach the broker
 */
export async function planTopology(
  options: Pick<BusOptions, 'source' | 'transport' | 'handlers' | 'inbox' | 'deadLetters'>,
): Promise<PlannedTopology> {
  knownOptions(options, ['source', 'transport', 'handlers', 'inbox', 'deadLetters'], 'planTopology')
  checkOptions(options)
  const { source, transport, handlers = [] } = options
  checkCapabilities(options, handlers)
  const { plan, apply } = planning(transport)
  const requests = requestsOf(source, handlers)
  const planned = await plan(requests)
  return { ...planned, apply: () => apply(requests), toString: () => inWords(planned) }
}

function planning(transport: Transport): Required<Pick<Transport, 'plan' | 'apply'>> {
  if (transport.plan && transport.apply) {
    return { plan: (groups) => transport.plan!(groups), apply: (groups) => transport.apply!(groups) }
  }
  throw new CapabilityMissingError(transport.name, [{ capability: 'topology', wantedBy: 'planTopology' }])
}

/** The groups of these handlers, as their bus asks the transport for them. */
function requestsOf(source: string, handlers: readonly AnyHandler[]): GroupRequest[] {
  const groups = new Map<string, GroupHandlers>()
  for (const each of handlers) {
    const name = groupName(source, each.group)
    const group = groups.get(name) ?? new GroupHandlers()
    group.add(each)
    groups.set(name, group)
  }
  return [...groups].map(([name, group]) => group.request(name, group.policy.prefetch))
}

function inWords({ missing, differing, present, unknown }: TopologyPlan): string {
  const line = (sign: string, { kind, name }: TopologyPart, more = ''): string => `${sign} ${kind} ${name}${more}`
  const lines = [
    ...missing.map((part) => line('+', part, settingsOf(part.settings))),
    ...differing.map(({ part, found }) => line('!', part, differences(part, found))),
    ...unknown.map((part) => line('?', part)),
    ...present.map((part) => line('=', part)),
  ]
  const sum = [
    `${missing.length} to make`,
    `${differing.length} with other settings`,
    ...(unknown.length === 0 ? [] : [`${unknown.length} that cannot be asked for, and are made again`]),
    `${present.length} there`,
  ].join(', ')
  return [...lines, sum].join('\n')
}

function settingsOf(settings: TopologyPart['settings']): string {
  const all = Object.entries(settings).map(([name, value]) => `${name} ${value}`)
  return all.length === 0 ? '' : ` (${all.join(', ')})`
}

function differences({ settings }: TopologyPart, found: TopologyPart['settings']): string {
  const all = Object.entries(found).map(([name, value]) => `${name} is ${value}, wanted ${settings[name] ?? 'none'}`)
  return ` (${all.length === 0 ? 'other settings' : all.join(', ')})`
}
