import { type Delivery, type GivenBack, handled, type Membership, type Settled } from '@tidings/bus/transport'
import { isTidingsError } from '@tidings/core'

/** What a member does with a delivery. */
export type React = (delivery: Delivery, member: Member) => unknown

/** The handler has succeeded, and nothing else follows. */
export async function finish(delivery: Delivery): Promise<Settled> {
  return delivery.settle(handled)
}

const givenBack: GivenBack = { as: 'given-back', begun: true }

/** Given up after something was done with it. */
export async function giveBack(delivery: Delivery): Promise<Settled> {
  return delivery.settle(givenBack)
}

/** Settles nothing. */
export const hold: React = () => {}

/** One member of a group, and what it was handed. */
export class Member {
  /** In the order in which they came. */
  readonly deliveries: Delivery[] = []
  readonly #react: React
  readonly #onFailure: (error: unknown) => void
  #membership: Membership | undefined

  constructor(react: React = finish, onFailure: (error: unknown) => void) {
    this.#react = react
    this.#onFailure = onFailure
  }

  /** The ids of the events, in the order in which they came. */
  get ids(): string[] {
    return this.deliveries.map(({ message }) => String(message.attributes['id']))
  }

  get membership(): Membership {
    if (this.#membership === undefined) throw new Error('a member was asked before it had joined')
    return this.#membership
  }

  joined(membership: Membership): void {
    this.#membership = membership
  }

  deliver(delivery: Delivery): void {
    this.deliveries.push(delivery)
    try {
      // A reaction may settle later; what it throws then counts as well.
      Promise.resolve(this.#react(delivery, this)).catch((error: unknown) => this.#failed(delivery, error))
    } catch (error) {
      this.#failed(delivery, error)
    }
  }

  /** What is lost while it is settled may say so, by an error of ours. */
  #failed({ lost }: Delivery, error: unknown): void {
    if (!lost.aborted || !isTidingsError(error)) this.#onFailure(error)
  }
}

/** Holds what it is handed until it is told what to do with it. */
export class Holder {
  readonly unsettled: Delivery[] = []
  /** The most that were unsettled at a time. */
  most = 0
  readonly react: React = (delivery) => {
    this.unsettled.push(delivery)
    this.most = Math.max(this.most, this.unsettled.length)
  }

  /** Settles the oldest one. */
  async finishNext(): Promise<void> {
    const [oldest] = this.unsettled.splice(0, 1)
    if (oldest !== undefined) await finish(oldest)
  }

  async finishAll(): Promise<void> {
    await Promise.all(this.unsettled.splice(0).map(finish))
  }
}
