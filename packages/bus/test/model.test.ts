import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Published, Setting } from './support/scripted-handlers.ts'
import { World } from './support/world.ts'

// Programs for each test. For more of them: TIDINGS_MODEL_RUNS=20000 pnpm test model.test.ts
const numRuns = Number(process.env['TIDINGS_MODEL_RUNS'] ?? 600)

/** One step of a program, as data, so that a failure is printed as what was done. */
type Step =
  | { readonly publish: Published }
  | { readonly publishAgain: number }
  | { readonly pass: number }
  | { readonly reopen: number }
  | { readonly cut: true }
  | { readonly replay: number }
  | { readonly join: true }

async function take(world: World, step: Step): Promise<void> {
  if ('publish' in step) await world.publish(step.publish)
  else if ('publishAgain' in step) await world.publishAgain(step.publishAgain)
  else if ('pass' in step) await world.pass(step.pass)
  else if ('reopen' in step) await world.reopen(step.reopen)
  else if ('cut' in step) await world.cut()
  else if ('replay' in step) await world.replay(step.replay)
  else await world.join()
}

const endings = fc.constantFrom('fail', 'fail', 'fail', 'permanent', 'hang', 'late', 'never')
const troubles = fc.constantFrom('refused', 'unanswered', 'slow')
const publish: fc.Arbitrary<Step> = fc.record({
  publish: fc.record({
    key: fc.constantFrom('a', 'a', 'b', undefined),
    turns: fc.constantFrom(0, 0, 1, 2, 4),
    endings: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(endings, { maxLength: 4 })),
    troubles: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(troubles, { maxLength: 2 })),
  }),
})
const pass: fc.Arbitrary<Step> = fc.record({ pass: fc.constantFrom(1, 5, 10, 50, 400, 1500) })
const disturbances: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ publishAgain: fc.nat(20) }),
  fc.record({ reopen: fc.constantFrom(0, 50, 500, 3000) }),
  fc.record({ cut: fc.constant(true as const) }),
  fc.record({ replay: fc.nat(6) }),
  fc.record({ join: fc.constant(true as const) }),
)
const settings: fc.Arbitrary<Setting> = fc
  .record({
    concurrency: fc.integer({ min: 1, max: 4 }),
    spare: fc.nat(5),
    attempts: fc.integer({ min: 1, max: 3 }),
    idempotent: fc.boolean(),
    deadLetter: fc.constantFrom('park', 'park', 'park-key', 'discard'),
    batch: fc.constantFrom(0, 0, 1, 3),
    marks: fc.boolean(),
    transport: fc.constantFrom('memory', 'store', 'queue', 'log'),
  })
  .map(({ spare, ...setting }) => ({ ...setting, prefetch: setting.concurrency + spare }))

async function run(setting: Setting, program: readonly Step[]): Promise<void> {
  const world = new World(setting)
  await world.open()
  for (const step of program) {
    await take(world, step)
    expect(world.problems).toEqual([])
  }
  await world.finish()
  expect(world.problems).toEqual([])
}

test('INVARIANT: every event is handled or given up as its handler decides, in the order of its key and within all bounds', async () => {
  const steps = fc.oneof({ weight: 3, arbitrary: publish }, { weight: 1, arbitrary: pass })
  const program = fc.array(steps, { minLength: 1, maxLength: 40, size: 'max' })
  await fc.assert(fc.asyncProperty(settings, program, run), { numRuns })
}, 600_000)

test('INVARIANT: nothing is lost, out of order or beyond a bound through duplicates, closes, lost connections and replays', async () => {
  const steps = fc.oneof(
    { weight: 6, arbitrary: publish },
    { weight: 3, arbitrary: pass },
    { weight: 3, arbitrary: disturbances },
  )
  const program = fc.array(steps, { minLength: 1, maxLength: 60, size: 'max' })
  await fc.assert(fc.asyncProperty(settings, program, run), { numRuns })
}, 600_000)
