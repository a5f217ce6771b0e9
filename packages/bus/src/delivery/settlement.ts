import { isTidingsError } from '@tidings/core'
import { uuidv7 } from '@tidings/events'
import type { DeadLetter, DeadLetterReason, RecordedError } from '../dead-letter/store.ts'
import type { AnyHandler } from '../handler/handler.ts'
import { deliveryHeaders, type Message } from '../message/message.ts'
import { UnreadableError } from '../message/read.ts'
import type { Job } from './job.ts'
import type { Runtime } from './runtime.ts'

const longestMessage = 2048

/** What comes before the end of a failed delivery. Where the broker does not answer, it goes on trying: nothing is lost. */
export class Settlement {
  readonly #runtime: Runtime
  readonly #group: string
  #closed = false

  constructor(runtime: Runtime, group: string) {
    this.#runtime = runtime
    this.#group = group
  }

  /** From now on nothing is tried again: what is unsettled goes back when the connection ends. */
  close(): void {
    this.#closed = true
  }

  /** Sends a copy for the next attempt to the group, then acks: a crash in between duplicates, and never loses. */
  async retryLater(job: Job, delay: number): Promise<void> {
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
    await this.#try(job, () => this.#runtime.send(outgoing))
    job.delivery.ack()
  }

  /** The replay of a letter was handled. One of a parked key is still there; of another there is none any more. */
  async letterDone(job: Job, id: string): Promise<void> {
    await this.#try(job, () => this.#runtime.deadLetters?.remove(id))
  }

  /** Parks or discards an event that is given up, then acks. */
  async giveUp(job: Job, handler: AnyHandler | undefined, reason: DeadLetterReason, error: unknown): Promise<void> {
    const { message } = job.delivery
    const keeps = handler?.policy.deadLetter !== 'discard'
    const store = this.#runtime.deadLetters
    if (keeps && store !== undefined) {
      const letter = this.#letter(job, handler, reason, error)
      await this.#try(job, () => store.add(letter))
      this.#runtime.telling.deadLettered(letter)
    } else {
      this.#runtime.telling.discarded({ message, group: this.#group, attempt: job.attempt }, reason, error)
    }
    await this.#tellRequester(job, error)
    job.delivery.ack()
  }

  /** A requester waits for an answer that will not come. */
  async #tellRequester({ delivery: { message } }: Job, error: unknown): Promise<void> {
    const group = message.headers[deliveryHeaders.replyTo]
    if (group === undefined) return
    const headers = {
      [deliveryHeaders.inReplyTo]: String(message.attributes['id']),
      [deliveryHeaders.replyError]: recorded(error).message,
    }
    try {
      await this.#runtime.send({ message: { ...message, headers }, group })
    } catch (cause) {
      // The requester's time runs out by itself.
      this.#runtime.log.warn('a requester could not be told', { group, error: cause })
    }
  }

  #letter(job: Job, handler: AnyHandler | undefined, reason: DeadLetterReason, error: unknown): DeadLetter {
    const { message } = job.delivery
    const now = new Date(this.#runtime.clock.now()).toISOString()
    return {
      id: message.headers[deliveryHeaders.replayOf] ?? letterId(this.#group, message),
      group: this.#group,
      message: { ...message, headers: withoutOurs(message.headers) },
      reason,
      error: recorded(error),
      parksKey: handler?.policy.deadLetter === 'park-key' && job.key !== undefined,
      // What cannot be read was tried again only for other members' sake.
      attempts: error instanceof UnreadableError ? 0 : job.failures,
      firstFailedAt: job.firstFailedAt ?? now,
      lastFailedAt: now,
    }
  }

  async #try(job: Job, step: () => unknown): Promise<void> {
    try {
      await step()
    } catch (error) {
      await this.#again(job, step, error)
    }
  }

  /** Tries a step again, more and more slowly, until it is done or the delivery is ours no more. */
  async #again(job: Job, step: () => unknown, first: unknown): Promise<void> {
    let error = first
    for (let wait = 100; !this.#closed && !job.gone; wait = Math.min(2 * wait, 5000)) {
      this.#runtime.log.warn('a delivery could not be settled, trying again', { group: this.#group, error, wait })
      await new Promise<void>((resolve) => this.#runtime.clock.after(wait, resolve))
      try {
        await step()
        return
      } catch (next) {
        error = next
      }
    }
    throw error
  }
}

/** The same for the same event in the same group, so that a duplicate makes no second letter. */
function letterId(group: string, { attributes }: Message): string {
  const { source, id } = attributes
  if (id !== undefined) return `${group}|${String(source)}|${String(id)}`
  return `${group}|undecodable|${uuidv7()}`
}

/** A replay starts anew: what earlier attempts noted is in the letter itself. */
function withoutOurs(headers: Message['headers']): Message['headers'] {
  const { attempt, firstFailedAt, replayOf } = deliveryHeaders
  const { [attempt]: _attempt, [firstFailedAt]: _first, [replayOf]: _replay, ...others } = headers
  return others
}

function recorded(error: unknown): RecordedError {
  const cause = error instanceof UnreadableError ? error.cause : error
  const { name, message } = cause instanceof Error ? cause : { name: typeof cause, message: String(cause) }
  return {
    name,
    ...(isTidingsError(cause) ? { code: cause.code } : {}),
    message: message.length > longestMessage ? `${message.slice(0, longestMessage - 1)}…` : message,
  }
}
