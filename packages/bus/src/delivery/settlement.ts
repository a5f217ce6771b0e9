import { isTidingsError } from '@tidings/core'
import { backoff, isThenable } from '@tidings/core/tools'
import { letterHeaders, letterId } from '../dead-letter/letter.ts'
import { recorded } from '../dead-letter/recorded-error.ts'
import type { DeadLetter, DeadLetterReason } from '../dead-letter/store.ts'
import type { AnyHandler } from '../handler/handler.ts'
import { deliveryHeaders, replyGroupOf } from '../message/message.ts'
import type { Job } from './job.ts'
import type { Runtime } from './runtime.ts'

const unread: readonly DeadLetterReason[] = ['undecodable', 'invalid', 'unknown-type', 'unknown-version']

/** Whether no handler has seen the event. */
function isUnread(reason: DeadLetterReason): boolean {
  return unread.includes(reason)
}

/** However often it is tried, the broker will not take it. */
function isHopeless(error: unknown): boolean {
  return isTidingsError(error, 'MESSAGE_TOO_LARGE') || isTidingsError(error, 'UNKNOWN_GROUP')
}

/** Milliseconds until a step that has failed so often is tried again. */
const waitFor = backoff({ delay: 100, max: 5000 })

/** What comes before the end of a failed delivery. Where the broker does not answer, it goes on trying: nothing is lost. */
export class Settlement {
  readonly #runtime: Runtime
  readonly #group: string
  /** Ends the waits between tries. */
  readonly #waits = new Set<() => void>()
  #closed = false

  constructor(runtime: Runtime, group: string) {
    this.#runtime = runtime
    this.#group = group
  }

  /** From now on nothing is tried again: what is unsettled goes back when the connection ends. */
  close(): void {
    this.#closed = true
    for (const end of this.#waits) end()
  }

  /**
   * Sends a copy for the next attempt to the group: a crash before the delivery is acked duplicates, and never loses.
   * False where the broker will never take it: it has become too large, or the group is gone.
   */
  async retryLater(job: Job, delay: number): Promise<boolean> {
    const { message } = job.delivery
    const headers = {
      ...message.headers,
      [deliveryHeaders.attempt]: String(job.failures + 1),
      ...(job.firstFailedAt === undefined ? {} : { [deliveryHeaders.firstFailedAt]: job.firstFailedAt }),
    }
    const outgoing = {
      message: { ...message, headers },
      group: this.#group,
      notBefore: this.#runtime.clock.now() + delay,
    }
    try {
      await this.persist(job, () => this.#runtime.send(outgoing))
      return true
    } catch (error) {
      if (isHopeless(error)) return false
      throw error
    }
  }

  /** Parks or discards an event that is given up. */
  async giveUp(job: Job, handler: AnyHandler | undefined, reason: DeadLetterReason, error: unknown): Promise<void> {
    const { message } = job.delivery
    const keeps = handler?.policy.deadLetter !== 'discard'
    const store = this.#runtime.deadLetters
    if (keeps && store !== undefined) {
      const letter = this.#letter(job, handler, reason, error)
      await this.persist(job, () => store.add(letter))
      this.#runtime.telling.deadLettered(letter)
    } else {
      if (job.replayOf !== undefined) await this.letterDone(job, job.replayOf)
      this.#runtime.telling.discarded({ message, group: this.#group, attempt: job.attempt }, reason, error)
    }
    await this.#tellRequester(job, error)
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
    await this.persist(job, () => this.#runtime.claims.alone(id, unmark))
  }

  /** The replay of a letter was handled. */
  async letterDone(job: Job, id: string): Promise<void> {
    await this.persist(job, () => this.#runtime.deadLetters?.remove(id))
  }

  /** Does a step, again and more and more slowly where it fails, until it is done or the delivery is ours no more. */
  persist(job: Job, step: () => unknown): void | Promise<void> {
    try {
      const done = step()
      if (isThenable(done)) return this.#try(job, step, done)
    } catch (error) {
      return this.#try(job, step, Promise.reject(error))
    }
  }

  async #try(job: Job, step: () => unknown, first: PromiseLike<unknown>): Promise<void> {
    let trying: unknown = first
    for (let tries = 1; ; tries++) {
      try {
        await trying
        return
      } catch (error) {
        if (this.#closed || job.gone || isHopeless(error)) throw error
        const wait = waitFor(tries)
        this.#runtime.log.warn('a delivery could not be settled, trying again', { group: this.#group, error, wait })
        await this.#wait(wait)
        if (this.#closed || job.gone) throw error
      }
      trying = attempted(step)
    }
  }

  #wait(time: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancel()
        this.#waits.delete(end)
        resolve()
      }
      const cancel = this.#runtime.clock.after(time, end)
      this.#waits.add(end)
    })
  }

  /** A requester waits for an answer that will not come. It gets the reason, and nothing of the event. */
  async #tellRequester({ delivery: { message } }: Job, error: unknown): Promise<void> {
    const group = replyGroupOf(message)
    if (group === undefined) return
    const { id, type, source } = message.attributes
    const headers = {
      [deliveryHeaders.inReplyTo]: String(id),
      [deliveryHeaders.replyError]: recorded(error).message,
    }
    const attributes = { specversion: '1.0', id: String(id), type: String(type), source: String(source) }
    try {
      await this.#runtime.send({ message: { attributes, contentType: undefined, body: undefined, headers }, group })
    } catch (cause) {
      // The requester's time runs out by itself.
      this.#runtime.log.warn('a requester could not be told', { group, error: cause })
    }
  }

  #letter(job: Job, handler: AnyHandler | undefined, reason: DeadLetterReason, error: unknown): DeadLetter {
    const { message } = job.delivery
    const now = new Date(this.#runtime.clock.now()).toISOString()
    return {
      id: job.replayOf ?? letterId(this.#group, message),
      group: this.#group,
      message: { ...message, headers: letterHeaders(message.headers) },
      reason,
      error: recorded(error),
      parksKey: handler?.policy.deadLetter === 'park-key' && job.key !== undefined,
      // What cannot be read was tried again only for other members' sake.
      attempts: isUnread(reason) ? 0 : job.failures,
      firstFailedAt: job.firstFailedAt ?? now,
      lastFailedAt: now,
    }
  }
}

/** What a step comes to, also where it throws at once. */
async function attempted(step: () => unknown): Promise<unknown> {
  return step()
}
