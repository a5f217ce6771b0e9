import type { Channel, ConsumeMessage } from 'amqplib'
import { Lease } from '@tidings/bus/transport'
import { rabbitmqError } from '../errors.ts'
import type { Link } from '../link.ts'
import { Acks } from './acks.ts'

/** What an {@link Intake} is given. */
export interface IntakeOptions {
  /** Makes what is to be there; resolves to the queue. */
  prepare(channel: Channel): Promise<string>
  /** Unsettled deliveries that the broker hands out at most. */
  readonly prefetch: number
  /** Never throws. */
  onMessage(message: ConsumeMessage, intake: Intake): void
  /** One more is settled, or goes back. */
  onSettled?(): void
  /** The queue is gone, or the channel, while the link stands. */
  onBroken(error: Error): void
}

/** AMQP has two bytes for it, and 0 for no bound. */
const mostPrefetch = 65_535

/** The taking from one queue, on a channel of its own; what is unsettled when that ends is lost, and comes again. */
export class Intake {
  readonly lease: Lease = new Lease()
  readonly acks: Acks
  readonly queue: string
  readonly #options: IntakeOptions
  readonly #channel: Channel
  readonly #link: Link
  #tag: string | undefined
  #closed = false

  private constructor(queue: string, options: IntakeOptions, channel: Channel, link: Link) {
    this.queue = queue
    this.#options = options
    this.#channel = channel
    this.#link = link
    this.acks = new Acks(channel, () => options.onSettled?.())
  }

  /** Opens a channel, prepares it, and is ready to consume. */
  static async open(link: Link, options: IntakeOptions): Promise<Intake> {
    let intake: Intake | undefined
    const channel = await link.channel((error) => intake?.end(error))
    try {
      const queue = await options.prepare(channel)
      const { prefetch } = options
      const count = prefetch > mostPrefetch ? 0 : prefetch
      await link.within(`the prefetch of ${shown(queue)}`, channel.prefetch(count))
      intake = new Intake(queue, options, channel, link)
    } catch (error) {
      leave(channel)
      throw error
    }
    const over = link.onLost((error) => intake?.end(error))
    intake.lease.signal.addEventListener('abort', over, { once: true })
    return intake
  }

  /** Begins to take, or goes on. */
  async consume(): Promise<void> {
    const asking = this.#channel.consume(this.queue, (message) => {
      if (message === null) {
        this.end(rabbitmqError(shown(this.queue), new Error('it was deleted')))
        return
      }
      this.acks.add(message)
      this.#options.onMessage(message, this)
    })
    const { consumerTag } = await this.#link.within(`consuming ${shown(this.queue)}`, asking)
    this.#tag = consumerTag
  }

  /** Takes no more; what was taken can be settled. */
  async cancel(): Promise<void> {
    const tag = this.#tag
    this.#tag = undefined
    if (tag !== undefined && !this.#closed) {
      await this.#link.within(`leaving ${shown(this.queue)}`, this.#channel.cancel(tag))
    }
  }

  /** Ends it: what was acknowledged is told, and what is unsettled goes back, in its order. Idempotent, never rejects. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.acks.flush()
    this.acks.end()
    this.lease.lose(new Error('its member has left'))
    try {
      await this.#link.within(`leaving ${shown(this.queue)}`, this.#channel.close())
    } catch {
      // Then it is closed already.
    }
  }

  /** It has come to an end by itself. */
  end(error: unknown): void {
    if (this.#closed) return
    this.#closed = true
    const ours = rabbitmqError(shown(this.queue), error ?? new Error('its channel was closed'))
    this.acks.end()
    leave(this.#channel)
    this.lease.lose(ours)
    if (!this.#link.isOver) this.#options.onBroken(ours)
  }
}

function shown(queue: string): string {
  return `the queue ${JSON.stringify(queue)}`
}

/** Ends a channel that nobody waits for. */
function leave(channel: Channel): void {
  try {
    channel.close().catch(() => {})
  } catch {
    // It is closed already.
  }
}
