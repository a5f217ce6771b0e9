import type { Inbox, Transport } from '@tidings/bus'
import { isThenable } from '@tidings/core/tools'
import { over } from './over.ts'

/** Counts what inboxes are asked while they have not answered: they may do real I/O. */
export class AskedInboxes {
  pending = 0
  /** Goes up with everything that happens. */
  changes = 0
  readonly #onFailure: (call: 'has' | 'add', error: unknown) => void

  constructor(onFailure: (call: 'has' | 'add', error: unknown) => void) {
    this.#onFailure = onFailure
  }

  /** What is no inbox is left as it is, for `createBus` to refuse. */
  follow(inbox: Inbox): Inbox {
    const given: Partial<Inbox> | null = inbox
    if (typeof given?.has !== 'function' || typeof given.add !== 'function') return inbox
    return {
      has: (event, group) => this.#ask('has', () => inbox.has(event, group)),
      add: (event, group) => this.#ask('add', () => inbox.add(event, group)),
    }
  }

  /** A transport whose connections have their inbox followed. */
  behind(transport: Transport): Transport {
    const given: Partial<Transport> | null = transport
    if (typeof given?.connect !== 'function') return transport
    return over(transport, {
      connect: async (options) => {
        const connection = await transport.connect(options)
        const { inbox } = connection
        return inbox === undefined ? connection : over(connection, { inbox: this.follow(inbox) })
      },
    })
  }

  #ask<Answer>(call: 'has' | 'add', question: () => Answer): Answer {
    try {
      const answer = question()
      return isThenable(answer) ? (this.#wait(call, answer) as Answer) : answer
    } catch (error) {
      this.#onFailure(call, error)
      throw error
    }
  }

  async #wait(call: 'has' | 'add', answer: PromiseLike<unknown>): Promise<unknown> {
    this.pending++
    this.changes++
    try {
      return await answer
    } catch (error) {
      this.#onFailure(call, error)
      throw error
    } finally {
      this.pending--
      this.changes++
    }
  }
}
