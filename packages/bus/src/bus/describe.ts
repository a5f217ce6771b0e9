import { isPattern, patternMatcher } from '@tidings/core'
import type { GroupConsumer } from '../delivery/group-consumer.ts'
import type { AnyHandler } from '../handler/handler.ts'
import type { Middleware } from '../middleware.ts'
import type { Transport } from '../transport/transport.ts'
import type { Description, HandlerDescription } from './description.ts'
import type { HealthStatus } from './health.ts'

/** What a description is made from. */
interface Described {
  readonly source: string
  readonly transport: Transport
  readonly middleware: readonly Middleware[]
  /** Event types that the bus knows. */
  readonly known: readonly string[]
  readonly groups: readonly GroupConsumer[]
  readonly status: HealthStatus
  readonly full: readonly string[]
}

export function describe({ source, transport, middleware, known, groups, status, full }: Described): Description {
  const handlers = groups.flatMap((group) =>
    [...group.handlers.all].map((handler) => describeHandler(handler, group, known, status, full)),
  )
  return {
    source,
    transport: transport.name,
    capabilities: transport.capabilities,
    middleware: middleware.map(({ name }) => name),
    handlers,
    full,
    topology:
      transport.topology?.(groups.map(({ group, handlers: all }) => all.request(group, all.policy.prefetch))) ?? [],
    unhandledTypes: known.filter((type) => !groups.some((group) => group.handlers.find(type) !== undefined)),
  }
}

function describeHandler(
  handler: AnyHandler,
  { group, isMember, handlers }: GroupConsumer,
  known: readonly string[],
  status: HealthStatus,
  full: readonly string[],
): HandlerDescription {
  const matches = known.filter((type) => handlers.find(type) === handler)
  const patterns = handler.types.filter(isPattern)
  const idle = patterns.filter((pattern) => !known.some(patternMatcher(pattern)))
  const open = status === 'ok' || status === 'starting' || status === 'reconnecting'
  return {
    name: handler.name,
    group,
    types: handler.types,
    bound: open && isMember,
    because: !open
      ? 'the bus is closed'
      : !isMember
        ? `group "${group}" is not joined yet`
        : idle.length > 0
          ? `group "${group}" is joined, but no event definition of this bus matches ${idle.map((each) => `"${each}"`).join(', ')}: give createBus their \`definitions\``
          : full.includes(group)
            ? `group "${group}" is joined, and full: who publishes to it waits`
            : `group "${group}" is joined`,
    matches,
    policy: policyInWords(handler),
  }
}

function policyInWords({ policy }: AnyHandler): string[] {
  const { ordering, concurrency, prefetch, timeout, attempts, idempotent, deadLetter, from, batch, temporary } = policy
  const waits = { park: 'parks', 'park-key': 'parks the key', discard: 'discards' }
  return [
    `${ordering === 'per-key' ? 'in order per key' : 'in any order'}, ${concurrency} at a time, ${prefetch} held at most`,
    attempts === 1 ? 'one attempt' : `${attempts} attempts, waiting up to ${policy.longestBackoff}ms in all`,
    timeout === Infinity ? 'no timeout' : `${timeout}ms for an attempt`,
    `${waits[deadLetter]} what fails`,
    ...(idempotent ? ['leaves out duplicates'] : []),
    ...(temporary ? ['goes with its connection'] : []),
    ...(from === 'earliest' ? ['from the oldest event kept'] : []),
    ...(batch ? [`batches of up to ${batch.size}, waiting ${batch.wait}ms`] : []),
  ]
}
