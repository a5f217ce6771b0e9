import type { GroupRequest, TopologyPart, TopologyPlan } from '@tidings/bus/transport'
import { isTidingsError } from '@tidings/core'
import { RabbitmqError } from '../errors.ts'
import { Link, type LinkOptions } from '../link.ts'
import { check, declare, told } from './apply.ts'
import { groupParts, rungPart, sharedParts, type TopologySettings } from './parts.ts'

/** What a bus with these groups needs, in the order in which it can be made; temporary groups make their own. */
export function topologyOf(settings: TopologySettings, groups: readonly GroupRequest[]): readonly TopologyPart[] {
  return [
    ...sharedParts(settings),
    ...settings.rungs.map((wait) => rungPart(settings, wait)),
    ...groups.filter(({ temporary }) => !temporary).flatMap((request) => groupParts(settings, request)),
  ]
}

/**
 * Compares it with what the broker has. Whether something is there is asked; its settings are compared by making it anew,
 * which changes nothing where it is the same, and is refused where it is not. Bindings cannot be asked for, nor can the
 * settings of what the user may not make.
 */
export async function planOf(parts: readonly TopologyPart[], options: LinkOptions): Promise<TopologyPlan> {
  return onLink(options, (link) => compare(parts, link))
}

/** Makes what is missing. Rejects, before it makes anything, where something differs. */
export async function applyTo(parts: readonly TopologyPart[], options: LinkOptions): Promise<TopologyPlan> {
  return onLink(options, async (link) => {
    const plan = await compare(parts, link)
    if (plan.differing.length > 0) throw differing(plan)
    const isMissing = new Set(plan.missing)
    for (const part of parts) {
      const isBinding = part.kind === 'binding'
      if (isBinding || isMissing.has(part)) await link.ask(told(part), (channel) => declare(channel, part))
    }
    return plan
  })
}

async function compare(parts: readonly TopologyPart[], link: Link): Promise<TopologyPlan> {
  const missing: TopologyPart[] = []
  const differing: { part: TopologyPart; found: TopologyPart['settings'] }[] = []
  const present: TopologyPart[] = []
  const unknown: TopologyPart[] = []
  const isMissing = (name: unknown): boolean => missing.some((part) => part.name === name)
  for (const part of parts) {
    const { source, destination } = part.settings
    if (part.kind === 'binding') {
      // Of what is missing itself nothing can be bound.
      ;(isMissing(source) || isMissing(destination) ? missing : unknown).push(part)
      continue
    }
    try {
      await link.ask(told(part), (channel) => check(channel, part))
    } catch (error) {
      if (!isTidingsError(error, 'RABBITMQ_MISSING')) throw error
      missing.push(part)
      continue
    }
    try {
      await link.ask(told(part), (channel) => declare(channel, part))
      present.push(part)
    } catch (error) {
      if (isTidingsError(error, 'RABBITMQ_DIFFERS')) differing.push({ part, found: foundIn(error) })
      else if (isTidingsError(error, 'RABBITMQ_REFUSED')) unknown.push(part)
      else throw error
    }
  }
  return { missing, differing, present, unknown }
}

/** What the broker says of the first setting that differs; it tells no others. */
function foundIn({ message }: Error): TopologyPart['settings'] {
  const said = /inequivalent arg '([^']+)'.* but current is (?:the value )?'?([^'"]*)/.exec(message)
  return said === null ? {} : { [said[1]!]: said[2]!.trim() }
}

function differing(plan: TopologyPlan): RabbitmqError {
  const list = plan.differing.map(({ part, found }) => {
    const settings = Object.entries(found).map(([name, value]) => {
      return `${name} is ${String(value)}, wanted ${String(part.settings[name] ?? 'none')}`
    })
    return `${told(part)} (${settings.join(', ') || 'other settings'})`
  })
  const fix = 'Nothing was made. Drain and delete what differs, or keep its settings.'
  return new RabbitmqError('RABBITMQ_DIFFERS', `the topology is refused: ${list.join('; ')} differ\n${fix}`)
}

async function onLink<Result>(options: LinkOptions, work: (link: Link) => Promise<Result>): Promise<Result> {
  const link = await Link.open(options, new AbortController().signal, () => {})
  try {
    return await work(link)
  } finally {
    await link.within('the end of a connection', link.close()).catch(() => {})
    link.destroy()
  }
}
