import { type Admin, ConfigResourceTypes } from '@platformatic/kafka'
import type { GroupRequest, TopologyPart, TopologyPlan } from '@tidings/bus/transport'
import { KafkaError } from '../errors.ts'
import { type ClientOptions, Link } from '../link.ts'
import { declare, told } from './apply.ts'
import { groupParts, sharedParts, type TopologySettings } from './parts.ts'

/** What a bus with these groups needs. */
export function topologyOf(settings: TopologySettings, groups: readonly GroupRequest[]): readonly TopologyPart[] {
  return [...sharedParts(settings), ...groups.flatMap((request) => groupParts(settings, request))]
}

/** Compares it with what the brokers have. */
export async function planOf(parts: readonly TopologyPart[], options: ClientOptions): Promise<TopologyPlan> {
  return onLink(options, (link) => compare(parts, link))
}

/** Makes what is missing. Rejects, before it makes anything, where something differs. */
export async function applyTo(parts: readonly TopologyPart[], options: ClientOptions): Promise<TopologyPlan> {
  return onLink(options, async (link) => {
    const plan = await compare(parts, link)
    if (plan.differing.length > 0) throw differing(plan)
    await link.ask('the topics', declare(link.admin, plan.missing))
    return plan
  })
}

async function compare(parts: readonly TopologyPart[], link: Link): Promise<TopologyPlan> {
  const { admin } = link
  const there = new Set(await link.ask('the topics', admin.listTopics({ includeInternals: false })))
  const missing = parts.filter(({ name }) => !there.has(name))
  const others = parts.filter(({ name }) => there.has(name))
  const found = await link.ask('the topics', settingsOf(admin, others))
  const differing: { part: TopologyPart; found: TopologyPart['settings'] }[] = []
  const present: TopologyPart[] = []
  for (const part of others) {
    const has = found.get(part.name) ?? {}
    const other = Object.entries(has).filter(([name, value]) => differs(name, part.settings[name], value))
    if (other.length === 0) present.push(part)
    else differing.push({ part, found: Object.fromEntries(other) })
  }
  return { missing, differing, present, unknown: [] }
}

/** Those settings of each topic that its part says something of. */
async function settingsOf(
  admin: Admin,
  parts: readonly TopologyPart[],
): Promise<ReadonlyMap<string, TopologyPart['settings']>> {
  if (parts.length === 0) return new Map()
  const names = parts.map(({ name }) => name)
  const metadata = await admin.metadata({ topics: [...names], forceUpdate: true })
  const resources = parts.map(({ name, settings }) => ({
    resourceType: ConfigResourceTypes.TOPIC,
    resourceName: name,
    configurationKeys: Object.keys(settings).filter((key) => !ofItsOwn.has(key)),
  }))
  const asked = resources.filter(({ configurationKeys }) => configurationKeys.length > 0)
  const described = asked.length === 0 ? [] : await admin.describeConfigs({ resources: asked })
  return new Map(
    names.map((name) => {
      const partitions = metadata.topics.get(name)?.partitions ?? []
      const configs = described.find(({ resourceName }) => resourceName === name)?.configs ?? []
      const settings = configs.map((config) => [config.name, config.value ?? ''] as const)
      const [first] = partitions
      return [
        name,
        { partitions: partitions.length, replication: first?.replicas.length ?? 0, ...Object.fromEntries(settings) },
      ]
    }),
  )
}

/** Settings of a topic that are no configuration of it. */
const ofItsOwn: ReadonlySet<string> = new Set(['partitions', 'replication'])

function differs(
  name: string,
  wanted: string | number | boolean | undefined,
  found: string | number | boolean,
): boolean {
  // As the brokers are configured.
  if (name === 'replication' && wanted === -1) return false
  return String(wanted) !== String(found)
}

function differing(plan: TopologyPlan): KafkaError {
  const list = plan.differing.map(({ part, found }) => {
    const settings = Object.entries(found).map(([name, value]) => {
      return `${name} is ${String(value)}, wanted ${String(part.settings[name] ?? 'none')}`
    })
    return `${told(part)} (${settings.join(', ')})`
  })
  const fix = 'Nothing was made. Change them by kafka-topics.sh and kafka-configs.sh, or ask for what there is.'
  return new KafkaError('KAFKA_DIFFERS', `the topology is refused: ${list.join('; ')} differ\n${fix}`)
}

async function onLink<Result>(options: ClientOptions, work: (link: Link) => Promise<Result>): Promise<Result> {
  const link = await Link.open(options, new AbortController().signal, () => {})
  try {
    return await work(link)
  } finally {
    link.destroy()
  }
}
