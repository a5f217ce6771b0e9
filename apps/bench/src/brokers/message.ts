import { orderAt } from '../run/orders.ts'

/** What makes the JSON of an order 300 bytes long. */
export const padding = 'x'.repeat(220)

/** An order as a client that knows nothing of Tidings writes it: JSON of 300 bytes, and eight headers of CloudEvents. */
export function plainMessage(at: number): {
  readonly key: string
  readonly body: string
  readonly headers: Record<string, string>
} {
  const order = { ...orderAt(at), item: padding, userId: 0 }
  return {
    key: order.orderId,
    body: JSON.stringify(order),
    headers: {
      specversion: '1.0',
      id: `01890a5d-ac96-7000-8000-${at.toString(16).padStart(12, '0')}`,
      source: '/bench',
      type: 'bench.order.placed',
      time: new Date().toISOString(),
      subject: order.orderId,
      sequence: String(at),
      dataversion: '1',
    },
  }
}
