import { ProduceAcks } from '@platformatic/kafka'
import { systemClock } from '@tidings/bus'
import {
  keyHash,
  MessageTooLargeError,
  OutcomeUnknownError,
  type PublishAnswers,
  PublishWindow,
  UnknownGroupError,
} from '@tidings/bus/transport'
import { isAnswer, isAnswered, isMissing, kafkaError } from '../errors.ts'
import type { Link } from '../link.ts'
import type { Sending } from './routes.ts'

/** Publishes that the broker has not confirmed, at most: more than it takes to keep it busy. */
const window = 4000
/** Messages of one request, at most: with more of them the driver is slower. */
const largestBatch = 200
/** Requests of one topic under way at a time. */
const requests = 4

/** What a {@link Publisher} is made of. */
export interface PublisherOptions {
  /** Bytes of one request, at most: what the broker takes for one partition. */
  readonly maxRequestSize: number
  /** Makes a topic that has gone; false where that is not ours to do. */
  remake(topic: string): Promise<boolean>
}

/** What one connection publishes, over one link after the other. */
export class Publisher {
  readonly #window = new PublishWindow<Sending>({ size: window })
  readonly #options: PublisherOptions
  #answers: PublishAnswers | undefined

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  /** Resolves when it is confirmed: by all replicas that are in step. `beyond`: it takes no place in the window. */
  publish(sending: Sending, signal: AbortSignal | undefined, beyond: boolean): Promise<void> {
    return this.#window.publish(sending, { signal, beyond })
  }

  /** What waits goes out by this link. */
  open(link: Link): void {
    const lanes = new Map<string, Lane>()
    const answers = this.#window.open({
      send: (sending, number) => {
        let lane = lanes.get(sending.topic)
        if (lane === undefined) {
          lane = new Lane(link, answers, this.#options)
          lanes.set(sending.topic, lane)
        }
        lane.add({ sending, number })
      },
    })
    this.#answers = answers
  }

  lost(cause: unknown): void {
    this.#answers?.lost(cause)
    this.#answers = undefined
  }

  close(): Promise<void> {
    return this.#window.close()
  }

  end(cause?: unknown): void {
    this.#window.end(cause)
  }
}

interface Numbered {
  readonly sending: Sending
  readonly number: number
}

/** What goes to one topic, in the order in which it was published, several to a request. */
class Lane {
  readonly #link: Link
  readonly #answers: PublishAnswers
  readonly #options: PublisherOptions
  #waiting: Numbered[] = []
  #underWay = 0
  #scheduled = false
  /** Requests that are tried again; nothing overtakes them. */
  #retrying = 0

  constructor(link: Link, answers: PublishAnswers, options: PublisherOptions) {
    this.#link = link
    this.#answers = answers
    this.#options = options
  }

  add(numbered: Numbered): void {
    this.#waiting.push(numbered)
    if (this.#waiting.length >= largestBatch) this.#flush()
    else this.#schedule()
  }

  /** Behind all that is published in this turn of the loop. */
  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#underWay < requests && this.#retrying === 0) {
      // The last one waits for company while others are under way.
      if (this.#underWay > 1 && this.#waiting.length < largestBatch / 2) return
      void this.#send(this.#waiting.splice(0, this.#fitting()))
    }
  }

  #fitting(): number {
    let size = 0
    let count = 0
    for (const { sending } of this.#waiting) {
      size += sending.size
      if (count === largestBatch || (count > 0 && size > this.#options.maxRequestSize)) break
      count++
    }
    return count
  }

  async #send(batch: readonly Numbered[]): Promise<void> {
    this.#underWay++
    try {
      await this.#produce(batch)
      for (const { number } of batch) this.#answers.confirm(number)
    } catch (error) {
      this.#fail(batch, error)
    } finally {
      this.#underWay--
      this.#flush()
    }
  }

  async #produce(batch: readonly Numbered[]): Promise<void> {
    const messages = batch.map(({ sending }) => messageOf(sending))
    const { topic, group } = batch[0]!.sending
    let remade = false
    for (;;) {
      try {
        await this.#link.producer.send({ messages, acks: ProduceAcks.ALL })
        return
      } catch (error) {
        const isGone = group === undefined && isMissing(error) && !remade
        if (this.#link.isLost || !(isGone || isAnswer(error, ...early))) throw error
        this.#retrying++
        try {
          if (isGone) remade = await this.#options.remake(topic)
          if (isGone && !remade) throw error
          await new Promise<void>((resolve) => systemClock.after(pause, resolve))
        } finally {
          this.#retrying--
        }
      }
    }
  }

  #fail(batch: readonly Numbered[], error: unknown): void {
    if (!isAnswered(error)) {
      // Nobody knows what became of it, nor of what is under way beside it.
      this.#link.lose(kafkaError('publishing', error))
      return
    }
    for (const { sending, number } of batch) this.#answers.refuse(number, refusal(sending, error))
  }
}

/** Answers of a broker that has not taken anything, and that another will, or the same one in a while. */
const early = ['NOT_LEADER_OR_FOLLOWER', 'LEADER_NOT_AVAILABLE', 'NOT_ENOUGH_REPLICAS', 'KAFKA_STORAGE_ERROR']
/** Milliseconds until it is asked again. */
const pause = 100
/** Answers behind which a message may be there all the same. */
const unsure = ['REQUEST_TIMED_OUT', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'UNKNOWN_SERVER_ERROR', 'NETWORK_EXCEPTION']

function refusal({ message, group, topic, size }: Sending, error: unknown): Error {
  const type = String(message.attributes['type'])
  if (group !== undefined && isMissing(error)) return new UnknownGroupError(group, type)
  if (isAnswer(error, 'MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'))
    return new MessageTooLargeError(type, size, size - 1)
  const ours = kafkaError(`the topic ${JSON.stringify(topic)}`, error)
  return isAnswer(error, ...unsure) ? new OutcomeUnknownError('the broker is not sure of it', { cause: ours }) : ours
}

let turn = 0

function messageOf({ topic, key, value, headers }: Sending): Produced {
  // The partition that the clients of Java choose; without a key, each in turn.
  const partition = key === undefined ? turn++ & 0x7fffffff : keyHash(key) & 0x7fffffff
  return { topic, partition, headers, ...(key === undefined ? {} : { key }), ...(value === undefined ? {} : { value }) }
}

interface Produced {
  topic: string
  partition: number
  key?: Buffer
  value?: Buffer
  headers: Map<Buffer, Buffer>
}
