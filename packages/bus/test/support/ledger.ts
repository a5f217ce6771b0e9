import type { DeadLetter, DeadLetterStore, Inbox, Message, Transport } from '../../src/index.ts'
import type { Connection, Delivery, Outgoing, Settlement } from '../../src/transport/index.ts'
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
  /** Whether its group has noted that it is handled. */
  isMarked: boolean
  /** Whether a delivery of it was lost or given back before it was settled. */
  wasLost: boolean
  isLetter: boolean
  wasLetter: boolean
  discarded: number
  /** How often it was tried and came to nothing. */
  failures: number
  /** How often it could not be parked, so that it was tried once more. */
  unparked: number
  /** Whether more than one delivery of it may be under way, by somebody else's doing. */
  isTwice: boolean
}

const mark = 'x-copy'

/** The book beside the broker: which copies of which events it has, and what may never be: that one has vanished. */
export class Ledger {
  readonly facts: Fact[] = []
  readonly problems: string[] = []
  mostHeld = 0
  /** Of those that have not failed yet. */
  mostFresh = 0
  /** Unsettled, in the hands of the bus. */
  readonly #held = new Set<Delivery>()
  #marks = 0

  /** The fact of a message. */
  of({ body }: Message): Fact {
    const text = typeof body === 'string' ? body : new TextDecoder().decode(body)
    return this.facts[(JSON.parse(text) as { n: number }).n]!
  }

  transport(real: Transport): Transport {
    return altered(real, (connection) => ({
      deadLetters: connection.deadLetters && this.store(connection.deadLetters),
      publish: (outgoing, options) => this.#publish(connection, outgoing, options),
      subscribe: (request, deliver, signal) => {
        // What a connection holds is lost with it, and so is its count.
        this.#held.clear()
        return connection.subscribe(
          request,
          (delivery) => {
            let isOpen = true
            const close = (): void => {
              isOpen = false
              this.#held.delete(delivery)
            }
            this.#hold(delivery)
            delivery.lost.addEventListener('abort', () => {
              if (isOpen) this.of(delivery.message).wasLost = true
              close()
            })
            deliver(
              alteredDelivery(delivery, {
                settle: (settlement) => {
                  const isOurs = !delivery.lost.aborted && isOpen
                  close()
                  if (isOurs) this.#settled(delivery, settlement)
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
      add: (letter) => {
        const fact = this.of(letter.message)
        if (letter.replayedAt === undefined && (fact.troubles[0] ?? 'slow') !== 'slow') fact.unparked++
        return this.#troubled(fact, () => {
          this.#kept(letter)
          return real.add(letter)
        })
      },
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

  inbox(real: Inbox): Inbox {
    return {
      has: (event, group) => real.has(event, group),
      add: (event, group) => {
        this.facts[Number(event.id)]!.isMarked = true
        return real.add(event, group)
      },
    }
  }

  #hold(delivery: Delivery): void {
    this.#held.add(delivery)
    this.mostHeld = Math.max(this.mostHeld, this.#held.size)
    const held = [...this.#held].map(({ message }) => this.of(message))
    const isFresh = ({ failures, unparked }: Fact): boolean => failures + unparked === 0
    // What stands behind one of its key that waits, waits with it.
    const closed = new Set(held.flatMap((fact) => (isFresh(fact) || fact.key === undefined ? [] : [fact.key])))
    const { length } = held.filter((fact) => isFresh(fact) && !closed.has(fact.key ?? ''))
    this.mostFresh = Math.max(this.mostFresh, length)
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

  #settled({ message, lost }: Delivery, settlement: Settlement): void {
    const fact = this.of(message)
    if (settlement.as === 'given-back') fact.wasLost = true
    if (settlement.as === 'dead-lettered') {
      this.#kept(settlement.letter)
      return this.#acked(message)
    }
    if ('replayed' in settlement && settlement.replayed !== undefined) fact.isLetter = false
    if (settlement.as === 'handled') {
      fact.isMarked ||= settlement.mark !== undefined
      return this.#acked(message)
    }
    // What comes later, or again, is with the broker as the copy that it is.
    if (settlement.as !== 'discarded') return
    // The bus says what it has given up only once that is done.
    fact.copies.delete(Number(message.headers[mark]))
    setImmediate(() => {
      // Nor does it say so where the delivery was lost before it heard that it was done.
      if (lost.aborted) fact.discarded++
      this.#acked(message)
    })
  }

  /** Acknowledged means handled, parked or given up, or that a copy is with the broker. */
  #acked(message: Message): void {
    const fact = this.of(message)
    fact.copies.delete(Number(message.headers[mark]))
    if (fact.copies.size > 0 || fact.handled > 0 || fact.isLetter || fact.discarded > 0) return
    this.problems.push(`event ${fact.n} was acked, and is nowhere`)
  }
}
