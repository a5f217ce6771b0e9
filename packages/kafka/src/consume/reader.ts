import { type BaseOptions, Consumer } from '@platformatic/kafka'
import { isMissing, kafkaError } from '../errors.ts'
import { isTidingsError } from '@tidings/core'
import { bounded, dropConnections, endClient } from '../link.ts'
import type { KafkaRecord } from '../wire/decode.ts'

/** Bytes of one answer: with the driver's default the whole backlog would be in memory. */
const maxBytes = 256 * 1024
/** Milliseconds for which the broker waits for something to come. */
const patience = 250
/** Of a batch that tells of a transaction, and has no messages. https://kafka.apache.org/documentation/#recordbatch */
const control = 0x20
const outOfRange = 1

type FetchResponse = Awaited<ReturnType<Consumer['fetch']>>

/** Where to read. */
export interface Wanted {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
}

/** What was read of one partition. */
export interface Read extends Wanted {
  readonly records: readonly KafkaRecord[]
  /** The offset behind what was read. */
  readonly next: bigint
}

/** Partitions of topics, by topic: the number of the node that leads each. */
export type Layout = ReadonlyMap<string, readonly number[]>

/** Reads partitions by connections of its own: one that waits for messages holds up whatever else is asked on it. */
export class Reader {
  readonly #client: Consumer
  readonly #timeout: number

  constructor(options: BaseOptions, timeout: number) {
    // It joins no group; the driver wants a name.
    this.#client = new Consumer({ ...options, groupId: 'none', maxBytes, maxWaitTime: patience, minBytes: 1 })
    this.#client.on('error', () => {})
    this.#timeout = timeout
  }

  /** Rejects with `KAFKA_MISSING` where there is no such topic. */
  async layout(topics: readonly string[]): Promise<Layout> {
    if (topics.length === 0) return new Map()
    const what = `the topics ${topics.join(', ')}`
    const metadata = await this.#ask(what, this.#client.metadata({ topics: [...topics] }))
    return new Map(
      topics.map((topic) => [topic, metadata.topics.get(topic)?.partitions.map(({ leader }) => leader) ?? []]),
    )
  }

  /** The offset behind the last message, or of the first one, of each partition. */
  async offsets(
    topics: readonly string[],
    from: 'latest' | 'earliest',
  ): Promise<ReadonlyMap<string, readonly bigint[]>> {
    if (topics.length === 0) return new Map()
    const timestamp = from === 'latest' ? -1n : -2n
    return this.#ask(
      'a look at offsets',
      this.#client.listOffsets({ topics: [...topics], timestamp, isolationLevel: 0 }),
    )
  }

  /** Reads what one node leads of; waits a moment where there is nothing. */
  async read(node: number, wanted: readonly Wanted[]): Promise<readonly Read[]> {
    const topics = [...new Set(wanted.map(({ topic }) => topic))]
    this.#client.topics.clear()
    this.#client.topics.trackAll(...topics)
    const metadata = await this.#ask('a look at topics', this.#client.metadata({ topics }))
    const ids = new Map(topics.map((topic) => [metadata.topics.get(topic)!.id, topic]))
    const requests = [...ids].map(([topicId, topic]) => ({
      topicId,
      partitions: wanted
        .filter((each) => each.topic === topic)
        .map(({ partition, offset }) => ({
          partition,
          fetchOffset: offset,
          partitionMaxBytes: maxBytes,
          currentLeaderEpoch: -1,
          lastFetchedEpoch: -1,
        })),
    }))
    let response: FetchResponse
    try {
      response = await bounded(this.#client.fetch({ node, topics: requests }), 'a fetch', this.#timeout + patience)
    } catch (error) {
      // One that is silent stays so.
      if (isTidingsError(error, 'KAFKA_LATE')) dropConnections(this.#client)
      const answer = responseOf(error)
      if (answer === undefined) throw kafkaError('a fetch', error)
      response = answer
      if (!hasNews(response)) {
        this.#client.clearMetadata()
        throw kafkaError('a fetch', error)
      }
    }
    return readOf(response, ids, wanted)
  }

  /** What it knows of topics may be wrong. */
  forget(): void {
    this.#client.clearMetadata()
  }

  /** Ends it at once; never rejects. */
  close(): Promise<void> {
    return endClient(this.#client)
  }

  async #ask<Answer>(what: string, answer: Promise<Answer>): Promise<Answer> {
    try {
      return await bounded(answer, what, this.#timeout)
    } catch (error) {
      if (isMissing(error)) this.#client.clearMetadata()
      throw kafkaError(what, error)
    }
  }
}

/** The answer in which some partitions have an error, which the driver rejects with as a whole. */
function responseOf(error: unknown): FetchResponse | undefined {
  const { response } = Object(error) as { readonly response?: FetchResponse }
  return response !== undefined && Array.isArray(response.responses) && response.errorCode === 0 ? response : undefined
}

function hasNews({ responses }: FetchResponse): boolean {
  return responses.some(({ partitions }) =>
    partitions.some(
      ({ errorCode, records }) => errorCode === outOfRange || (errorCode === 0 && (records?.length ?? 0) > 0),
    ),
  )
}

function readOf({ responses }: FetchResponse, ids: ReadonlyMap<string, string>, wanted: readonly Wanted[]): Read[] {
  const all: Read[] = []
  for (const { topicId, partitions } of responses) {
    const topic = ids.get(topicId)
    for (const { partitionIndex, errorCode, records: batches, logStartOffset } of partitions) {
      const asked = wanted.find((each) => each.topic === topic && each.partition === partitionIndex)
      if (asked === undefined) continue
      if (errorCode === outOfRange) {
        // Deleted as too old, or the topic was made anew: from the oldest that there is, so that nothing is passed over.
        all.push({ ...asked, records: [], next: logStartOffset >= 0n ? logStartOffset : 0n })
        continue
      }
      if (errorCode !== 0 || !batches) continue
      const records: KafkaRecord[] = []
      let next = asked.offset
      for (const { attributes, firstOffset, lastOffsetDelta, records: inBatch } of batches) {
        const behind = firstOffset + BigInt(lastOffsetDelta) + 1n
        if (behind > next) next = behind
        if (attributes & control) continue
        for (const { offsetDelta, key, value, headers } of inBatch) {
          const offset = firstOffset + BigInt(offsetDelta)
          if (offset >= asked.offset) records.push({ offset, key, value, headers })
        }
      }
      if (next > asked.offset) all.push({ ...asked, records, next })
    }
  }
  return all
}
