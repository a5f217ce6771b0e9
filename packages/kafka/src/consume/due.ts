import { systemClock } from '@tidings/bus'
import type { Message, Outgoing } from '@tidings/bus/transport'
import { isTidingsError } from '@tidings/core'
import { decode, type KafkaRecord, textHeader } from '../wire/decode.ts'
import { wayHeaders } from '../wire/encode.ts'
import type { Session } from './member.ts'
import type { Slice } from './slice.ts'

/** How many of a partition are on their way at a time. */
const most = 200
/** Milliseconds until one that could not be sent on is tried again. */
const pause = 500

/** What a {@link DueQueue} sends on by. */
export interface DueOptions {
  publish(outgoing: Outgoing): Promise<void>
  onUnroutable(message: Message): void
}

/**
 * What waits in the topics of delays goes on from here when its hop is over: to the next topic, or to where it is to go.
 * Every connection takes its part; while there is none, it waits there.
 */
export class DueQueue {
  session: Session | undefined
  isStopped = false
  readonly #options: DueOptions
  readonly #underWay = new Map<Slice, number>()
  #cancel: (() => void) | undefined

  constructor(options: DueOptions) {
    this.#options = options
  }

  /** Something has come, or is due. */
  advance(): void {
    const { session } = this
    if (session === undefined || !session.isSettled) return
    const now = systemClock.now()
    let next = Infinity
    for (const slice of session.slices) next = Math.min(next, this.#advance(slice, now))
    this.#cancel?.()
    this.#cancel = next === Infinity ? undefined : systemClock.after(Math.max(1, next - now), () => this.advance())
    session.poke()
  }

  async close(): Promise<void> {
    this.isStopped = true
    this.#cancel?.()
    await this.session?.leave()
  }

  /** In a topic all wait as long as each other: what came first is due first. Answers when the next one is. */
  #advance(slice: Slice, now: number): number {
    for (let record = slice.first; record !== undefined; record = slice.first) {
      const hop = Number(textHeader(record, wayHeaders.hop) ?? 0)
      if (hop > now) return hop
      const underWay = this.#underWay.get(slice) ?? 0
      if (underWay >= most) return Infinity
      slice.take()
      this.#underWay.set(slice, underWay + 1)
      void this.#sendOn(record, slice)
    }
    return Infinity
  }

  async #sendOn(record: KafkaRecord, slice: Slice): Promise<void> {
    const begun = slice.begin(record)
    const message = decode(record)
    const due = Number(textHeader(record, wayHeaders.due) ?? 0)
    const group = textHeader(record, wayHeaders.to)
    const { signal } = slice.lease
    while (!signal.aborted) {
      try {
        await this.#options.publish({ message, group, notBefore: due, beyond: true })
        break
      } catch (error) {
        if (isTidingsError(error, 'BUS_CLOSED')) return
        if (isTidingsError(error, 'UNKNOWN_GROUP')) {
          // Its group has gone meanwhile.
          this.#options.onUnroutable(message)
          break
        }
        await new Promise<void>((resolve) => systemClock.after(pause, resolve))
      }
    }
    slice.end(begun)
    this.session?.settled()
    const left = this.#underWay.get(slice)! - 1
    if (left > 0) this.#underWay.set(slice, left)
    else this.#underWay.delete(slice)
    this.advance()
  }
}
