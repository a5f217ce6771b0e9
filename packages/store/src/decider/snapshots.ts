import { knownOptions, whole } from '@tidings/core/tools'
import type { EventStore } from '../store/event-store.ts'

/** The state of a stream behind one of its events. */
export interface Snapshot {
  readonly stream: string
  /** Whose state it is: `snapshot.name` of the decider. */
  readonly name: string
  /** Of the last event that is in it. */
  readonly version: number
  /** Of the form of the state; see `snapshot.schema` of the decider. */
  readonly schema: string
  /** The state as JSON text. */
  readonly state: string
}

/**
 * Where snapshots are kept: one for each stream and name, the one put last. It is a cache: what it loses is computed
 * again, and what it gives is only taken where its schema is right. Both methods may be asynchronous.
 */
export interface SnapshotStore {
  /** `undefined` where there is none. Throws where it cannot tell: then the whole stream is read. */
  get(stream: string, name: string): Snapshot | undefined | Promise<Snapshot | undefined>
  /** Replaces the one that is there. Throws where it cannot write: then there is none, or the one of before. */
  put(snapshot: Snapshot): unknown
}

export interface MemorySnapshotsOptions {
  /** Snapshots that are kept; beyond it those go that were put first. Default 10,000. */
  readonly max?: number | undefined
}

/**
 * Snapshots in this process, lost with it.
 *
 * @throws TidingsError `INVALID_ARGUMENT`
 */
export function memorySnapshots(options: MemorySnapshotsOptions = {}): SnapshotStore {
  knownOptions(options, ['max'], 'memorySnapshots')
  const max = whole(options.max ?? 10_000, 1, 'max')
  const kept = new Map<string, Snapshot>()
  return {
    get: (stream, name) => kept.get(keyOf(stream, name)),
    put(snapshot) {
      const key = keyOf(snapshot.stream, snapshot.name)
      kept.delete(key)
      kept.set(key, snapshot)
      for (const oldest of kept.keys()) {
        if (kept.size <= max) break
        kept.delete(oldest)
      }
    },
  }
}

/** Snapshots beside the log of a store, kept as long as it. */
export function snapshotsIn({ recorder }: Pick<EventStore, 'recorder'>): SnapshotStore {
  return {
    async get(stream, name) {
      const record = await recorder.readRecord(`snapshot/${keyOf(stream, name)}`)
      return record && (JSON.parse(record.value) as Snapshot)
    },
    async put(snapshot) {
      const key = `snapshot/${keyOf(snapshot.stream, snapshot.name)}`
      await recorder.commit({ records: [{ key, value: JSON.stringify(snapshot) }] })
    },
  }
}

function keyOf(stream: string, name: string): string {
  return JSON.stringify([name, stream])
}
