import { systemClock } from '@tidings/bus'
import type { AggregationEntry } from '@tidings/bus/integration'
import type {
  Connection,
  Delivery,
  GroupRequest,
  Membership,
  Message,
  Outgoing,
  Settled,
  Settlement,
} from '@tidings/bus/transport'
import type { SqliteTransport } from '../sqlite.ts'
import type { Served, Target } from './protocol.ts'

/** Where what is served is found, and what the application is told by. */
export interface Host {
  serve(target: Target, served: Served): void
  forget(target: Target): void
  tell(at: Target, event: string, ...args: unknown[]): void
}

/** The numbers of what belongs to a connection. */
export interface ConnectionTargets {
  readonly connection: Target
  readonly letters: Target
  readonly groups: Target
}

/** What came of a settlement, and which of its effects have reached no group. */
export type SettledThere = readonly [settled: Settled, ...unroutable: number[]]

/** A file for the application's thread. */
export function servedFile(file: SqliteTransport, host: Host): Served {
  const aggregations = file.aggregations()
  return {
    async connect(name: string, targets: ConnectionTargets): Promise<void> {
      const unroutable = new Set<Message>()
      const connection = await file.connect({
        name,
        clock: systemClock,
        onState() {},
        onUnroutable: (message) => void unroutable.add(message),
      })
      host.serve(targets.connection, servedConnection(connection, targets, unroutable, host))
      host.serve(targets.letters, connection.deadLetters as never)
      host.serve(targets.groups, connection.groups as never)
    },
    async recorder(target: Target): Promise<void> {
      const { recorder } = await file.store({ events: [] })
      const unwatch = recorder.watch(() => host.tell(target, 'wake'))
      host.serve(target, {
        commit: recorder.commit.bind(recorder),
        readStream: recorder.readStream.bind(recorder),
        readLog: recorder.readLog.bind(recorder),
        readRecord: recorder.readRecord.bind(recorder),
        listRecords: recorder.listRecords.bind(recorder),
        async close() {
          unwatch()
          await recorder.close()
          host.forget(target)
        },
      })
    },
    async stores(inbox: Target, letters: Target): Promise<void> {
      const stores = await file.stores()
      host.serve(letters, stores.deadLetters as never)
      host.serve(inbox, {
        has: stores.inbox.has.bind(stores.inbox),
        add: stores.inbox.add.bind(stores.inbox),
        async close() {
          await stores.close()
          host.forget(inbox)
          host.forget(letters)
        },
      })
    },
    add: (entry: AggregationEntry) => aggregations.add(entry),
    read: (aggregation: string) => aggregations.read(aggregation),
    seal: (aggregation: string, reason: 'complete' | 'timeout') => aggregations.seal(aggregation, reason),
    close: (aggregation: string) => aggregations.close(aggregation),
    put: (ttl: number, key: string, bytes: Uint8Array) => file.claimChecks({ ttl }).put(key, bytes),
    get: (key: string) => file.claimChecks().get(key),
  }
}

/** In `unroutable` a message is found once it is known that it has reached no group. */
function servedConnection(
  connection: Connection,
  targets: ConnectionTargets,
  unroutable: Set<Message>,
  host: Host,
): Served {
  const members = new Map<number, Membership>()
  const unsettled = new Map<number, Delivery>()
  let numbers = 0
  const deliver = (member: number, marks: boolean, delivery: Delivery): void => {
    const n = ++numbers
    unsettled.set(n, delivery)
    const { message, redeliveries } = delivery
    // Not looked at where nobody has asked: it may cost something.
    const handledBefore = marks ? delivery.handledBefore : undefined
    host.tell(targets.connection, 'deliver', member, n, message, redeliveries, handledBefore)
  }
  return {
    /** Whether it has reached no group: the other side has the message. */
    async publish(outgoing: Outgoing): Promise<boolean> {
      await connection.publish(outgoing)
      return unroutable.delete(outgoing.message)
    },
    cancel: (id: string) => connection.cancel!(id),
    async subscribe(member: number, request: GroupRequest): Promise<void> {
      const joined = await connection.subscribe(request, (delivery) => deliver(member, request.marks, delivery))
      members.set(member, joined)
    },
    async settle(n: number, settlement: Settlement): Promise<SettledThere> {
      const settled = await (unsettled.get(n)?.settle(settlement) ?? 'lost')
      // What has failed is held still.
      unsettled.delete(n)
      if (unroutable.size === 0 || !('effects' in settlement)) return [settled]
      return [settled, ...settlement.effects.flatMap(({ message }, at) => (unroutable.delete(message) ? [at] : []))]
    },
    pause: (member: number) => members.get(member)?.pause(),
    resume: (member: number) => members.get(member)?.resume(),
    backlog: (member: number) => members.get(member)?.backlog(),
    async stop(member: number): Promise<void> {
      await members.get(member)?.stop()
      members.delete(member)
    },
    // What was sent before the answer came is answered still.
    close: () => connection.close(),
    forget() {
      for (const target of [targets.connection, targets.letters, targets.groups]) host.forget(target)
    },
  }
}
