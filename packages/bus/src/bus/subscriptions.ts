import { TidingsError } from '@tidings/core'
import type { AnyDefinedEvent } from '@tidings/events'
import type { DeadLetter } from '../stores/dead-letters.ts'
import { GroupConsumer } from '../delivery/group-consumer.ts'
import type { Runtime } from '../delivery/runtime.ts'
import type { AnyHandler } from '../handler/handler.ts'
import { groupName } from '../transport/group-name.ts'
import type { BusConnection } from './bus-connection.ts'
import type { BusSubscription } from './types.ts'

/** The groups of a bus with their handlers, from the first binding to the last delivery. */
export class Subscriptions {
  readonly #connection: BusConnection
  readonly #source: string
  readonly #runtime: Runtime
  readonly #groups = new Map<string, GroupConsumer>()
  /** Groups without a handler any more, some of whose handlers still run. */
  readonly #left = new Set<GroupConsumer>()
  /** Groups that an iterator pulls: what it gives back, no other handler may get. */
  readonly #pulled = new Set<string>()
  /** How to let go of the signals that subscriptions were given. */
  readonly #heeded = new Set<() => void>()

  constructor(source: string, connection: BusConnection, runtime: Runtime) {
    this.#connection = connection
    this.#source = source
    this.#runtime = runtime
  }

  get groups(): GroupConsumer[] {
    return [...this.#groups.values()]
  }

  /** Those too whose handlers still run, although nobody subscribes them any more. */
  get all(): GroupConsumer[] {
    return [...this.#groups.values(), ...this.#left]
  }

  add(bound: AnyHandler): GroupConsumer {
    const name = groupName(this.#source, bound.group)
    if (this.#pulled.has(name)) throw notShared(name, bound.name)
    const group = this.#groups.get(name) ?? new GroupConsumer(name, this.#runtime)
    group.handlers.add(bound)
    this.#groups.set(name, group)
    for (const definition of bound.definitions) this.#runtime.events.add(definition)
    return group
  }

  /** Binds a handler while the bus runs. */
  bind(bound: AnyHandler, signal: AbortSignal | undefined, isPulled = false): BusSubscription {
    const name = groupName(this.#source, bound.group)
    // A group that is made would gather events for nobody.
    if (signal?.aborted) return ended(name, bound.name)
    if (isPulled && this.#groups.has(name)) throw notShared(name, bound.name)
    const group = this.add(bound)
    if (isPulled) this.#pulled.add(name)
    let active = true
    const unsubscribe = (): void => {
      if (!active) return
      active = false
      ignore()
      this.#remove(bound, group)
    }
    const ignore = this.#heed(signal, unsubscribe)
    const ready = group.join(this.#connection.open)
    // Whoever does not ask is told by the log.
    ready.catch((error: unknown) => {
      this.#warn(`group "${name}" could not be joined`, error)
      unsubscribe()
    })
    return {
      group: name,
      name: bound.name,
      get active() {
        return active
      },
      ready,
      unsubscribe,
      [Symbol.dispose]: unsubscribe,
    }
  }

  /** Joins all groups; resolves when the broker has them. */
  async join(signal: AbortSignal): Promise<void> {
    await Promise.all(this.groups.map((group) => group.join(this.#connection.open, signal)))
  }

  /** Resolves when no join is under way; rejects when one that was is refused. */
  async joined(): Promise<void> {
    await Promise.all(this.groups.map((group) => group.membership.joined()))
  }

  /** Takes no more deliveries; resolves when nothing runs any more. */
  async drain(): Promise<void> {
    await Promise.all(this.all.map((group) => this.#drained(group)))
  }

  /** Gives back whatever is still held, and lets go of all signals. */
  abandon(): void {
    for (const ignore of this.#heeded) ignore()
    for (const group of this.all) group.abandon()
  }

  /** By what the group that gave a letter up reads its event, else by what this bus knows of the type. */
  definitionOf({ group, message }: DeadLetter): AnyDefinedEvent | undefined {
    const type = String(message.attributes['type'])
    const definitions = this.#groups.get(group)?.handlers.find(type)?.definitions
    return definitions?.find((definition) => definition.type === type) ?? this.#runtime.events.get(type)
  }

  /** Calls back when the signal aborts, until it is ignored or the bus is closed. */
  #heed(signal: AbortSignal | undefined, aborted: () => void): () => void {
    const ignore = (): void => {
      signal?.removeEventListener('abort', aborted)
      this.#heeded.delete(ignore)
    }
    signal?.addEventListener('abort', aborted)
    if (signal) this.#heeded.add(ignore)
    return ignore
  }

  #remove(bound: AnyHandler, group: GroupConsumer): void {
    const others = group.handlers.all.size > 1
    if (others) group.handlers.remove(bound)
    else this.#groups.delete(group.group)
    this.#pulled.delete(group.group)
    const gone = others ? group.join(this.#connection.open) : this.#leave(group)
    gone.catch((error: unknown) => this.#warn(`group "${group.group}" could not be left`, error))
  }

  async #leave(group: GroupConsumer): Promise<void> {
    this.#left.add(group)
    await this.#drained(group)
    this.#left.delete(group)
  }

  /** Rejects for nothing: a group that cannot be left goes with the connection, and is no reason to leave its handlers. */
  async #drained(group: GroupConsumer): Promise<void> {
    try {
      await group.leave()
    } catch (error) {
      this.#warn(`group "${group.group}" could not be left`, error)
    }
    await group.held.empty()
  }

  #warn(message: string, error: unknown): void {
    this.#runtime.log.warn(message, { error })
  }
}

/** A subscription that has ended before it began. */
function ended(group: string, name: string): BusSubscription {
  const unsubscribe = (): void => {}
  return { group, name, active: false, ready: Promise.resolve(), unsubscribe, [Symbol.dispose]: unsubscribe }
}

function notShared(group: string, name: string): TidingsError {
  return new TidingsError(
    'INVALID_ARGUMENT',
    `group "${group}" cannot be pulled by events() and have another handler, ${name}\nGive each its own \`group\`: what an iterator gives back would go to the other.`,
  )
}
