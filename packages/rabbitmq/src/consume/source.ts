import type { Channel } from 'amqplib'
import { isTidingsError } from '@tidings/core'
import type { Link } from '../link.ts'
import { Intake } from './intake.ts'
import type { Member, Source } from './member.ts'

/** What a {@link QueueSource} takes from. */
export interface QueueSourceOptions {
  /** Makes what the group needs, or sees that it is there, and says which queue it takes from on this link. */
  prepare(channel: Channel, link: Link): Promise<string>
  /** Messages in a queue that nobody was handed. */
  count(queue: string): Promise<number | undefined>
}

/** The one queue of a group. */
export class QueueSource implements Source {
  readonly #options: QueueSourceOptions
  #intake: Intake | undefined
  #queue: string | undefined
  /** One step after the other: a pause that overtakes a join would leave a consumer behind. */
  #last: Promise<void> = Promise.resolve()

  constructor(options: QueueSourceOptions) {
    this.#options = options
  }

  get intakes(): Iterable<Intake> {
    return this.#intake === undefined ? [] : [this.#intake]
  }

  async open(link: Link, member: Member): Promise<void> {
    let queue = ''
    const intake = await Intake.open(link, {
      prefetch: member.request.prefetch,
      onMessage: member.take,
      onBroken: (error) => void this.#again(link, member, error),
      prepare: async (channel) => (queue = await this.#options.prepare(channel, link)),
    })
    this.#queue = queue
    this.#intake = intake
    await this.#next(async () => {
      if (member.isStopped) await intake.close()
      else if (!member.isPaused || member.request.ordered) await intake.consume()
    })
  }

  async pause(): Promise<void> {
    await this.#quietly(() => this.#intake?.cancel())
  }

  async resume(): Promise<void> {
    await this.#quietly(() => this.#intake?.consume())
  }

  async close(): Promise<void> {
    await this.#quietly(() => this.#intake?.close())
  }

  async waiting(): Promise<number | undefined> {
    return this.#queue === undefined ? undefined : this.#options.count(this.#queue)
  }

  /** The queue was deleted, or its channel closed: made anew at once, or all of the link is. */
  async #again(link: Link, member: Member, error: Error): Promise<void> {
    if (member.isStopped) return
    try {
      await this.open(link, member)
    } catch (failure) {
      link.lose(isTidingsError(failure, 'RABBITMQ_DIFFERS') ? failure : error)
    }
  }

  /** What fails has broken its channel or its link, which begins anew by itself. */
  async #quietly(step: () => Promise<void> | undefined): Promise<void> {
    await this.#next(step).catch(() => {})
  }

  #next(step: () => Promise<void> | undefined): Promise<void> {
    const done = this.#last.then(step)
    // Where the link is lost, the next one begins anew.
    this.#last = done.catch(() => {})
    return done
  }
}
