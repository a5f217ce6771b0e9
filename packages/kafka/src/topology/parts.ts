import { patternMatcher } from '@tidings/core'
import type { GroupRequest, TopologyPart } from '@tidings/bus/transport'
import type { Names } from './names.ts'

/** Of what the topology depends on. */
export interface TopologySettings {
  readonly names: Names
  /** Milliseconds of each rung. */
  readonly rungs: readonly number[]
  /** Partitions of the topics of events and of groups. */
  readonly partitions: number
  /** Copies of each partition. */
  readonly replication: number
  /** Topics of their own for event types, by short names. */
  readonly topics: readonly EventTopic[]
}

/** A topic for the event types that one of its patterns matches. */
export interface EventTopic {
  /** As it is called on the broker. */
  readonly name: string
  readonly patterns: readonly string[]
}

const day = 24 * 60 * 60 * 1000
/** How long a reply is kept. */
const replies = 60 * 60 * 1000

/** What every bus needs. */
export function sharedParts(settings: TopologySettings): TopologyPart[] {
  const { names, partitions, topics, rungs } = settings
  return [
    topic(settings, names.events, partitions),
    ...topics.map(({ name }) => topic(settings, name, partitions)),
    topic(settings, names.bindings, 1, { 'cleanup.policy': 'compact' }),
    topic(settings, names.temporary, 1, { 'retention.ms': replies }),
    // Kept for much longer than it waits: what is due stays until somebody moves it on.
    ...rungs.map((wait) => topic(settings, names.delay(wait), 1, { 'retention.ms': wait + 30 * day })),
  ]
}

/** What a group needs besides. */
export function groupParts(settings: TopologySettings, { group, temporary }: GroupRequest): TopologyPart[] {
  if (temporary) return []
  const { names, partitions } = settings
  return [
    topic(settings, names.group(group), partitions),
    // A dead letter waits for somebody to look at it.
    topic(settings, names.dead(group), 1, { 'retention.ms': -1 }),
  ]
}

/** The topics in which a group may find events of its types, without the one for itself. */
export function topicsOf({ names, topics }: TopologySettings, types: readonly string[]): string[] {
  if (types.length === 0) return []
  const own = topics.filter(({ patterns }) => types.some((type) => patterns.some((pattern) => meet(type, pattern))))
  // A type that no topic is configured for, or a pattern that may be of such a type.
  const isCovered = (type: string): boolean =>
    topics.some(({ patterns }) => patterns.some((each) => covers(each, type)))
  const others = types.every(isCovered) ? [] : [names.events]
  return [...others, ...own.map(({ name }) => name)]
}

/** The topic for an event type: the first that has it. */
export function topicOf({ names, topics }: TopologySettings): (type: string) => string {
  const matchers = topics.map(({ name, patterns }) => ({ name, matches: patterns.map(patternMatcher) }))
  return (type) => matchers.find(({ matches }) => matches.some((match) => match(type)))?.name ?? names.events
}

/** Whether all types that `inner` matches are matched by `outer`; false where that cannot be told. */
function covers(outer: string, inner: string): boolean {
  if (outer === inner) return true
  return !inner.includes('*') && patternMatcher(outer)(inner)
}

/** Whether a type may be matched by both. */
function meet(one: string, other: string): boolean {
  return meets(one.split('.'), other.split('.'))
}

function meets(one: readonly string[], other: readonly string[]): boolean {
  const [first, ...rest] = one
  const [second, ...others] = other
  if (first === undefined) return other.every((token) => token === '**')
  if (second === undefined) return one.every((token) => token === '**')
  if (first === '**') return meets(rest, other) || meets(one, others)
  if (second === '**') return meets(one, others) || meets(rest, other)
  return (first === '*' || second === '*' || first === second) && meets(rest, others)
}

function topic(
  { replication }: TopologySettings,
  name: string,
  partitions: number,
  more: TopologyPart['settings'] = {},
): TopologyPart {
  return { kind: 'topic', name, settings: { partitions, replication, ...more } }
}
