import * as fc from 'fast-check'
import { memoryRecorder } from '@tidings/store/recorder'
import { test } from 'vitest'
import { openedByMany } from '../../src/store/index.ts'
import { Program, type ProgramExpects, programStreams, type ProgramStep } from '../../src/store/program.ts'
import { StoreScene } from '../../src/store/scene.ts'

const stream = fc.constantFrom(...programStreams)
const expects = fc.oneof(
  fc.constantFrom<ProgramExpects>('any', 'exists', 'no-stream', 'right', Number.MAX_SAFE_INTEGER),
  fc.nat({ max: 6 }),
)
const kind = <const Kind extends ProgramStep['kind']>(name: Kind) => fc.constant(name)
const step: fc.Arbitrary<ProgramStep> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: kind('append'), stream, expects, count: fc.nat({ max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('burst'), stream, count: fc.integer({ min: 2, max: 8 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('both'), expects, count: fc.nat({ max: 2 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('again'), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('truncate'), stream, before: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('tombstone'), stream: fc.constantFrom('a-2', 'b-1') }) },
)

test('INVARIANT: whatever is appended, repeated and removed, a store is its reference', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 9 }), async (steps, page) => {
      const scene = new StoreScene('S37', { name: 'memory', recorder: openedByMany(memoryRecorder()) })
      const program = new Program(scene, [await scene.open(), await scene.open()])
      for (const each of steps) await program.run(each)
      await program.check(page)
      await scene.close()
    }),
    { numRuns: 200 },
  )
})
