import type { Channel, Message as AmqpMessage } from 'amqplib'

/** What a channel was delivered and has not settled. Acknowledgements go out together, once in a turn of the loop. */
export class Acks {
  readonly #channel: Channel
  readonly #onSettled: () => void
  /** By delivery tag, in the order in which they came, which is that of the tags. */
  readonly #open = new Map<number, AmqpMessage>()
  #done = new Set<number>()
  #scheduled: NodeJS.Immediate | undefined

  /** `onSettled` is told each that is. */
  constructor(channel: Channel, onSettled: () => void) {
    this.#channel = channel
    this.#onSettled = onSettled
  }

  /** Deliveries that are neither settled nor on their way to be. */
  get size(): number {
    return this.#open.size - this.#done.size
  }

  add(message: AmqpMessage): void {
    this.#open.set(message.fields.deliveryTag, message)
  }

  acknowledge({ fields }: AmqpMessage): void {
    this.#done.add(fields.deliveryTag)
    this.#scheduled ??= setImmediate(() => this.flush())
    this.#onSettled()
  }

  /** It goes back to its queue. */
  giveBack(message: AmqpMessage): void {
    if (!this.#open.delete(message.fields.deliveryTag)) return
    tell(() => this.#channel.nack(message, false, true))
    this.#onSettled()
  }

  /** Tells the broker what was acknowledged: up to the first that is not, in one; what is beyond it one by one. */
  flush(): void {
    clearImmediate(this.#scheduled)
    this.#scheduled = undefined
    const done = this.#done
    if (done.size === 0) return
    this.#done = new Set()
    let last: AmqpMessage | undefined
    let count = 0
    for (const [tag, message] of this.#open) {
      if (!done.delete(tag)) break
      this.#open.delete(tag)
      last = message
      count++
    }
    tell(() => {
      if (last !== undefined) this.#channel.ack(last, count > 1)
      for (const tag of done) {
        const message = this.#open.get(tag)
        this.#open.delete(tag)
        if (message !== undefined) this.#channel.ack(message)
      }
    })
  }

  /** The channel is gone: there is nobody to tell. */
  end(): void {
    clearImmediate(this.#scheduled)
    this.#open.clear()
    this.#done.clear()
  }
}

/** Where the channel is closed, nobody hears of it: what was delivered comes again. */
function tell(word: () => void): void {
  try {
    word()
  } catch {
    // The end of the channel is told by its own event.
  }
}
