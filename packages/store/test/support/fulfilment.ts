import { createCatalog, defineEvent, type EventOf } from '@tidings/events'
import { z } from 'zod'
import { commandTo, defineDecider, defineProcess, type EventStore, type Follower, waitFor } from '../../src/index.ts'
import { createStore, memoryRecorder, type Recorder } from '../../src/recorder/index.ts'

const aboutOrder = z.object({ order: z.string() })
export const Placed = defineEvent('shop.order.placed', aboutOrder)
export const Paid = defineEvent('shop.order.paid', aboutOrder)
export const Shipped = defineEvent('shop.order.shipped', aboutOrder)
export const Cancelled = defineEvent('shop.order.cancelled', aboutOrder.extend({ reason: z.string() }))
export const Noted = defineEvent('shop.note.taken', z.object({ text: z.string() }))

export const catalog = createCatalog([Placed, Paid, Shipped, Cancelled, Noted])
export type FulfilmentEvent = EventOf<(typeof catalog.definitions)[number]>

type OrderEvent = Exclude<FulfilmentEvent, EventOf<typeof Noted>>
export type OrderCommand = { readonly ship: string } | { readonly cancel: string; readonly reason: string }

/** An order that is shipped or cancelled, once. */
export const order = defineDecider({
  initial: () => ({ status: 'none' }),
  evolve: (state, { type }: OrderEvent) => (isOver(state.status) ? state : { status: type }),
  decide(command: OrderCommand, { status }): OrderEvent | OrderEvent[] {
    if (isOver(status)) throw new Error(`it is ${status} already`)
    return 'ship' in command
      ? Shipped.create({ order: command.ship })
      : Cancelled.create({ order: command.cancel, reason: command.reason })
  },
})

const isOver = (status: string): boolean => status === Shipped.type || status === Cancelled.type

/** An order waits for its payment, fifteen minutes at most. */
export const fulfilment = defineProcess('fulfilment', {
  on: [Placed, Paid],
  begins: [Placed],
  key: ({ data }) => data.order,
  initial: () => ({ payments: 0 }),
  react(state, event, { key }) {
    if (event.type === Placed.type) return { timeouts: { payment: '15m' } }
    return {
      state: { payments: state.payments + 1 },
      commands: [commandTo(order, `order-${key}`, { ship: key })],
      cancel: ['payment'],
      ends: true,
    }
  },
  timedOut: (_, timeout, { key }) => ({
    commands: [commandTo(order, `order-${key}`, { cancel: key, reason: `no ${timeout}` })],
    ends: true,
  }),
})

export const minute = 60_000

/** A store in memory whose log says the time of the clock. */
export function storeAt(
  clock: { now(): number },
  log: Recorder = memoryRecorder({ clock }),
): EventStore<FulfilmentEvent> {
  return createStore(log, { events: catalog })
}

/** The types of the events of a stream, without what they begin with. */
export async function typesOf(store: EventStore, stream: string): Promise<string[]> {
  const types: string[] = []
  for await (const { event } of store.read(stream)) types.push(event.type.slice('shop.'.length))
  return types
}

/** Resolves when a follower has seen all, also what it has brought about. */
export async function settled(store: EventStore, follower: Follower): Promise<void> {
  for (let end = await store.end(); ;) {
    await waitFor(follower, end)
    const next = await store.end()
    if (next === end) return
    end = next
  }
}
