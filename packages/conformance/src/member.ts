import type { Delivery, Membership } from '@tidings/bus'

/** What a member does with a delivery. */
export type React = (delivery: Delivery, member: Member) => unknown

/** Settles each delivery at once. */
const ack: React = (delivery) => delivery.ack()

/** Settles nothing. */
export const hold: React = () => {}

/** One member of a group, and what it was handed. */
export class Member {
  /** In the order in which they came. */
  readonly deliveries: Delivery[] = []
  readonly #react: React
  readonly #onFailure: (error: unknown) => void
  #membership: Membership | undefined

  constructor(react: React = ack, onFailure: (error: unknown) => void) {
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
      Promise.resolve(this.#react(delivery, this)).catch(this.#onFailure)
    } catch (error) {
      this.#onFailure(error)
    }
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
  ackNext(): void {
    this.unsettled.shift()?.ack()
  }

  ackAll(): void {
    for (const delivery of this.unsettled.splice(0)) delivery.ack()
  }
}
