import { BusClosedError } from '@tidings/bus'
import type { DeadLetterSink, ReconnectingSession, SinkReplay } from '@tidings/bus/transport'
import type { Link } from './link.ts'

/** The sink of dead letters of a transport that is served. */
export class SocketSink implements DeadLetterSink {
  readonly #session: ReconnectingSession<Link>
  readonly #closing = new AbortController()
  /** Those that a server was asked for. */
  readonly #underWay = new Set<Promise<number>>()

  constructor(session: ReconnectingSession<Link>) {
    this.#session = session
  }

  /** Waits for a link where there is none. Rejects with `OutcomeUnknownError` when the link breaks that it was sent on. */
  async replay(group: string, options: SinkReplay): Promise<number> {
    const { signal } = options
    if (signal.aborted) return 0
    return new Promise((resolve, reject) => {
      const giveUp = (): void => resolve(0)
      const deafen = (): void => signal.removeEventListener('abort', giveUp)
      signal.addEventListener('abort', giveUp, { once: true })
      const asking = this.#session.ask(async (link) => {
        this.#closing.signal.throwIfAborted()
        // From here on only the server knows the number.
        deafen()
        // Not awaited here, or it would be asked anew when the link breaks: beyond its limit, and counted from 0.
        if (!signal.aborted) resolve(this.#begin(link, group, options))
      })
      asking.catch(reject).finally(deafen)
    })
  }

  /** Ends what is under way behind the letter that it is at, and resolves when it has ended. Takes no more. */
  async close(): Promise<void> {
    this.#closing.abort(new BusClosedError('a replay'))
    await Promise.allSettled(this.#underWay)
  }

  #begin(link: Link, group: string, options: SinkReplay): Promise<number> {
    const signal = AbortSignal.any([options.signal, this.#closing.signal])
    const count: Promise<number> = link
      .replay(group, { ...options, signal })
      .finally(() => this.#underWay.delete(count))
    this.#underWay.add(count)
    return count
  }
}
