import type { ResolvedKit } from './kit.ts'

/** What a case needs: a capability of the transport, or an ability of the kit. */
export type Need =
  | 'durable'
  | 'remote'
  | 'ordering'
  | 'ordering by key'
  | 'wildcards'
  | 'delay'
  | 'cancel'
  | 'a store of dead letters'
  | 'a sink of dead letters'
  | 'dead letters'
  | 'inbox'
  | 'temporaryGroups'
  | 'unroutable'
  | 'redeliveries'
  | 'waiting'
  | 'groups'
  | 'atomic'
  | 'transactions'
  | 'copies'
  | 'a largest size'
  | 'network'
  | 'broker'
  | 'a child process'
  | 'a working child process'
  | 'a publishing child process'
  | 'a table'
  | 'a transacting child process'
  | 'a conflict'
  | 'a plain client'
  | 'an inbox'
  | 'an aggregation store'
  | 'a claim-check store'

/** Why a need is not met, as the first half of a sentence; undefined when it is. */
export function whyNot(need: Need, kit: ResolvedKit): string | undefined {
  const [met, reason] = needs[need]
  return met(kit) ? undefined : reason
}

const needs: Readonly<Record<Need, readonly [met: (kit: ResolvedKit) => boolean, reason: string]>> = {
  durable: [({ about }) => about.capabilities.durable, 'not durable'],
  remote: [({ about }) => about.capabilities.remote, 'no members in other processes'],
  'ordering by key': [({ about }) => about.capabilities.ordering === 'key', 'does not order by key itself'],
  ordering: [({ about }) => about.capabilities.ordering !== 'none', 'keeps no order'],
  wildcards: [({ about }) => about.capabilities.wildcards, 'no patterns'],
  delay: [({ about }) => about.capabilities.delay, 'no delays'],
  cancel: [({ about }) => about.capabilities.cancel, 'cannot take back what is delayed'],
  'a store of dead letters': [
    ({ about }) => about.capabilities.deadLetters === 'store',
    'has no store of dead letters',
  ],
  'a sink of dead letters': [({ about }) => about.capabilities.deadLetters === 'sink', 'has no sink of dead letters'],
  'dead letters': [({ about }) => about.capabilities.deadLetters !== 'none', 'keeps no dead letters'],
  inbox: [({ about }) => about.capabilities.inbox, 'does not know what groups have handled'],
  temporaryGroups: [({ about }) => about.capabilities.temporaryGroups, 'no temporary groups'],
  unroutable: [({ about }) => about.capabilities.unroutable, 'cannot tell what reaches no group'],
  redeliveries: [({ about }) => about.capabilities.redeliveries, 'does not count how often it hands out'],
  waiting: [({ about }) => about.capabilities.waiting, 'cannot tell how many messages wait'],
  groups: [({ about }) => about.capabilities.groups, 'cannot list its groups'],
  atomic: [({ about }) => about.capabilities.atomic, 'does not settle in one step'],
  transactions: [({ about }) => about.capabilities.transactions, 'nobody joins its commits'],
  'a largest size': [({ about }) => about.capabilities.maxMessageSize < Infinity, 'takes messages of any size'],
  copies: [({ about }) => !about.capabilities.deduplication, 'keeps one of two messages with one id'],
  network: [({ network }) => network !== undefined, 'the kit cannot disturb a network'],
  broker: [({ broker }) => broker !== undefined, 'the kit cannot kill the broker'],
  'a child process': [(kit) => kit.spawnConsumer !== undefined, 'the kit has no consumer in a child process'],
  'a working child process': [
    (kit) => kit.spawnWorker !== undefined,
    'the kit has no member that works in a child process',
  ],
  'a publishing child process': [
    (kit) => kit.spawnPublisher !== undefined,
    'the kit has no publisher in a child process',
  ],
  'a table': [({ table }) => table !== undefined, 'the kit has no table of an application'],
  'a transacting child process': [
    (kit) => kit.spawnTransactor !== undefined,
    'the kit has no process that writes and publishes',
  ],
  'a conflict': [(kit) => kit.declareConflict !== undefined, 'the kit makes no conflicting declaration'],
  'a plain client': [({ plain }) => plain !== undefined, 'the kit has no plain client'],
  'an inbox': [
    ({ about, bus }) => about.capabilities.inbox || bus?.inbox !== undefined,
    'neither transport nor kit has an inbox',
  ],
  'an aggregation store': [(kit) => kit.aggregations !== undefined, 'the kit has no aggregation store'],
  'a claim-check store': [(kit) => kit.claimChecks !== undefined, 'the kit has no claim-check store'],
}
