import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createBus, handler, memory, systemClock } from '../src/index.ts'
import { createRelay } from '../src/integration/index.ts'
import { mortal } from './support/mortal.ts'
import { quiet } from './support/recording-member.ts'
import { OrderPlaced } from './support/shop.ts'

// Programs that are tried. For more of them: TIDINGS_MODEL_RUNS=5000 pnpm test relay-model.test.ts
const numRuns = Number(process.env['TIDINGS_MODEL_RUNS'] ?? 100)

/** Events by their keys, and of each relay the step at which it dies, on which side. */
interface Program {
  readonly events: readonly { readonly key: number; readonly late: boolean }[]
  readonly crashes: readonly { readonly side: 'from' | 'to'; readonly step: number }[]
  readonly prefetch: number
}

const programs: fc.Arbitrary<Program> = fc.record({
  events: fc.array(fc.record({ key: fc.nat(3), late: fc.boolean() }), { minLength: 1, maxLength: 30 }),
  crashes: fc.array(fc.record({ side: fc.constantFrom('from', 'to'), step: fc.integer({ min: 1, max: 30 }) }), {
    maxLength: 5,
  }),
  prefetch: fc.integer({ min: 1, max: 10 }),
})

test(
  'INVARIANT: a relay that dies between any two steps loses nothing, keeps each key in order, and has idempotent handlers act once',
  { timeout: 600_000 },
  async () => {
    const run = async ({ events, crashes, prefetch }: Program): Promise<void> => {
      const [from, to] = [memory(), memory()]
      const seen: string[] = []
      const billing = handler(OrderPlaced, { group: 'billing', idempotent: true }, ({ subject, data }) => {
        seen.push(`${subject} ${data.order}`)
      })
      const shared = { source: '/shop', log: false } as const
      await (await createBus({ ...shared, transport: from, handlers: [billing] })).close()
      const publisher = await createBus({ ...shared, transport: from })
      const there = await createBus({ ...shared, transport: to, handlers: [billing] })
      const publish = async (late: boolean): Promise<void> => {
        for (const [order, event] of events.entries()) {
          if (event.late === late) await publisher.publish(OrderPlaced, { order }, { subject: `key-${event.key}` })
        }
      }
      await publish(false)
      const route = { ...shared, groups: 'all', prefetch, clock: systemClock } as const
      for (const { side, step } of crashes) {
        const { transport: dying, life } = mortal(side === 'from' ? from : to, step, () => {})
        const relay = await createRelay({ ...route, ...(side === 'from' ? { from: dying, to } : { from, to: dying }) })
        for (let turn = 0; turn < 20 && !life.isOver; turn++) await quiet(5)
        // Of the dead nobody hears any more.
        if (!life.isOver) await relay.close()
        else void relay.close({ timeout: 0 })
      }
      const last = await createRelay({ ...route, from, to })
      await publish(true)
      await last.caughtUp({ timeout: '20s' })
      await there.idle({ timeout: '20s' })
      for (const key of [0, 1, 2, 3]) {
        const ofKey = [...events.entries()].filter(([, event]) => event.key === key)
        // Early ones were published before late ones.
        const inOrder = [...ofKey.filter(([, { late }]) => !late), ...ofKey.filter(([, { late }]) => late)]
        expect(seen.filter((each) => each.startsWith(`key-${key} `))).toEqual(
          inOrder.map(([order]) => `key-${key} ${order}`),
        )
      }
      for (const each of [last, there, publisher]) await each.close()
    }
    await fc.assert(fc.asyncProperty(programs, run), { numRuns })
  },
)
