import {
  type Backlog,
  type Delivery,
  HeldDeliveries,
  type Lease,
  type Membership,
  type Settled,
  type Settlement,
  type Taken,
} from '@tidings/bus/transport'

/** A delivery as it came over, with its number; they grow. */
export interface NumberedTaken extends Taken {
  readonly n: number
}

/** A member of a group whose file is with a worker. */
export class RemoteMember implements Membership {
  readonly #call: (method: string) => Promise<unknown>
  /** The worker counts the prefetch; what comes behind a pause waits here. */
  readonly #held: HeldDeliveries
  readonly #marked = new Marked()
  #stopped = false

  /** `call` does something with it at the worker; `onLeft` is called when it has stopped and holds nothing any more. */
  constructor(call: (method: string) => Promise<unknown>, deliver: (delivery: Delivery) => void, onLeft: () => void) {
    this.#call = call
    this.#held = new HeldDeliveries({ prefetch: Infinity, deliver, onLeft })
  }

  take(taken: NumberedTaken, lease: Lease): void {
    const { n, message, redeliveries, handledBefore } = taken
    const marked = this.#marked
    marked.isHandedOut(n)
    const { id, source } = message.attributes
    const event = `${String(source)} ${String(id)}`
    this.#held.take(
      {
        message,
        redeliveries,
        get handledBefore() {
          return handledBefore === false && marked.has(event) ? true : handledBefore
        },
        async settle(settlement: Settlement): Promise<Settled> {
          const settled = await taken.settle(settlement)
          marked.isSettled(n, settlement.as === 'handled' && settlement.mark !== undefined ? event : undefined)
          return settled
        },
      },
      lease,
    )
  }

  pause(): void {
    this.#held.pause()
    this.#tell('pause')
  }

  resume(): void {
    if (this.#stopped) return
    this.#held.resume()
    this.#tell('resume')
  }

  backlog(): Promise<Backlog | undefined> {
    return this.#call('backlog') as Promise<Backlog | undefined>
  }

  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.#held.pause()
    try {
      // There first: what is given back by a member that has stopped keeps its place.
      await this.#call('stop')
    } catch {
      // The worker is gone, and what it had handed out with it.
    }
    await this.#held.stop()
  }

  #tell(method: string): void {
    this.#call(method).catch(() => {
      // As above: whoever has the connection is told.
    })
  }
}

/**
 * What this member has marked since it was handed what it holds: of a duplicate that was under way by then the worker did
 * not know it.
 */
class Marked {
  /** Each with the latest number that was handed out by then. */
  readonly #events = new Map<string, number>()
  readonly #unsettled = new Set<number>()
  #latest = 0

  has(event: string): boolean {
    return this.#events.has(event)
  }

  isHandedOut(n: number): void {
    this.#unsettled.add(n)
    this.#latest = n
  }

  isSettled(n: number, event: string | undefined): void {
    this.#unsettled.delete(n)
    if (event !== undefined) this.#events.set(event, this.#latest)
    const [oldest = Infinity] = this.#unsettled
    for (const [known, latest] of this.#events) {
      if (latest >= oldest) break
      this.#events.delete(known)
    }
  }
}
