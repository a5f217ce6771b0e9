import { systemClock } from '@tidings/bus'
import {
  BusClosedError,
  type DeadLetterSink,
  type Outgoing,
  OutcomeUnknownError,
  receivedMessage,
  type ReconnectingSession,
  type SinkReplay,
} from '@tidings/bus/transport'
import type { Reader } from '../consume/reader.ts'
import { isMissing } from '../errors.ts'
import type { Link } from '../link.ts'
import type { Names } from '../topology/names.ts'
import { decode, type KafkaRecord } from '../wire/decode.ts'

/** After so many letters the topic lets go of those that were sent back. */
const chunk = 50

/** What a {@link KafkaSink} works with. */
export interface SinkOptions {
  readonly session: ReconnectingSession<Link>
  readonly names: Names
  publish(outgoing: Outgoing): Promise<void>
  /** A reader of its own for each replay. */
  reader(): Reader
}

/** The dead letters of a group, in a topic of their own that the broker's tools show. */
export class KafkaSink implements DeadLetterSink {
  readonly #options: SinkOptions
  readonly #closing = new AbortController()
  readonly #underWay = new Set<Promise<number>>()

  constructor(options: SinkOptions) {
    this.#options = options
  }

  /** Waits for a link where there is none. */
  replay(group: string, options: SinkReplay): Promise<number> {
    const replaying = this.#options.session.ask(async (link) => {
      this.#closing.signal.throwIfAborted()
      // Not awaited here, or it would be asked anew when the link breaks: beyond its limit, and counted from 0.
      return { count: this.#replay(link, group, options) }
    })
    const count = replaying.then((begun) => begun.count)
    this.#underWay.add(count)
    const over = (): void => void this.#underWay.delete(count)
    count.then(over, over)
    return count
  }

  /** Ends what is under way behind the letter that it is at, and resolves when it has ended. Takes no more. */
  async close(): Promise<void> {
    this.#closing.abort(new BusClosedError('a replay'))
    await Promise.allSettled(this.#underWay)
  }

  async #replay(link: Link, group: string, options: SinkReplay): Promise<number> {
    const topic = this.#options.names.dead(group)
    const reader = this.#options.reader()
    try {
      const [earliest, latest] = await Promise.all([
        reader.offsets([topic], 'earliest'),
        reader.offsets([topic], 'latest'),
      ])
      let count = 0
      for (const [partition, first] of (earliest.get(topic) ?? []).entries()) {
        // Those that come meanwhile stay: a letter that is given up once more would never let it end.
        const part = new Part(link, reader, { topic, partition, first, end: latest.get(topic)![partition]! })
        count += await this.#replayPart(part, group, { ...options, limit: options.limit - count })
      }
      return count
    } catch (error) {
      if (isMissing(error)) return 0
      if (link.isLost) throw new OutcomeUnknownError('the connection broke', { cause: error })
      throw error
    } finally {
      await reader.close()
    }
  }

  async #replayPart(part: Part, group: string, { rate, limit, signal }: SinkReplay): Promise<number> {
    const over = AbortSignal.any([signal, this.#closing.signal])
    let count = 0
    try {
      while (count < limit && !over.aborted) {
        const letter = await part.next()
        if (letter === undefined) break
        await this.#options.publish({ message: receivedMessage(decode(letter)), group, beyond: true })
        count++
        part.done(letter)
        if (count % chunk === 0) await part.letGo()
        if (count < limit && rate < Infinity) await pause(1000 / rate, over)
      }
    } finally {
      await part.letGo()
    }
    return count
  }
}

interface Range {
  readonly topic: string
  readonly partition: number
  readonly first: bigint
  readonly end: bigint
}

/** A partition of letters, read from its first up to an end. */
class Part {
  readonly #link: Link
  readonly #reader: Reader
  readonly #range: Range
  #position: bigint
  #sent: bigint
  #let: bigint
  #records: KafkaRecord[] = []

  constructor(link: Link, reader: Reader, range: Range) {
    this.#link = link
    this.#reader = reader
    this.#range = range
    this.#position = this.#sent = this.#let = range.first
  }

  async next(): Promise<KafkaRecord | undefined> {
    const { topic, partition, end } = this.#range
    while (this.#records.length === 0 && this.#position < end) {
      const node = (await this.#reader.layout([topic])).get(topic)?.[partition] ?? -1
      for (const { records, next } of await this.#reader.read(node, [{ topic, partition, offset: this.#position }])) {
        this.#records.push(...records)
        this.#position = next
      }
    }
    const record = this.#records.shift()
    return record !== undefined && record.offset < end ? record : undefined
  }

  done({ offset }: KafkaRecord): void {
    this.#sent = offset + 1n
  }

  /** The topic lets go of what was sent back. */
  async letGo(): Promise<void> {
    if (this.#sent === this.#let) return
    const { topic, partition } = this.#range
    const topics = [{ name: topic, partitions: [{ partition, offset: this.#sent }] }]
    await this.#link.ask(`the topic ${JSON.stringify(topic)}`, this.#link.admin.deleteRecords({ topics }))
    this.#let = this.#sent
  }
}

function pause(time: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = systemClock.after(time, end)
    signal.addEventListener('abort', end)
  })
}
