import { isPattern } from '@tidings/core'
import { uuidv7 } from '@tidings/events'
import { invalidArgument } from '../check.ts'
import { CapabilityMissingError } from '../errors.ts'
import type { AnyHandler } from '../handler/handler.ts'
import type { BusOptions } from './options.ts'

/** Throws where a handler asks for what the transport cannot do: at start-up, rather than when it is too late. */
export function checkCapabilities(
  { transport, deadLetters, inbox }: Pick<BusOptions, 'transport' | 'deadLetters' | 'inbox'>,
  handlers: Iterable<AnyHandler>,
): void {
  const { capabilities } = transport
  const missing: { capability: string; wantedBy: string }[] = []
  for (const { name, policy, types } of handlers) {
    const want = (is: boolean, capability: string, why: string): void => {
      if (!is) missing.push({ capability, wantedBy: `handler ${name}: ${why}` })
    }
    const keyed = policy.ordering === 'per-key'
    const keeps = capabilities.deadLetters || deadLetters !== undefined
    want(!keyed || capabilities.ordering !== 'none', 'ordering', "ordering: 'per-key'")
    want(policy.deadLetter === 'discard' || keeps, 'deadLetters', `deadLetter: '${policy.deadLetter}'`)
    want(!policy.idempotent || capabilities.inbox || inbox !== undefined, 'inbox', 'idempotent: true')
    want(policy.from === 'latest' || capabilities.history, 'history', "from: 'earliest'")
    want(capabilities.patterns || !types.some(isPattern), 'patterns', `the pattern "${types.find(isPattern)}"`)
    const held =
      keyed || !capabilities.delay ? policy.attempts * policy.timeout + policy.longestBackoff : policy.timeout
    const why = `its attempts may take ${held}ms, the broker waits ${capabilities.maxHold}ms`
    want(held <= capabilities.maxHold, 'maxHold', why)
  }
  if (missing.length > 0) throw new CapabilityMissingError(transport.name, missing)
}

const longestName = 200

/**
 * The whole name of a group: of `/shop` and `billing` it is `shop.billing`. It has only what every broker allows: in the
 * source `/` becomes `.`, and other characters their code between `_`. No two sources share a name (but for a `/` at the
 * beginning, which makes no difference), since a group has no `.` of its own.
 */
export function groupName(source: string, group: string): string {
  const name = within(applicationOf(source), group)
  if (name.length <= longestName) return name
  throw invalidArgument(
    'group',
    `at most ${longestName} characters with its source`,
    name,
    'Brokers take no longer names: shorten it.',
  )
}

/** A name for the replies to one bus, of which no other has it, however long the source is. */
export function replyGroupName(source: string): string {
  const group = `replies-${uuidv7()}`
  return within(applicationOf(source).slice(0, longestName - group.length - 1), group)
}

function applicationOf(source: string): string {
  return source
    .replace(/^\//, '')
    .replace(/[^A-Za-z\d-]/gu, (character) => (character === '/' ? '.' : `_${character.codePointAt(0)!.toString(16)}_`))
}

function within(application: string, group: string): string {
  return application === '' ? group : `${application}.${group}`
}
