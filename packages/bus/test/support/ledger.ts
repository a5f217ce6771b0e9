import type { Connection, DeadLetter, DeadLetterStore, Message, Outgoing, Transport } from '../../src/index.ts'
import { altered, alteredDelivery } from './altered.ts'

/** What the broker or the store does with a copy or a letter, other than to do it at once. */
export type Trouble = 'refused' | 'unanswered' | 'slow'

/** An event from the day it was published, as one would keep it who sees everything. */
export interface Fact {
  readonly n: number
  readonly key: string | undefined
  /** What becomes of the next copies and letters of it. */
  readonly troubles: Trouble[]
  /** Copies of it that the broker has, by their marks. */
  readonly copies: Set<number>
  handled: number
  isLetter: boolean
  wasLetter: boolean
  discarded: number
  /** Whether more than one delivery of it may be under way, by somebody else's doing. */
  isTwice: boolean
}

const mark = 'x-copy'

/** The book beside the broker: which copies of which events it has, and what may never be: that one has vanished. */
export class Ledger {
  readonly facts: Fact[] = []
  readonly problems: string[] = []
  /** Unsettled, in the hands of the bus. */
  held = 0
  mostHeld = 0
  #marks = 0

  /** The fact of a message. */
  of({ body }: Message): Fact {
    const text = typeof body === 'string' ? body : new TextDecoder().decode(body)
    return this.facts[(JSON.parse(text) as { n: number }).n]!
  }

  transport(real: Transport): Transport {
    return altered(real, (connection) => ({
      publish: (outgoing, options) => this.#publish(connection, outgoing, options),
      subscribe: (request, deliver, signal) => {
        // What a connection holds is lost with it, and so is its count.
        this.held = 0
        return connection.subscribe(
          request,
          (delivery) => {
            let isOpen = true
            const close = (): void => {
              if (!isOpen) return
              isOpen = false
              this.held--
            }
            this.held++
            this.mostHeld = Math.max(this.mostHeld, this.held)
            delivery.lost.addEventListener('abort', close)
            deliver(
              alteredDelivery(delivery, {
                settle: (settlement) => {
                  const isOurs = !delivery.lost.aborted && isOpen
                  // What comes later is with the broker as the copy that it is.
                  if (isOurs && settlement.as !== 'given-back' && settlement.as !== 'later') this.#acked(delivery.message)
                  close()
                  return delivery.settle(settlement)
                },
              }),
            )
          },
          signal,
        )
      },
    }))
  }

  store(real: DeadLetterStore): DeadLetterStore {
    return {
      add: (letter) =>
        this.#troubled(this.of(letter.message), () => {
          this.#kept(letter)
          return real.add(letter)
        }),
      get: (id) => real.get(id),
      list: (query) => real.list(query),
      firstOfKey: (group, key) => real.firstOfKey(group, key),
      remove: (id) => {
        const letter = real.get(id) as DeadLetter | undefined
        if (letter) this.of(letter.message).isLetter = false
        return real.remove(id)
      },
    }
  }

  #kept({ message }: DeadLetter): void {
    const fact = this.of(message)
    fact.isLetter = true
    fact.wasLetter = true
  }

  #publish(
    connection: Connection,
    { message, ...outgoing }: Outgoing,
    options: { readonly signal?: AbortSignal | undefined } | undefined,
  ): void | Promise<void> {
    const fact = this.of(message)
    const send = (): void | Promise<void> => {
      const copy = this.#marks++
      fact.copies.add(copy)
      const headers = { ...message.headers, [mark]: String(copy) }
      // Before it is confirmed the broker may have handed it out.
      return connection.publish({ ...outgoing, message: { ...message, headers } }, options)?.catch((error: unknown) => {
        fact.copies.delete(copy)
        throw error
      })
    }
    return outgoing.group === undefined ? send() : this.#troubled(fact, send)
  }

  /** Does a step as the next trouble of the event wants it. */
  #troubled(fact: Fact, step: () => void | Promise<void>): void | Promise<void> {
    const trouble = fact.troubles.shift()
    if (trouble === undefined) return step()
    if (trouble === 'refused') throw new Error('refused')
    return (async () => {
      if (trouble === 'slow') for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
      else fact.isTwice = true
      await step()
      if (trouble === 'unanswered') throw new Error('no answer came')
    })()
  }

  /** Acknowledged means handled, parked or given up, or that a copy is with the broker. */
  #acked(message: Message): void {
    const fact = this.of(message)
    fact.copies.delete(Number(message.headers[mark]))
    if (fact.copies.size > 0 || fact.handled > 0 || fact.isLetter || fact.discarded > 0) return
    this.problems.push(`event ${fact.n} was acked, and is nowhere`)
  }
}
