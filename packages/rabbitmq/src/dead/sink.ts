import type { GetMessage } from 'amqplib'
import { BusClosedError, OutcomeUnknownError, receivedMessage } from '@tidings/bus/transport'
import type { DeadLetterSink, Outgoing, ReconnectingSession, SinkReplay } from '@tidings/bus/transport'
import { systemClock } from '@tidings/bus'
import { isMissing } from '../errors.ts'
import type { Link } from '../link.ts'
import type { Names } from '../topology/names.ts'
import { decode } from '../wire/decode.ts'

/** The dead letters of a group, in a queue of their own that the broker's tools show. */
export class RabbitmqSink implements DeadLetterSink {
  readonly #session: ReconnectingSession<Link>
  readonly #names: Names
  readonly #publish: (outgoing: Outgoing) => Promise<void>
  readonly #closing = new AbortController()
  readonly #underWay = new Set<Promise<number>>()

  constructor(session: ReconnectingSession<Link>, names: Names, publish: (outgoing: Outgoing) => Promise<void>) {
    this.#session = session
    this.#names = names
    this.#publish = publish
  }

  /** Waits for a link where there is none. */
  replay(group: string, options: SinkReplay): Promise<number> {
    const replaying = this.#session.ask(async (link) => {
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

  async #replay(link: Link, group: string, { rate, limit, signal }: SinkReplay): Promise<number> {
    const queue = this.#names.dead(group)
    const what = `the queue ${JSON.stringify(queue)}`
    const over = AbortSignal.any([signal, this.#closing.signal])
    const channel = await link.channel(() => {})
    let count = 0
    try {
      const { messageCount } = await link.within(what, channel.checkQueue(queue))
      // Those that come meanwhile stay: a letter that is given up once more would never let it end.
      const most = Math.min(limit, messageCount)
      while (count < most && !over.aborted) {
        const letter: GetMessage | false = await link.within(what, channel.get(queue))
        if (letter === false) break
        await this.#publish({ message: receivedMessage(decode(letter)), group, beyond: true })
        channel.ack(letter)
        count++
        if (count < most && rate < Infinity) await pause(1000 / rate, over)
      }
      return count
    } catch (error) {
      if (isMissing(error)) return count
      if (link.isLost) throw new OutcomeUnknownError('the connection broke', { cause: error })
      throw error
    } finally {
      // What was taken and not acknowledged goes back to its place.
      await link.within(what, channel.close()).catch(() => {})
    }
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
