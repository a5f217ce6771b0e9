// Producers and listeners know the events, not each other; a manager brings them together.
import { EventDispatcher, type Subscription } from '@tidings/core'

interface OrderEvents {
  new_order: { id: number; item: string }
  order_shipped: { id: number }
}

class OrderProducer {
  readonly #events: EventDispatcher<OrderEvents>

  constructor(events: EventDispatcher<OrderEvents>) {
    this.#events = events
  }

  place(id: number, item: string): void {
    this.#events.publish('new_order', { id, item })
  }

  ship(id: number): void {
    this.#events.publish('order_shipped', { id })
  }
}

class OrderListener {
  listen(events: EventDispatcher<OrderEvents>): Subscription[] {
    return [
      events.subscribe('new_order', ({ id, item }) => console.log(`Processing order #${id} for ${item}`)),
      events.subscribe('order_shipped', ({ id }) => console.log(`Order #${id} has been shipped.`)),
    ]
  }
}

class EventManager {
  readonly #events = new EventDispatcher<OrderEvents>()
  readonly orders: OrderProducer = new OrderProducer(this.#events)

  add(listener: OrderListener): void {
    listener.listen(this.#events)
  }
}

const manager = new EventManager()
manager.add(new OrderListener())
manager.orders.place(123, 'Coffee')
manager.orders.ship(124)
