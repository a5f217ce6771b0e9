import { Consumer, type ConsumerGroupJoinPayload } from '@platformatic/kafka'
import { systemClock } from '@tidings/bus'
import { isMissing, KafkaError, kafkaError } from '../errors.ts'
import { bounded, clientOptions, dropConnections, endClient } from '../link.ts'
import { assignPartitions } from './assign.ts'
import { Commits } from './commits.ts'
import { FetchLoop } from './fetch-loop.ts'
import { Reader } from './reader.ts'
import { GroupOffsets } from './group-offsets.ts'
import type { Session } from './member.ts'
import type { GroupSessionOptions } from './session-options.ts'
import { Slice } from './slice.ts'
import { startsOf } from './starts.ts'

/** Milliseconds behind a step that has failed. */
const pause = 200

/** A place in a consumer group, kept for as long as the broker keeps it, over all connections. */
export class GroupSession implements Session {
  readonly #options: GroupSessionOptions
  readonly #client: Consumer
  readonly #reader: Reader
  readonly #offsets: GroupOffsets
  readonly #commits: Commits
  readonly #loop: FetchLoop
  #slices: readonly Slice[] = []
  /** Of the last time that partitions were shared out. */
  #generation = -1
  #member = ''
  /** Counts what makes an assignment under way stale. */
  #round = 0
  /** How many partitions the topics had then. */
  #counts = ''
  #isSettled = false
  #since = 0
  #isEnded = false
  #joined: { resolve(): void; reject(error: unknown): void } | undefined
  #cancelWatch: (() => void) | undefined
  #isRemaking = false

