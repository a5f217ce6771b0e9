// Compiled against the published declarations, then run: these decorators are the compiler's own output.
import { EventDispatcher, eventType } from '@tidings/core'
import { logged, on, register, retry } from '@tidings/decorators'

interface Order {
  item: string
}
const OrderPlaced = eventType<Order>()('shop.order.placed')
const seen: string[] = []

class Warehouse {
  shelf = 'A'

  @on(OrderPlaced)
  @logged({ logger: { debug: () => undefined, error: () => undefined, info: () => undefined, warn: () => undefined } })
  @retry({ attempts: 2 })
  async reserve(order: Order): Promise<void> {
    seen.push(`${order.item} from ${this.shelf}`)
  }
}

class Wrong {
  // @ts-expect-error A handler of orders is no handler of numbers.
  @on(OrderPlaced)
  count(_amount: number): void {}
}

const dispatcher = new EventDispatcher()
const registration = register(dispatcher, new Warehouse())
dispatcher.publish(OrderPlaced, { item: 'Book' })
await new Promise((resolve) => setTimeout(resolve, 10))
registration.unsubscribe()
dispatcher.publish(OrderPlaced, { item: 'Pen' })
if (seen.join() !== 'Book from A' || new Wrong().count.length !== 1) throw new Error(seen.join())
