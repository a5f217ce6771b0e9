import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Bus, createBus, handler, memory, memoryInbox } from '../src/index.ts'
import { mortal, mortalInbox } from './support/mortal.ts'
import { ManualClock, quiet } from './support/recording-member.ts'
import { OrderPlaced, PaymentTaken } from './support/shop.ts'
import { stepwise } from './support/stepwise.ts'
import { type Database, database, inDatabase } from './support/transactional.ts'

// Programs for each test. For more of them: TIDINGS_MODEL_RUNS=20000 pnpm test transactions-model.test.ts
const numRuns = Number(process.env['TIDINGS_MODEL_RUNS'] ?? 200)

/** Asks for what the log would tell else. */
const still = { failed() {}, deadLettered() {}, discarded() {} }
const kinds = [
  ['synchronous', () => database({ sync: true })],
  ['asynchronous', () => database({ sync: false })],
] as const

/** What the model does: events, each with the attempts that fail, and the steps at which a process dies. */
interface Program {
  readonly events: readonly {
    readonly key: number
    readonly failures: readonly ('handler' | 'work')[]
    readonly twice: boolean
  }[]
  readonly crashes: readonly number[]
  readonly concurrency: number
}

const programs: fc.Arbitrary<Program> = fc.record({
  events: fc.array(
    fc.record({
      key: fc.nat(3),
      failures: fc.array(fc.constantFrom('handler', 'work'), { maxLength: 2 }),
      twice: fc.boolean(),
    }),
    { minLength: 1, maxLength: 12 },
  ),
  // No more than an event survives.
  crashes: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 }),
  concurrency: fc.integer({ min: 1, max: 4 }),
})

/** Publishes the events of a program, under their numbers. */
async function publishAll(bus: Bus, { events }: Program): Promise<void> {
  for (const [n, { key, twice }] of events.entries()) {
    const event = await bus.publish(OrderPlaced, { order: n }, { id: String(n), subject: `key-${key}` })
    if (twice) await bus.publish(event)
  }
}

/** Lets time pass until everything has come to rest. */
async function rest(clock: ManualClock): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await quiet(3)
    clock.advance(500)
  }
  await quiet(3)
}

/** The end of a bus, of whose process nobody knows whether it lives. */
async function end(bus: Bus, clock: ManualClock): Promise<void> {
  const closed = bus.close({ timeout: 10 })
  await quiet(5)
  clock.advance(10)
  await closed
}

describe('INVARIANT: a process that dies between any two steps of a settlement loses nothing', () => {
  const silent = { debug() {}, info() {}, warn() {}, error() {} }

  test.each(kinds)(
    'and with `transaction`, on a database that is %s, its handlers act exactly once',
    async (_kind, made: () => Database) => {
      const run = async (program: Program): Promise<void> => {
        const { transport, rows, crashAt } = made()
        const clock = new ManualClock()
        const shared = { source: '/shop', transport, clock, random: () => 0, log: silent, observer: still }
        const failed = new Map<number, number>()
        const { concurrency } = program
        const policy = { group: 'billing', idempotent: true, concurrency, retry: { attempts: 20, delay: 10 } } as const
        const handlers = [
          handler(OrderPlaced, { ...policy, transaction: inDatabase }, async ({ data }, { publish, transaction }) => {
            const times = failed.get(data.order) ?? 0
            const failure = program.events[data.order]!.failures[times]
            failed.set(data.order, times + 1)
            transaction((tx) => {
              tx.add(`billed ${data.order}`, 1)
              if (failure === 'work') throw new Error('the work failed')
            })
            await publish(PaymentTaken, { order: data.order })
            if (failure === 'handler') throw new Error('the handler failed')
          }),
          // By the acknowledgement alone, which is in the same commit.
          handler(PaymentTaken, { group: 'ledger', transaction: inDatabase }, ({ data }, { transaction }) =>
            transaction((tx) => tx.add(`paid ${data.order}`, 1)),
          ),
        ]
        const publisher = await createBus(shared)
        await (await createBus({ ...shared, handlers })).close()
        await publishAll(publisher, program)
        for (const step of program.crashes) {
          const died = crashAt(step)
          const bus = await createBus({ ...shared, handlers })
          await Promise.race([died, rest(clock)])
          await end(bus, clock)
        }
        const last = await createBus({ ...shared, handlers })
        await rest(clock)
        const done = [...program.events.keys()].map((n) => [n, rows.get(`billed ${n}`), rows.get(`paid ${n}`)])
        expect(done).toEqual([...program.events.keys()].map((n) => [n, 1, 1]))
        expect(await last.deadLetters.count()).toBe(0)
        await end(last, clock)
        await publisher.close()
      }
      await fc.assert(fc.asyncProperty(programs, run), { numRuns })
    },
    600_000,
  )

  test.each(['the inbox of the transport', 'an inbox of its own'])(
    'and without, step by step, with %s, its effects keep their ids, so that idempotent handlers behind act once',
    async (inbox) => {
      const run = async (program: Program): Promise<void> => {
        const real = memory()
        const clock = new ManualClock()
        const marks = memoryInbox({ clock })
        const shared = { source: '/shop', clock, random: () => 0, log: silent, observer: still }
        const failed = new Map<number, number>()
        const paid: number[] = []
        const billed = new Set<number>()
        const { concurrency } = program
        const policy = { group: 'billing', idempotent: true, concurrency, retry: { attempts: 20, delay: 10 } } as const
        const billing = handler(OrderPlaced, policy, async ({ data }, { publish }) => {
          const times = failed.get(data.order) ?? 0
          const failure = program.events[data.order]!.failures[times]
          failed.set(data.order, times + 1)
          await publish(PaymentTaken, { order: data.order })
          if (failure !== undefined) throw new Error('the handler failed')
          billed.add(data.order)
        })
        const ledger = handler(
          PaymentTaken,
          { group: 'ledger', idempotent: true },
          ({ data }) => void paid.push(data.order),
        )
        const open = async (crashAt: number, died: () => void): Promise<Bus> => {
          const { transport, life } = mortal(real, crashAt, died)
          const own = inbox === 'an inbox of its own' ? { inbox: mortalInbox(marks, life) } : {}
          return createBus({ ...shared, ...own, transport: stepwise(transport), handlers: [billing] })
        }
        const behind = await createBus({ ...shared, transport: real, handlers: [ledger] })
        await (await open(0, () => {})).close()
        await publishAll(behind, program)
        for (const step of program.crashes) {
          let died = (): void => {}
          const dead = new Promise<void>((resolve) => (died = resolve))
          const bus = await open(step, died)
          await Promise.race([dead, rest(clock)])
          await end(bus, clock)
        }
        const last = await open(0, () => {})
        await rest(clock)
        expect(await behind.deadLetters.count()).toBe(0)
        const all = [...program.events.keys()]
        expect([[...billed].toSorted(ascending), paid.toSorted(ascending)]).toEqual([all, all])
        await end(last, clock)
        await end(behind, clock)
      }
      await fc.assert(fc.asyncProperty(programs, run), { numRuns })
    },
    600_000,
  )
})

function ascending(a: number, b: number): number {
  return a - b
}
