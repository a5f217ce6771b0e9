/** One client of a broker: what the races are run with. Each has places of its own, which nobody else uses. */
export interface BrokerClient {
  /** Publishes orders to a place in which they wait; the place is there when this resolves. */
  publisher(): Promise<Publisher>
  /** Hands out what waits in a place, at most `prefetch` unsettled at a time, each acknowledged when `handle` is done. */
  consumer(options: Consuming): Promise<Consumer>
}

interface Publisher {
  /** Resolves when the broker has confirmed it. */
  publish(at: number): Promise<unknown>
  /** How many the broker has kept. */
  kept(): Promise<number>
  /** Ends it, and takes the place away. */
  close(): Promise<void>
}

interface Consuming {
  readonly prefetch: number
  /** Orders that wait in the place before anybody consumes. */
  readonly waiting: number
  /** A promise, where it has to wait for its turn. */
  readonly handle: () => void | Promise<void>
}

interface Consumer {
  close(): Promise<void>
}
