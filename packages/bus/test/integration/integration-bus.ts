import { defineEvent, type EventOf } from '@tidings/events'
import * as z from 'zod'
import {
  type AnyHandler,
  type Bus,
  type BusOptions,
  createBus,
  type DeadLetter,
  handler,
  type HandlerLog,
  memory,
  type Middleware,
} from '../../src/index.ts'
import { quiet } from '../support/recording-member.ts'

export const OrderPlaced = defineEvent('shop.order.placed', {
  schema: z.object({
    orderId: z.string(),
    country: z.string().default('CH'),
    lines: z.array(z.object({ item: z.string(), price: z.number() })).default([]),
  }),
  key: ({ orderId }) => orderId,
})
export type OrderPlaced = EventOf<typeof OrderPlaced>

export const LineOrdered = defineEvent('shop.line.ordered', {
  schema: z.object({ orderId: z.string(), item: z.string(), price: z.number().nonnegative() }),
  key: ({ orderId }) => orderId,
})
export type LineOrdered = EventOf<typeof LineOrdered>

export const OrderPriced = defineEvent(
  'shop.order.priced',
  z.object({ orderId: z.string(), items: z.array(z.string()), total: z.number() }),
)
export type OrderPriced = EventOf<typeof OrderPriced>

export const FreightOrdered = defineEvent('shop.freight.ordered', z.object({ orderId: z.string() }))

/** What a bus has written to its log, in words. */
export class Log implements HandlerLog {
  readonly lines: string[] = []
  readonly facts: Readonly<Record<string, unknown>>[] = []

  debug(message: string, facts?: Readonly<Record<string, unknown>>): void {
    this.#write('debug', message, facts)
  }

  info(message: string, facts?: Readonly<Record<string, unknown>>): void {
    this.#write('info', message, facts)
  }

  warn(message: string, facts?: Readonly<Record<string, unknown>>): void {
    this.#write('warn', message, facts)
  }

  error(message: string, facts?: Readonly<Record<string, unknown>>): void {
    this.#write('error', message, facts)
  }

  #write(level: string, message: string, facts: Readonly<Record<string, unknown>> = {}): void {
    this.lines.push(`${level}: ${message}`)
    this.facts.push(facts)
  }
}

/** A bus in memory. Failed events are tried again at once by those who say `retry: atOnce`. */
export function busOf(handlers: readonly AnyHandler[], options: Partial<BusOptions> = {}): Promise<Bus> {
  return createBus({ source: '/shop', transport: memory(), log: new Log(), random: () => 0, handlers, ...options })
}

/** Writes down the ids of all messages of a type that are prepared, those of attempts that fail later included. */
export function preparing(type: string, ids: string[]): Middleware {
  return {
    name: 'preparing',
    async publish(message, next) {
      if (message.attributes['type'] === type) ids.push(String(message.attributes['id']))
      await next(message)
    },
  }
}

export const atOnce = { attempts: 5, delay: 0 } as const

/** A handler that writes down all events of some types, in a group of its own. */
export function recording<Event>(into: Event[], key: Parameters<typeof handler>[0], group = 'recording'): AnyHandler {
  return handler(key, { group, ordering: 'none', concurrency: 1 }, (event) => {
    into.push(event as Event)
  })
}

export async function deadLetters(bus: Bus): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = []
  for await (const letter of bus.deadLetters.list()) letters.push(letter)
  return letters
}

/** The dead letters, as soon as there are any; none after many turns of the event loop. */
export async function someDeadLetters(bus: Bus): Promise<DeadLetter[]> {
  for (let turn = 0; turn < 10_000 && (await bus.deadLetters.count()) === 0; turn++) await quiet(1)
  return await deadLetters(bus)
}
