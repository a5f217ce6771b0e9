import { isTidingsError, type TidingsError } from '@tidings/core'
import { backoff, isThenable } from '@tidings/core/tools'
import { deliveryHeaders } from '../message/message.ts'
import { inSafeOrder, type SettlementSteps } from '../transport/safe-order.ts'
import { type Settled, type Settlement, SettlementRefusedError } from '../transport/settlement.ts'
import type { Outgoing } from '../transport/transport.ts'
import type { Job } from './job.ts'
import type { Runtime } from './runtime.ts'

/** Milliseconds until a step that has failed so often is tried again. */
const waitFor = backoff({ delay: 100, max: 5000 })

/**
 * Has settlements carried out: by the transport in one call, or step by step where a part of it belongs to a store that the
 * application gave. Where the broker does not answer, it goes on trying: nothing is lost.
 */
export class Settler {
  readonly #runtime: Runtime
  readonly #group: string
  /** Those between two tries, by what ends the wait. */
  readonly #waits = new Map<() => void, Job>()
  #closed = false

  constructor(runtime: Runtime, group: string) {
    this.#runtime = runtime
    this.#group = group
  }

  /** From now on nothing is tried again: what is unsettled goes back when the connection ends. */
  close(): void {
    this.#closed = true
    for (const end of this.#waits.keys()) end()
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Whether its settlement has failed, and is to be tried again. */
  waits(job: Job): boolean {
    return [...this.#waits.values()].includes(job)
  }

  /**
   * Throws, or rejects, with `SettlementRefusedError` where nothing was done and the same would be refused again; with
   * another error where the delivery is ours no more.
   */
  settle(job: Job, settlement: Settlement): Settled | Promise<Settled> {
    const steps = this.#ownSteps(job, settlement)
    if (steps === undefined) return this.#deliver(job, settlement)
    return inSafeOrder(settlement, steps).then((rest) => this.#deliver(job, rest))
  }

  /** The replay of a letter came before its turn: the letter stays, as if it had not been replayed. */
  async letterStays(job: Job, id: string): Promise<void> {
    const store = this.#runtime.deadLetters
    const unmark = async (): Promise<void> => {
      const letter = await store?.get(id)
      // Another mark is that of a copy which was sent later.
      const mark = job.delivery.message.headers[deliveryHeaders.replayedAt]
      if (letter?.replayedAt !== undefined && (mark === undefined || letter.replayedAt === mark)) {
        await store?.add({ ...letter, replayedAt: undefined })
      }
    }
    await this.#persist(job, () => this.#runtime.locks.alone(id, unmark))
  }

  /** What the transport cannot do in its commit, since the application's own stores are no part of it. */
  #ownSteps(job: Job, settlement: Settlement): SettlementSteps | undefined {
    const { inbox, deadLetters, ownDeadLetters } = this.#runtime
    const marks = inbox !== undefined && settlement.as === 'handled' && settlement.mark !== undefined
    const parks = ownDeadLetters && settlement.as === 'dead-lettered'
    const removes = ownDeadLetters && 'replayed' in settlement && settlement.replayed !== undefined
    if (!marks && !parks && !removes) return undefined
    return {
      publish: (effect) => this.#publish(job, effect),
      ...(marks ? { mark: (event) => this.#persist(job, () => inbox.add(event, this.#group)) } : {}),
      ...(parks ? { park: (letter) => refusable(() => deadLetters!.add(letter)) } : {}),
      ...(removes ? { removeLetter: (id) => this.#persist(job, () => deadLetters!.remove(id)) } : {}),
    }
  }

  async #publish(job: Job, effect: Outgoing): Promise<void> {
    try {
      await this.#persist(job, () => this.#runtime.send({ ...effect, beyond: true }))
    } catch (error) {
      // A requester that is gone concerns nobody any more, least of all the handler that answers it.
      if (effect.group !== undefined && isTidingsError(error, 'UNKNOWN_GROUP')) {
        this.#runtime.telling.unroutable(effect.message)
      } else throw isRefusal(error) ? new SettlementRefusedError(error) : error
    }
  }

  /** In one call of the transport. What may wait stands apart: a function with a closure in it makes room for it each time. */
  #deliver(job: Job, settlement: Settlement): Settled | Promise<Settled> {
    try {
      const settled = job.delivery.settle(settlement)
      return isThenable(settled) ? this.#deliverLater(job, settlement, settled) : settled
    } catch (error) {
      return this.#deliverAgain(job, settlement, error)
    }
  }

  #deliverLater(job: Job, settlement: Settlement, settled: Promise<Settled>): Promise<Settled> {
    return Promise.resolve(settled).catch((error: unknown) => this.#deliverAgain(job, settlement, error))
  }

  #deliverAgain(job: Job, settlement: Settlement, error: unknown): Promise<Settled> {
    return this.#tryAgain(job, () => job.delivery.settle(settlement), error)
  }

  /** Does a step, again and more and more slowly where it fails, until it is done or the delivery is ours no more. */
  #persist<Result>(job: Job, step: () => Result | Promise<Result>): Result | Promise<Result> {
    try {
      const done = step()
      return isThenable(done) ? Promise.resolve(done).catch((error: unknown) => this.#tryAgain(job, step, error)) : done
    } catch (error) {
      return this.#tryAgain(job, step, error)
    }
  }

  async #tryAgain<Result>(job: Job, step: () => Result | Promise<Result>, first: unknown): Promise<Result> {
    let error = first
    for (let tries = 1; ; tries++) {
      if (this.#closed || !job.isOurs || isRefusal(error)) throw error
      const wait = waitFor(tries)
      const { id, type } = job.delivery.message.attributes
      const facts = { type, group: this.#group, id, attempt: job.attempt, error, retryIn: wait }
      this.#runtime.log.warn('a delivery could not be settled, trying again', facts)
      await this.#wait(job, wait)
      if (this.#closed || !job.isOurs) throw error
      try {
        return await step()
      } catch (again) {
        error = again
      }
    }
  }

  #wait(job: Job, time: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancel()
        this.#waits.delete(end)
        resolve()
      }
      const cancel = this.#runtime.clock.after(time, end)
      this.#waits.set(end, job)
    })
  }
}

/** However often it is tried, it will not be taken. Known by its code, since a transport may have another copy of this package. */
export function isRefusal(error: unknown): error is TidingsError {
  return (
    isTidingsError(error, 'SETTLEMENT_REFUSED') ||
    isTidingsError(error, 'MESSAGE_TOO_LARGE') ||
    isTidingsError(error, 'UNKNOWN_GROUP')
  )
}

/** Why it will not be taken. */
export function causeOf(refusal: TidingsError): unknown {
  return refusal.code === 'SETTLEMENT_REFUSED' ? refusal.cause : refusal
}

/** A store that cannot keep a letter must not hold up the event: it frees its place, and is tried again later. */
async function refusable(park: () => unknown): Promise<void> {
  try {
    await park()
  } catch (error) {
    throw new SettlementRefusedError(error)
  }
}
