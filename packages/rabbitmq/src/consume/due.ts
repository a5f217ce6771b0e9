import type { ConsumeMessage } from 'amqplib'
import type { Message, Outgoing } from '@tidings/bus/transport'
import { systemClock } from '@tidings/bus'
import { isTidingsError } from '@tidings/core'
import type { Link } from '../link.ts'
import { decode, delayHeaders, textHeader } from '../wire/decode.ts'
import { Intake } from './intake.ts'

/** How many are on their way at a time. */
const prefetch = 200
/** Milliseconds until one that could not be sent on is tried again. */
const pause = 1000

/** What a {@link DueQueue} sends on by. */
export interface DueOptions {
  readonly queue: string
  publish(outgoing: Outgoing): Promise<void>
  onUnroutable(message: Message): void
}

/**
 * What has waited on a rung of the ladder goes on from here: to the next rung, or to where it is to go. Every connection
 * takes its part; while there is none, it waits here.
 */
export class DueQueue {
  readonly #options: DueOptions
  #intake: Intake | undefined

  constructor(options: DueOptions) {
    this.#options = options
  }

  async join(link: Link): Promise<void> {
    const intake = await Intake.open(link, {
      prepare: async () => this.#options.queue,
      prefetch,
      onMessage: (message, from) => void this.#sendOn(message, from),
      onBroken: (error) => link.lose(error),
    })
    this.#intake = intake
    await intake.consume()
  }

  async close(): Promise<void> {
    await this.#intake?.close()
  }

  async #sendOn(raw: ConsumeMessage, { acks, lease }: Intake): Promise<void> {
    const message = decode(raw)
    const due = Number(textHeader(raw, delayHeaders.due))
    const group = textHeader(raw, delayHeaders.to)
    try {
      await this.#options.publish({ message, group, notBefore: due, beyond: true })
      acks.acknowledge(raw)
    } catch (error) {
      if (lease.signal.aborted) return
      if (isTidingsError(error, 'UNKNOWN_GROUP')) {
        // Its group has gone meanwhile.
        this.#options.onUnroutable(message)
        acks.acknowledge(raw)
      } else systemClock.after(pause, () => acks.giveBack(raw))
    }
  }
}
