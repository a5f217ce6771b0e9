import { TidingsError } from '@tidings/core'
import { knownOptions, whole } from '@tidings/core/tools'
import type { EventJson } from '@tidings/events'
import type { Aggregation, AggregationEntry, AggregationStore, Added } from './aggregations.ts'

export interface MemoryAggregationsOptions {
  /** Events kept at most, in all aggregations that are not closed. Beyond it `add` throws, so that events wait. Default 100,000. */
  readonly max?: number | undefined
  /** Events of closed aggregations that are known again at most; those closed first are forgotten. Default 100,000. */
  readonly remembered?: number | undefined
}

/** There is no room for more events that are gathered. The event is tried again. */
export class AggregationsFullError extends TidingsError<'AGGREGATIONS_FULL'> {
  override readonly name = 'AggregationsFullError'

  constructor(max: number) {
    super(
      'AGGREGATIONS_FULL',
      `${max} events are gathered in aggregations that are not complete\nGive the aggregator a timeout, or memoryAggregations a higher \`max\`.`,
      { details: { max } },
    )
  }
}

/**
 * Keeps what an `aggregator` gathers in memory. **What is gathered is lost when the process ends**, although the
 * broker was told that those events are handled: it is for tests, for one process, and for what may be lost. It serves
 * one process; members of a group in several need a store that they share.
 *
 * @example
 * aggregator(LinePriced, { store: memoryAggregations() }, total)
 */
export function memoryAggregations(options: MemoryAggregationsOptions = {}): AggregationStore & {
  /** Events kept, in all aggregations that are not closed. */
  readonly size: number
} {
  knownOptions(options, ['max', 'remembered'], 'memoryAggregations')
  const max = whole(options.max ?? 100_000, 1, 'max')
  const remembered = whole(options.remembered ?? 100_000, 0, 'remembered')
  return new MemoryAggregations(max, remembered)
}

interface Kept {
  readonly id: string
  readonly key: string
  state: Aggregation['state']
  reason: Aggregation['reason']
  /** By identity; of a closed one without the events. */
  readonly events: Map<string, EventJson | undefined>
}

class MemoryAggregations implements AggregationStore {
  size = 0
  readonly #max: number
  readonly #remembered: number
  readonly #byId = new Map<string, Kept>()
  /** Those of each key, the latest one last. */
  readonly #byKey = new Map<string, Kept[]>()
  /** In the order of closing. */
  readonly #closed = new Set<Kept>()
  #closedEvents = 0

  constructor(max: number, remembered: number) {
    this.#max = max
    this.#remembered = remembered
  }

  add({ key, aggregation, identity, event, reopen, max }: AggregationEntry): Added {
    const ofKey = this.#byKey.get(key) ?? []
    const knows = ofKey.find(({ events }) => events.has(identity))
    if (knows) return added('known', knows, identity)
    const latest = ofKey.at(-1)
    if (latest !== undefined && latest.state !== 'open' && !reopen) return added('late', latest, identity)
    if (latest?.state === 'open' && latest.events.size >= max) return added('full', latest, identity)
    if (this.size >= this.#max) throw new AggregationsFullError(this.#max)
    const into = latest?.state === 'open' ? latest : this.#open(aggregation, key, ofKey)
    into.events.set(identity, event)
    this.size++
    return added('added', into, identity)
  }

  read(aggregation: string): Aggregation | undefined {
    const kept = this.#byId.get(aggregation)
    if (kept === undefined) return undefined
    const { state, reason, events } = kept
    return { state, reason, events: [...events.values()].filter((event) => event !== undefined) }
  }

  seal(aggregation: string, reason: 'complete' | 'timeout'): void {
    const kept = this.#byId.get(aggregation)
    if (kept?.state !== 'open') return
    kept.state = 'sealed'
    kept.reason = reason
  }

  close(aggregation: string): void {
    const kept = this.#byId.get(aggregation)
    if (kept === undefined || kept.state === 'closed') return
    kept.state = 'closed'
    for (const identity of kept.events.keys()) kept.events.set(identity, undefined)
    this.size -= kept.events.size
    this.#closedEvents += kept.events.size
    this.#closed.add(kept)
    for (const oldest of this.#closed) {
      if (this.#closedEvents <= this.#remembered) break
      this.#forget(oldest)
    }
  }

  #open(id: string, key: string, ofKey: Kept[]): Kept {
    const kept: Kept = { id, key, state: 'open', reason: undefined, events: new Map() }
    this.#byId.set(id, kept)
    ofKey.push(kept)
    this.#byKey.set(key, ofKey)
    return kept
  }

  #forget(kept: Kept): void {
    this.#closed.delete(kept)
    this.#closedEvents -= kept.events.size
    this.#byId.delete(kept.id)
    const others = this.#byKey.get(kept.key)!.filter((other) => other !== kept)
    if (others.length === 0) this.#byKey.delete(kept.key)
    else this.#byKey.set(kept.key, others)
  }
}

function added(outcome: Added['outcome'], { id, state, events }: Kept, identity: string): Added {
  const [first] = events.keys()
  return { outcome, aggregation: id, state, size: events.size, opener: first === identity }
}
