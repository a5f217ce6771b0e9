import { type AsyncStorage, asyncStorage } from './async-context.ts'
import type { EventStormError } from './dispatch-errors.ts'
import { stormOf, trailLength } from './guard.ts'

/** An event and what caused it, as far as this dispatcher knows. */
export interface Chain {
  readonly key: string
  readonly depth: number
  readonly cause: Chain | undefined
  /** Its type is among its causes. */
  readonly again: boolean
  readonly root: Root
}

/** What an event is caused by. A type stands for one that nothing caused: its chain is made when it causes another. */
export type Cause = Chain | string | undefined

/** What all that one event caused shares. */
interface Root {
  /** Refuses every further publish, until all that is under way has settled. */
  storm: EventStormError | undefined
  /** Events under way. */
  open: number
  /** Those among them whose type is among their causes. */
  again: number
}

/**
 * How many events may be under way that one event has led to by way of its own type. A cycle that branches doubles with
 * each step: where the steps keep pace, it would fill the memory long before it is `maxDepth` deep.
 */
const maxAgain = 10_000

/** Knows which event caused which: across awaits where it may ask the runtime, else along the stack. */
export class CausalChains {
  readonly #maxDepth: number
  readonly #storage: AsyncStorage<Chain> | undefined
  /** The chain of the handler that runs right now, where no storage follows it. */
  current: Cause = undefined

  constructor(maxDepth: number, acrossAwaits: boolean) {
    this.#maxDepth = maxDepth
    this.#storage = acrossAwaits ? asyncStorage<Chain>() : undefined
  }

  get acrossAwaits(): boolean {
    return this.#storage !== undefined
  }

  /** The place of a publish in its chain. Throws where the chain is too long, or branches too much. */
  begin(key: string): Chain | undefined {
    if (this.#maxDepth === Infinity) return undefined
    let cause = this.#storage ? this.#storage.getStore() : this.current
    if (typeof cause === 'string') {
      const root = { storm: undefined, open: 1, again: 0 }
      cause = this.current = { key: cause, depth: 0, cause: undefined, root, again: false }
    }
    const depth = cause ? cause.depth + 1 : 0
    const root = cause?.root ?? { storm: undefined, open: 0, again: 0 }
    if (root.open === 0) root.storm = undefined
    const again = isAmong(key, cause)
    if (depth >= this.#maxDepth || root.storm || (again && root.again >= maxAgain)) {
      const trail: string[] = []
      for (let link = cause; link && trail.length < trailLength; link = link.cause) trail.unshift(link.key)
      throw (root.storm ??= stormOf(key, depth, trail))
    }
    return { key, depth, cause, root, again }
  }

  /** Runs what is caused by the event of a chain. */
  within<Result>(chain: Chain | undefined, callback: () => Result): Result {
    return this.#storage && chain ? this.#storage.run(chain, callback) : callback()
  }
}

/** Counts an event of a chain as under way (1) or settled (-1). */
export function count(chain: Cause, one: 1 | -1): void {
  if (typeof chain !== 'object') return
  chain.root.open += one
  if (chain.again) chain.root.again += one
}

function isAmong(key: string, cause: Chain | undefined): boolean {
  for (let link = cause; link; link = link.cause) if (link.key === key) return true
  return false
}