  constructor(options: GroupSessionOptions) {
    const { client, sessionTimeout, rebalanceTimeout, group } = options
    this.#options = options
    this.#client = new Consumer({
      ...clientOptions(client, rebalanceTimeout + client.timeout),
      retries: 3,
      retryDelay: 100,
      groupId: group,
      autocommit: false,
      sessionTimeout,
      rebalanceTimeout,
      heartbeatInterval: Math.max(100, Math.min(1000, sessionTimeout / 4)),
      partitionAssigner: assignPartitions,
      protocolsMetadata: () => this.#beforeJoin(),
    })
    this.#reader = new Reader(clientOptions(client), client.timeout)
    this.#offsets = new GroupOffsets(this.#client, this.#reader, options)
    this.#commits = new Commits({ slices: () => this.#slices, commit: (offsets) => this.#offsets.commit(offsets) })
    this.#loop = new FetchLoop({
      reader: this.#reader,
      slices: () => (this.#isSettled ? this.#slices : []),
      onRecords: () => options.onRecords(),
      onMissing: () => void this.#remake(),
    })
    this.#listen()
  }

  get slices(): readonly Slice[] {
    return this.#slices
  }

  /** Whether partitions are ours, and not just being shared out anew. */
  get isSettled(): boolean {
    return this.#isSettled
  }

  /** Resolves once it has a place in the group, and the start of all that is its own is committed. */
  async join(): Promise<void> {
    const joined = new Promise<void>((resolve, reject) => (this.#joined = { resolve, reject }))
    this.#client.topics.trackAll(...this.#options.topics)
    this.#client.joinGroup({}).catch((error: unknown) => this.#joined?.reject(kafkaError(this.#told(), error)))
    await joined
    this.#watch()
  }

  /** There is room for more. */
  poke(): void {
    this.#loop.poke()
  }

  /** Something was settled. */
  settled(): void {
    this.#commits.mark()
  }

  /** Messages that nobody has settled, in all partitions. */
  lag(): Promise<number> {
    return this.#offsets.lag(this.#slices)
  }

  /** Tells the broker what is settled and leaves the group at once, so that others have its partitions. Never rejects. */
  async leave(): Promise<void> {
    this.#loop.stop()
    const { timeout } = this.#options.client
    try {
      await bounded(this.#commits.flush(), 'a last commit', timeout)
    } catch {
      // What was not committed is delivered again.
    }
    this.end(new KafkaError('KAFKA_FAILED', 'the group was left'))
    await bounded(endClient(this.#client), 'taking leave', timeout).catch(() => {})
  }

  /** Ends it without a word; the broker finds out by the session timeout. Idempotent. */
  end(cause: unknown): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#cancelWatch?.()
    this.#loop.stop()
    this.#commits.end()
    this.#lose(cause)
    this.#joined?.reject(cause)
    void this.#reader.close()
  }

  /** Behind `end`: closes the connections too. */
  async destroy(cause: unknown): Promise<void> {
    this.end(cause)
    await endClient(this.#client)
  }

  #listen(): void {
    const client = this.#client
    // Without a listener it would end the process.
    client.on('error', (error) => this.#onError(error))
    client.on('consumer:group:rebalance', () => (this.#isSettled = false))
    client.on('consumer:group:join', (payload) => void this.#assign(payload))
    client.on('consumer:heartbeat:end', () => {
      // It was silent for longer than the session lasts, and has its place all the same.
      if (this.#generation >= 0 && this.#slices.length === 0) this.#again()
    })
  }

  /** Before each time that partitions are shared out: what was begun may end, so that nobody does it again. */
  async #beforeJoin(): Promise<Buffer> {
    this.#isSettled = false
    this.#since = systemClock.now()
    if (this.#slices.length > 0) {
      await this.#options.drain()
      await bounded(this.#commits.flush(), 'a commit', this.#options.client.timeout).catch(() => {})
    }
    this.#commits.hold()
    return Buffer.alloc(0)
  }

  async #assign({ assignments = [], generationId = -1, memberId }: ConsumerGroupJoinPayload): Promise<void> {
    const round = ++this.#round
    this.#since = systemClock.now()
    // Whoever was there at the last sharing and is there at this one kept what it has: nobody else had it in between.
    const keeps = memberId === this.#member && generationId === this.#generation + 1
    const wanted = assignments.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })))
    const isWanted = (slice: Slice): boolean =>
      wanted.some(({ topic, partition }) => topic === slice.topic && partition === slice.partition)
    const kept = this.#slices.filter((slice) => keeps && isWanted(slice))
    const gone = this.#slices.filter((slice) => !kept.includes(slice))
    this.#slices = kept
    this.#member = memberId
    this.#generation = generationId
    for (const { lease } of gone) lease.lose(new KafkaError('KAFKA_FAILED', 'the partition went to another member'))
    try {
      this.#counts = await this.#offsets.countPartitions()
      await this.#options.onAssigned()
      const starts = await startsOf(
        this.#options,
        wanted,
        this.#reader,
        () => this.#offsets.committed(),
        (offsets) => this.#offsets.commit(offsets),
      )
      if (round !== this.#round || this.#isEnded) return
      const isKept = ({ topic, partition }: (typeof wanted)[number]): boolean =>
        kept.some((slice) => slice.topic === topic && slice.partition === partition)
      const fresh = starts.filter((start) => !isKept(start))
      this.#slices = [...kept, ...fresh.map(({ topic, partition, offset }) => new Slice(topic, partition, offset))]
      this.#isSettled = true
      this.#commits.release()
      this.#options.onRecords()
      this.#loop.poke()
      // The other members commit the starts of theirs.
      while (this.#joined !== undefined && !(await this.#offsets.areAllKnown())) {
        await new Promise<void>((resolve) => systemClock.after(pause / 4, resolve))
        if (round !== this.#round || this.#isEnded) return
      }
      this.#joined?.resolve()
      this.#joined = undefined
    } catch (error) {
      if (round !== this.#round || this.#isEnded) return
      if (this.#joined === undefined) systemClock.after(pause, () => this.#again())
      else this.#joined.reject(error)
    }
  }

  /** The same partitions once more. */
  #again(): void {
    const { assignments, generationId, memberId } = this.#client
    if (this.#isEnded || assignments === null || memberId === null) return
    void this.#assign({ groupId: this.#options.group, memberId, generationId, assignments })
  }

  /** It could not join, and has given up: anew, in a while. */
  #onError(error: unknown): void {
    if (this.#isEnded) return
    if (this.#joined !== undefined) {
      this.#joined.reject(kafkaError(this.#told(), error))
      return
    }
    if (isMissing(error)) void this.#remake()
    this.#rejoin()
  }

  #rejoin(): void {
    systemClock.after(pause, () => {
      if (!this.#isEnded) this.#client.joinGroup({}).catch((error: unknown) => this.#onError(error))
    })
  }

  /** Watches what the driver does not: a session that is over by the time that it is, and partitions that were added. */
  #watch(): void {
    const { sessionTimeout, rebalanceTimeout } = this.#options
    this.#cancelWatch = systemClock.after(sessionTimeout / 2, () => {
      const heard = Math.max(this.#client.lastHeartbeat?.getTime() ?? 0, this.#since)
      const silent = systemClock.now() - heard
      if (silent > sessionTimeout + (this.#isSettled ? 0 : rebalanceTimeout)) this.#expire()
      else if (this.#isSettled) void this.#lookForPartitions()
      this.#watch()
    })
  }

  #expire(): void {
    this.#since = systemClock.now()
    this.#round++
    this.#lose(new KafkaError('KAFKA_LATE', 'the session of the group has run out'))
    // What waits for an answer on them would wait for much longer.
    dropConnections(this.#client)
  }

  async #lookForPartitions(): Promise<void> {
    const before = this.#counts
    try {
      const now = await this.#offsets.countPartitions()
      if (now === before || before !== this.#counts || this.#isEnded || !this.#isSettled) return
      this.#counts = now
      this.#client.clearMetadata()
      await this.#client.joinGroup({})
    } catch (error) {
      if (isMissing(error)) await this.#remake()
    }
  }

  /** A topic has gone; the others are shared out anew with the one that is made in its place. */
  async #remake(): Promise<void> {
    if (this.#isRemaking || this.#isEnded) return
    this.#isRemaking = true
    try {
      await this.#options.remake()
      this.#lose(new KafkaError('KAFKA_MISSING', 'a topic of the group was deleted'))
      this.#reader.forget()
      this.#client.clearMetadata()
      this.#rejoin()
    } catch {
      // It is looked for again.
    } finally {
      systemClock.after(10 * pause, () => (this.#isRemaking = false))
    }
  }

  #lose(cause: unknown): void {
    const lost = this.#slices
    this.#slices = []
    for (const { lease } of lost) lease.lose(cause)
  }

  #told(): string {
    return `the consumer group ${JSON.stringify(this.#options.group)}`
  }
}
