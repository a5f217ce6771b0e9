import { type Clock, type Message, systemClock, type Transport } from '../../src/index.ts'
import {
  type Connection,
  type ConnectionState,
  type Delivery,
  type GivenBack,
  type GroupRequest,
  type Membership,
  handled,
} from '../../src/transport/index.ts'

/** Given up after something was done with it. */
export const givenBack: GivenBack = { as: 'given-back', begun: true }

/** A connection, and what it was told. */
export interface Connected {
  readonly connection: Connection
  readonly states: ConnectionState[]
  readonly unroutable: string[]
}

export async function connectTo(transport: Transport, clock: Clock = systemClock): Promise<Connected> {
  const states: ConnectionState[] = []
  const unroutable: string[] = []
  const connection = await transport.connect({
    name: '/test',
    clock,
    onState: (state) => states.push(state),
    onUnroutable: (message) => unroutable.push(idOf(message)),
  })
  return { connection, states, unroutable }
}

/** A member that writes down what it is handed, and settles nothing by itself unless `then` does. */
export class RecordingMember {
  readonly deliveries: Delivery[] = []
  membership!: Membership

  static async join(
    connection: Connection,
    request: Partial<GroupRequest> = {},
    then: (delivery: Delivery) => void = () => {},
  ): Promise<RecordingMember> {
    const member = new RecordingMember()
    const whole = {
      group: 'group',
      types: ['a'],
      prefetch: 1000,
      ordered: true,
      from: 'latest',
      temporary: false,
      marks: false,
    } as const
    member.membership = await connection.subscribe({ ...whole, ...request }, (delivery) => {
      member.deliveries.push(delivery)
      then(delivery)
    })
    return member
  }

  /** Event ids in the order of delivery. */
  get ids(): string[] {
    return this.deliveries.map(({ message }) => idOf(message))
  }

  /** The last delivery of an event. */
  of(id: string): Delivery {
    const delivery = this.deliveries.findLast(({ message }) => idOf(message) === id)
    if (delivery === undefined) throw new Error(`${id} was not delivered`)
    return delivery
  }

  ackAll(): void {
    for (const delivery of this.deliveries) void delivery.settle(handled)
  }
}

export function message(id: string, facts: { type?: string; key?: string; body?: Message['body'] } = {}): Message {
  const { type = 'a', key, body = '{}' } = facts
  const subject = key === undefined ? {} : { subject: key }
  return {
    attributes: { specversion: '1.0', id, type, source: '/test', ...subject },
    contentType: 'application/json',
    body,
    headers: {},
  }
}

export function idOf({ attributes }: Message): string {
  return String(attributes['id'])
}

/** Lets everything happen that can happen without time passing: many turns of the event loop. */
export async function quiet(turns = 20): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** Waits until the condition holds; fails when it does not within so many turns of the event loop. */
export async function until(condition: () => boolean, turns = 100_000): Promise<void> {
  for (let i = 0; i < turns; i++) {
    if (condition()) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  throw new Error(`did not come true: ${String(condition)}`)
}

/** How a promise stands after everything has happened that can. */
export async function stateOf(promise: void | Promise<unknown>): Promise<'pending' | 'resolved' | 'rejected'> {
  let state: 'pending' | 'resolved' | 'rejected' = 'pending'
  if (promise === undefined) return 'resolved'
  promise.then(
    () => (state = 'resolved'),
    () => (state = 'rejected'),
  )
  await quiet()
  return state
}

/** A clock whose time passes only by `advance`. */
export class ManualClock implements Clock {
  #now = Date.UTC(2026, 0, 1)
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>()

  now(): number {
    return this.#now
  }

  after(delay: number, callback: () => void): () => void {
    const timer = { at: this.#now + delay, callback }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Timers that have not gone off. */
  get timers(): number {
    return this.#timers.size
  }

  advance(milliseconds: number): void {
    const end = this.#now + milliseconds
    for (;;) {
      const next = [...this.#timers].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.callback()
    }
    this.#now = end
  }
}
