import type { Inbox, Transport } from '@tidings/bus'
import type { Delivery } from '@tidings/bus/transport'
import { isThenable, over } from '@tidings/core/tools'

/** What an inbox, or a settlement that tells it, was asked. */
type InboxCall = 'has' | 'add' | 'settle'

/** Counts what inboxes are asked while they have not answered: they may do real I/O. */
export class AskedInboxes {
  pending = 0
  /** Goes up with everything that happens. */
  changes = 0
  readonly #onFailure: (call: InboxCall, error: unknown) => void

  constructor(onFailure: (call: InboxCall, error: unknown) => void) {
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

  /** A transport whose settlements are followed: in one that keeps the inbox, they tell it. */
  behind(transport: Transport): Transport {
    const given: Partial<Transport> | null = transport
    if (typeof given?.connect !== 'function') return transport
    return over(transport, {
      connect: async (options) => {
        const connection = await transport.connect(options)
        return over(connection, {
          subscribe: (request, deliver, signal) =>
            connection.subscribe(request, (delivery) => deliver(this.#following(delivery)), signal),
        })
      },
    })
  }

  #following(delivery: Delivery): Delivery {
    return over(delivery, { settle: (settlement) => this.#ask('settle', () => delivery.settle(settlement)) })
  }

  #ask<Answer>(call: InboxCall, question: () => Answer): Answer {
    try {
      const answer = question()
      return isThenable(answer) ? (this.#wait(call, answer) as Answer) : answer
    } catch (error) {
      this.#onFailure(call, error)
      throw error
    }
  }

  async #wait(call: InboxCall, answer: PromiseLike<unknown>): Promise<unknown> {
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
