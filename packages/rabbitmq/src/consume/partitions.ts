import type { Channel, ConsumeMessage } from 'amqplib'
import { Deque } from '@tidings/bus/transport'
import type { Link } from '../link.ts'
import type { Names } from '../topology/names.ts'
import { Company } from './company.ts'
import { Intake } from './intake.ts'
import type { Member, Source } from './member.ts'

/** What a {@link PartitionSource} takes from. */
export interface PartitionSourceOptions {
  readonly names: Names
  readonly group: string
  readonly partitions: readonly string[]
  /** Makes what the group needs, or sees that it is there. */
  prepare(link: Link): Promise<void>
  /** Messages in a queue that nobody was handed. */
  count(queue: string): Promise<number | undefined>
}

/** One partition that is taken from. */
interface Taken {
  readonly intake: Intake
  /** What has come, and was not handed out yet. */
  readonly ahead: Deque<Came>
  /** It goes to another member, once what was handed out of it is settled. */
  isLeaving: boolean
}

/** Who takes, on which link. */
interface Joined {
  readonly link: Link
  readonly member: Member
}

interface Came {
  readonly message: ConsumeMessage
  readonly isFirst: boolean
}

/**
 * The partitions of a group, shared among its members. One that goes to another member goes as a whole: nothing more of
 * it is handed out, and when what was is settled its channel is closed, so that the rest goes back in its order, at once.
 */
export class PartitionSource implements Source {
  readonly #options: PartitionSourceOptions
  readonly #company: Company
  readonly #taken = new Map<number, Taken>()
  #joined: Joined | undefined
  #isClosed = false
  #last: Promise<void> = Promise.resolve()

  constructor(options: PartitionSourceOptions) {
    this.#options = options
    this.#company = new Company(options.names, options.group, () => this.#shareAnew())
  }

  get intakes(): Iterable<Intake> {
    return [...this.#taken.values()].map(({ intake }) => intake)
  }

  async open(link: Link, member: Member): Promise<void> {
    this.#taken.clear()
    this.#joined = { link, member }
    await this.#options.prepare(link)
    await this.#company.join(link)
    await this.#share()
  }

  /** Hands out what has come, as far as there is room, the partitions in turn. */
  handOut(): void {
    const member = this.#joined?.member
    if (member === undefined) return
    for (let some = true; some && member.wanted > 0;) {
      some = false
      for (const { intake, ahead, isLeaving } of this.#taken.values()) {
        if (isLeaving || member.wanted === 0) continue
        const next = ahead.shift()
        if (next === undefined) continue
        some = true
        member.handOut(next.message, intake, next.isFirst)
      }
    }
  }

  // Where order is kept, a member that pauses keeps its place.
  async pause(): Promise<void> {}

  async resume(): Promise<void> {}

  leave(): void {
    this.#company.leave()
  }

  close(): Promise<void> {
    this.#isClosed = true
    this.#company.leave()
    return this.#next(async () => {
      await Promise.all([...this.intakes].map((intake) => intake.close()))
      this.#taken.clear()
    })
  }

  async waiting(): Promise<number | undefined> {
    const counts = await Promise.all(this.#options.partitions.map((queue) => this.#options.count(queue)))
    let sum = 0
    for (const count of counts) {
      if (count === undefined) return undefined
      sum += count
    }
    for (const { ahead } of this.#taken.values()) sum += ahead.size
    return sum
  }

  /** Takes what is its own, and lets go of what is not. */
  #share(): Promise<void> {
    return this.#next(async () => {
      const joined = this.#joined
      if (joined === undefined || joined.link.isOver || joined.member.isStopped || this.#isClosed) return
      for (const [number, queue] of this.#options.partitions.entries()) {
        const taken = this.#taken.get(number)
        if (!this.#company.has(number)) {
          if (taken !== undefined) this.#letGo(number, taken)
        } else if (taken === undefined) await this.#take(number, queue, joined)
        else if (taken.isLeaving) {
          taken.isLeaving = false
          this.handOut()
        }
      }
    })
  }

  async #take(number: number, queue: string, { link, member }: Joined): Promise<void> {
    const ahead = new Deque<Came>()
    const intake = await Intake.open(link, {
      prefetch: member.request.prefetch,
      prepare: async (_channel: Channel) => queue,
      onMessage: (message, { acks }) => {
        ahead.push({ message, isFirst: acks.size === 1 })
        this.handOut()
      },
      onSettled: () => this.#check(number),
      onBroken: (error) => link.lose(error),
    })
    this.#taken.set(number, { intake, ahead, isLeaving: false })
    await intake.consume()
  }

  #letGo(number: number, taken: Taken): void {
    taken.isLeaving = true
    this.#check(number)
  }

  /** Ends one that is to go, once nothing of it is out. */
  #check(number: number): void {
    const taken = this.#taken.get(number)
    if (taken === undefined || !taken.isLeaving) return
    if (taken.intake.acks.size > taken.ahead.size) return
    this.#taken.delete(number)
    // In the line of steps, so that it is closed before it is taken again.
    void this.#next(() => taken.intake.close())
    // It may have come back meanwhile.
    this.#shareAnew()
  }

  /** The same, with nobody to wait for it. */
  #shareAnew(): void {
    const link = this.#joined?.link
    this.#share().catch((error: unknown) => link?.lose(error))
  }

  #next(step: () => Promise<void>): Promise<void> {
    const done = this.#last.then(step)
    // Where the link is lost, the next one begins anew.
    this.#last = done.catch(() => {})
    return done
  }
}
