import { isPattern, milliseconds } from '@tidings/core'
import { invalidArgument, knownOptions, oneOf, whole } from '@tidings/core/tools'
import { checkSource, checkTransport } from '../bus/check-options.ts'
import { consoleLog } from '../bus/console-log.ts'
import { safeLog, silentLog } from '../bus/safe-log.ts'
import { systemClock } from '../clock.ts'
import { CapabilityMissingError } from '../errors.ts'
import type { Relay, RelayOptions } from './relay.ts'
import { RunningRelay } from './running-relay.ts'

const optionNames = [
  'source',
  'from',
  'to',
  'groups',
  'types',
  'group',
  'begin',
  'ordering',
  'prefetch',
  'log',
  'connectTimeout',
  'stalledAfter',
  'clock',
]

/**
 * **Messaging Bridge**: moves events from one transport to another, as they are: bytes, attributes, ids and headers. What is
 * confirmed over there is settled here, so that a crash at any moment duplicates and never loses; the ids make that
 * harmless for idempotent handlers. Events of a key arrive in order. Resolves when both are connected and it has begun.
 *
 * With `groups` it moves an application that runs: each of its groups goes on over there where it was, with what waits
 * for it, its retries with their attempts, its delayed events when they are due, and its dead letters where both sides have a
 * store of them. With `types` it tells others what happens here.
 *
 * What `to` does not take, as it is too large there, becomes a dead letter of its group on `from`, with the reason
 * `'not-relayed'`. All else is tried again until it is taken. Two relays with the same groups, in two processes, share the
 * work.
 *
 * @example
 * await using relay = await createRelay({ source: '/shop', from: sqlite({ file: 'shop.db' }), to: rabbitmq({ url }), groups: 'all' })
 * await relay.caughtUp()
 *
 * @throws CapabilityMissingError for what one of the two cannot do
 * @throws TidingsError `INVALID_ARGUMENT` for options that make no sense, or a group that is not there
 */
export async function createRelay(options: RelayOptions): Promise<Relay> {
  knownOptions(options, optionNames, 'createRelay')
  const { source, from, to, clock = systemClock } = options
  checkSource(source)
  checkTransport(from, 'from')
  checkTransport(to, 'to')
  if (from === to) {
    throw invalidArgument('to', 'another transport than `from`', to.name, 'An event would come back for ever.')
  }
  const ordering = oneOf(options.ordering, ['per-key', 'none'], 'ordering')
  const isEachItsOwn = options.ordering === undefined && options.groups !== undefined
  checkWhat(options)
  checkCapabilities(options, ordering)
  const relay = new RunningRelay({
    source,
    from,
    to,
    clock,
    ordered: isEachItsOwn ? undefined : ordering === 'per-key',
    moves: options.groups,
    types: options.types ?? [],
    group: options.group ?? 'relay',
    begin: oneOf(options.begin, ['latest', 'earliest'], 'begin'),
    prefetch: whole(options.prefetch ?? 256, 1, 'prefetch'),
    log: options.log === false ? silentLog : safeLog(options.log ?? consoleLog(clock)),
    connectTimeout: milliseconds(options.connectTimeout ?? '30s', 'connectTimeout'),
    stalledAfter: milliseconds(options.stalledAfter ?? '2m', 'stalledAfter'),
  })
  await relay.start()
  return relay
}

function checkWhat({ groups, types, group, begin }: RelayOptions): void {
  const isBoth = groups !== undefined && types !== undefined
  if (isBoth || (groups === undefined && types === undefined)) {
    const received = isBoth ? 'both' : 'neither'
    const fix =
      "Groups move with what is before them, `groups: 'all'`; types go to whoever wants them, `types: ['shop.**']`."
    throw invalidArgument('groups', 'given, or `types`', received, fix)
  }
  if (groups !== undefined && (group !== undefined || begin !== undefined)) {
    throw invalidArgument(
      'group',
      'left out with `groups`',
      group ?? begin,
      'Each group knows by itself how far it is.',
    )
  }
  if (groups === 'all') return
  const list: unknown = groups ?? types
  const name = groups === undefined ? 'types' : 'groups'
  if (!Array.isArray(list) || list.length === 0 || list.some((each) => typeof each !== 'string' || each === '')) {
    throw invalidArgument(name, 'an array of names', list, 'Give one at least.')
  }
}

/** Throws where one of the two cannot do what it must: at the start, rather than when the first event is lost. */
function checkCapabilities({ from, to, groups, types, begin }: RelayOptions, ordering: 'per-key' | 'none'): void {
  const missing: { transport: string; capability: string; wantedBy: string }[] = []
  const want = (is: boolean, { name: transport }: RelayOptions['from'], capability: string, wantedBy: string): void => {
    if (!is) missing.push({ transport, capability, wantedBy: `the relay: ${wantedBy}` })
  }
  const [here, there] = [from.capabilities, to.capabilities]
  want(here.deadLetters !== 'none', from, 'deadLetters', `what ${to.name} does not take is kept among them`)
  want(groups === undefined || here.groups, from, 'groups', '`groups`')
  want(begin !== 'earliest' || here.history, from, 'history', "`begin: 'earliest'`")
  want(here.wildcards || types?.some(isPattern) !== true, from, 'wildcards', 'a pattern among its `types`')
  want(there.durable || !here.durable, to, 'durable', `what ${from.name} confirms survives a crash`)
  for (const each of [from, to]) {
    const keeps = ordering === 'none' || each.capabilities.ordering !== 'none'
    want(keeps, each, 'ordering', "`ordering: 'per-key'`")
  }
  const [first] = missing
  if (first === undefined) return
  const ofFirst = missing.filter(({ transport }) => transport === first.transport)
  throw new CapabilityMissingError(
    first.transport,
    ofFirst.map(({ capability, wantedBy }) => ({ capability, wantedBy })),
  )
}
