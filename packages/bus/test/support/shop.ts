import { defineEvent } from '@tidings/events'
import { z } from 'zod'
import { type Bus, type BusOptions, createBus, type HandlerLog, memory, type Observer } from '../../src/index.ts'
import { ManualClock, quiet } from './recording-member.ts'

export const OrderPlaced = defineEvent('shop.order.placed', {
  schema: z.object({ order: z.int(), item: z.string().default('Book') }),
  key: ({ order }) => `order-${order}`,
})
export const PaymentTaken = defineEvent('shop.payment.taken', z.object({ order: z.int() }))
/** Without a key, and so without a place in any order. */
export const ShelfScanned = defineEvent('shop.shelf.scanned', z.object({ shelf: z.int() }))

/** A log that keeps its lines. */
function recordingLog(): HandlerLog & { readonly lines: { level: string; message: string; facts: unknown }[] } {
  const lines: { level: string; message: string; facts: unknown }[] = []
  const at = (level: string) => (message: string, facts?: unknown) => void lines.push({ level, message, facts })
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** A log that tells each error but those that only say what became of an event. */
export function logOfProblems(tell: (problem: string) => void): HandlerLog {
  const isOutcome = /^an event was (?:parked among the dead letters|discarded)$/
  const error = (message: string): void => {
    if (!isOutcome.test(message)) tell(`the log says: ${message}`)
  }
  return { debug() {}, info() {}, warn() {}, error }
}

/** An observer that writes down the hooks it was called by, with what. */
function recordingObserver(): { observer: Observer; seen: { hook: string; what: never }[] } {
  const seen: { hook: string; what: never }[] = []
  const hooks = ['published', 'unroutable', 'handled', 'failed', 'duplicate', 'expired', 'deadLettered', 'discarded']
  const observer = Object.fromEntries(hooks.map((hook) => [hook, (what: never) => seen.push({ hook, what })]))
  return { observer, seen }
}

export interface Tested extends AsyncDisposable {
  readonly bus: Bus
  readonly clock: ManualClock
  readonly log: ReturnType<typeof recordingLog>
  readonly seen: { hook: string; what: never }[]
  hooks(name: string): unknown[]
  /** Lets time pass in small steps, and everything happen that it brings about. */
  pass(milliseconds: number): Promise<void>
}

/** A bus on a clock of its own, without chance: a retry waits exactly as long as its policy says. */
export async function testedBus(options: Partial<BusOptions> = {}): Promise<Tested> {
  const clock = new ManualClock()
  const log = recordingLog()
  const { observer, seen } = recordingObserver()
  const bus = await createBus({
    source: '/shop',
    transport: memory(),
    clock,
    log,
    observer,
    random: () => 0,
    ...options,
  })
  return {
    bus,
    clock,
    log,
    seen,
    hooks: (name) => seen.filter(({ hook }) => hook === name).map(({ what }) => what),
    async pass(milliseconds) {
      await quiet()
      for (let step = 0; step < 20; step++) {
        clock.advance(milliseconds / 20)
        await quiet(5)
      }
    },
    [Symbol.asyncDispose]: async () => {
      const closed = bus.close({ timeout: 1000 })
      await quiet()
      clock.advance(1000)
      await closed
    },
  }
}
