import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ReplaySetting, type ReplayStep, ReplayWorld } from './support/replay-world.ts'

// Programs for the test. For more of them: TIDINGS_MODEL_RUNS=20000 pnpm test replay-model.test.ts
const numRuns = Number(process.env['TIDINGS_MODEL_RUNS'] ?? 300)

/** One step of a program, as data, so that a failure is printed as what was done. */
type Step =
  | { readonly publish: { readonly type: 0 | 1; readonly k: number; readonly isBroken: boolean } }
  | { readonly mend: number | undefined }
  | { readonly replay: ReplayStep }
  | { readonly abort: number }
  | { readonly discard: true }
  | { readonly reopen: number }
  | { readonly pass: number }

async function take(world: ReplayWorld, step: Step): Promise<void> {
  if ('publish' in step) await world.publish(step.publish.type, step.publish.k, step.publish.isBroken)
  else if ('mend' in step) world.mend(step.mend)
  else if ('replay' in step) await world.replay(step.replay)
  else if ('abort' in step) world.abort(step.abort)
  else if ('discard' in step) await world.discard()
  else if ('reopen' in step) await world.reopen(step.reopen)
  else await world.pass(step.pass)
}

const settings: fc.Arbitrary<ReplaySetting> = fc.record({
  store: fc.constantFrom("the broker's", "the broker's", 'at once', 'late', 'now and then', 'late, now and then'),
  deadLetter: fc.constantFrom('park-key', 'park-key', 'park-key', 'park'),
  concurrency: fc.integer({ min: 1, max: 3 }),
  attempts: fc.constantFrom(1, 1, 2),
  members: fc.integer({ min: 1, max: 3 }),
  chances: fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 40, maxLength: 40 }),
})

const rarely = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { freq: 4, nil: undefined })
const replay: fc.Arbitrary<ReplayStep> = fc.record({
  filter: fc.record({
    type: rarely(fc.constantFrom('model.a', 'model.b')),
    key: rarely(fc.constantFrom('k0', 'k1')),
    reason: rarely(fc.constantFrom('key-parked', 'attempts-exhausted')),
  }),
  limit: rarely(fc.integer({ min: 1, max: 3 })),
  edit: fc.constantFrom('none', 'none', 'same', 'leaves out', 'spoils', 'throws'),
  isEditAsync: fc.boolean(),
  turns: fc.nat(6),
})
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ publish: fc.record({ type: fc.constantFrom(0, 1), k: fc.nat(1), isBroken: fc.boolean() }) }),
  },
  { weight: 1, arbitrary: fc.record({ mend: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.constant({ mend: undefined }) },
  { weight: 4, arbitrary: fc.record({ replay }) },
  { weight: 1, arbitrary: fc.record({ abort: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.constant({ discard: true } as const) },
  { weight: 1, arbitrary: fc.record({ reopen: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ pass: fc.constantFrom(10, 100, 500, 3000) }) },
)

test('INVARIANT: whatever is replayed, edited, discarded, aborted or given up again, at once or late, no event is lost, out of its order or twice', async () => {
  const program = fc.array(steps, { minLength: 5, maxLength: 40, size: 'max' })
  const run = async (setting: ReplaySetting, all: readonly Step[]): Promise<void> => {
    const world = new ReplayWorld(setting)
    await world.open()
    for (const step of all) await take(world, step)
    await world.finish()
    expect(world.problems).toEqual([])
  }
  await fc.assert(fc.asyncProperty(settings, program, run), { numRuns })
}, 600_000)
