import type { ConfirmChannel, Message as AmqpMessage } from 'amqplib'
import { type Message, type PublishAnswers, PublishWindow, UnknownGroupError } from '@tidings/bus/transport'
import { RabbitmqError, rabbitmqError } from '../errors.ts'
import type { Link } from '../link.ts'
import type { Parcel } from '../wire/encode.ts'

/** Publishes that the broker has not confirmed, at most: more than it takes to keep it busy. */
const window = 2000

/** A message on its way to an exchange. */
export interface Sending extends Parcel {
  readonly exchange: string
  readonly key: string
  readonly message: Message
  /** The one group that it is for. */
  readonly group: string | undefined
  /** What it is for besides: a queue of ours that must be there, in words. */
  readonly queue: string | undefined
}

/** What one connection publishes, over one confirming channel after the other. */
export class Publisher {
  readonly #window = new PublishWindow<Sending>({ size: window })
  readonly #onUnroutable: (message: Message) => void
  #line: Line | undefined

  constructor(onUnroutable: (message: Message) => void) {
    this.#onUnroutable = onUnroutable
  }

  /**
   * Resolves when it is confirmed: on the disks of most replicas of each queue that it reached. `beyond`: it takes no
   * place in the window.
   */
  publish(sending: Sending, signal: AbortSignal | undefined, beyond: boolean): Promise<void> {
    return this.#window.publish(sending, { signal, beyond })
  }

  /** What waits goes out by this link. */
  open(link: Link): void {
    const line = new Line(link, this.#onUnroutable)
    this.#line = line
    line.answers = this.#window.open({ send: (sending, number) => line.send(sending, number) })
  }

  lost(cause: unknown): void {
    this.#line?.answers?.lost(cause)
    this.#line = undefined
  }

  close(): Promise<void> {
    return this.#window.close()
  }

  end(cause?: unknown): void {
    this.#window.end(cause)
  }
}

/** A channel in confirm mode: its delivery tags count as the window does. */
class Line {
  answers: PublishAnswers | undefined
  readonly #link: Link
  readonly #channel: ConfirmChannel
  readonly #onUnroutable: (message: Message) => void
  /** What has no answer yet, in the order in which it was sent. */
  readonly #sent = new Map<number, Sending>()
  /** What reached no queue; the broker says so before it confirms. */
  readonly #returned = new Set<number>()

  constructor(link: Link, onUnroutable: (message: Message) => void) {
    const channel = link.publishing
    this.#link = link
    this.#channel = channel
    this.#onUnroutable = onUnroutable
    channel.on('return', (message: AmqpMessage) => this.#return(message))
    channel.on('ack', (answer: Answer) => this.#answer(answer, undefined))
    channel.on('nack', (answer: Answer) => this.#answer(answer, notTaken()))
  }

  send(sending: Sending, number: number): void {
    try {
      this.#channel.publish(sending.exchange, sending.key, sending.content, sending.properties)
    } catch (error) {
      const ours = rabbitmqError('publishing', error)
      // The channel is gone, or counts otherwise than the window does from now on.
      this.#link.lose(ours)
      throw ours
    }
    this.#sent.set(number, sending)
  }

  /** One by one, or up to it. */
  #answer({ deliveryTag, multiple }: Answer, error: Error | undefined): void {
    if (!multiple) {
      this.#end(deliveryTag, error)
      return
    }
    if (error === undefined && this.#returned.size === 0) {
      for (const number of this.#sent.keys()) {
        if (number > deliveryTag) break
        this.#sent.delete(number)
      }
      this.answers?.confirmUpTo(deliveryTag)
      return
    }
    for (const number of this.#sent.keys()) {
      if (number > deliveryTag) break
      this.#end(number, error)
    }
  }

  #end(number: number, error: Error | undefined): void {
    const sending = this.#sent.get(number)
    if (sending === undefined) return
    this.#sent.delete(number)
    const failure = this.#returned.delete(number) ? this.#unrouted(sending) : error
    if (failure === undefined) this.answers?.confirm(number)
    else this.answers?.refuse(number, failure)
  }

  /** What becomes of a message that reached no queue. */
  #unrouted({ group, queue, message }: Sending): Error | undefined {
    if (queue !== undefined) {
      const fix = 'It is made anew by the next connection, or by apply() of the topology plan.'
      return new RabbitmqError('RABBITMQ_MISSING', `${queue} is gone\n${fix}`)
    }
    if (group !== undefined) return new UnknownGroupError(group, String(message.attributes['type']))
    this.#onUnroutable(message)
    return undefined
  }

  /** Tells no number: of two that look alike both are returned, in their order. */
  #return({ fields, properties }: AmqpMessage): void {
    for (const [number, { exchange, key, properties: own }] of this.#sent) {
      if (exchange !== fields.exchange || key !== fields.routingKey || own.messageId !== properties.messageId) continue
      if (this.#returned.has(number)) continue
      this.#returned.add(number)
      return
    }
  }
}

/** What the broker says of a publish. */
interface Answer {
  readonly deliveryTag: number
  readonly multiple: boolean
}

function notTaken(): RabbitmqError {
  const fix = 'A queue has lost its leader or its room: see `rabbitmqctl list_queues name state`.'
  return new RabbitmqError('RABBITMQ_FAILED', `the broker has not taken a message\n${fix}`)
}
