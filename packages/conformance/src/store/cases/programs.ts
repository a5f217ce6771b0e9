import { numbersFrom } from '../../numbers-from.ts'
import { defineStoreCase, type StoreCase } from '../case.ts'
import { Program, type ProgramExpects, programStreams, type ProgramStep } from '../program.ts'

/** Everything at once. */
export const programCases: readonly StoreCase[] = [
  defineStoreCase('S37', 'whatever is appended, repeated and removed, the store is its reference', async (scene) => {
    const seed = Math.floor(Math.random() * 2 ** 32)
    const random = numbersFrom(seed)
    const program = new Program(scene, [await scene.open(), await scene.open()])
    try {
      for (let steps = 0; steps < scene.size(120, 3000); steps++) await program.run(stepBy(random))
      await program.check(7)
    } catch (error) {
      throw scene.failure(`the store is its reference, by the seed ${seed}`, error)
    }
  }),
]

function stepBy(random: () => number): ProgramStep {
  const upTo = (most: number): number => Math.floor(random() * (most + 1))
  const one = <T>(items: readonly T[]): T => items[upTo(items.length - 1)]!
  const expects = (): ProgramExpects => one(['any', 'exists', 'no-stream', 'right', 'right', upTo(6), 2 ** 40])
  const stream = one(programStreams)
  const kind = one(['append', 'append', 'append', 'append', 'burst', 'both', 'again', 'truncate', 'check'] as const)
  // Rarely, since little can be done to a stream behind it.
  if (random() < 0.01) return { kind: 'tombstone', stream }
  if (kind === 'append') return { kind, stream, expects: expects(), count: upTo(4) }
  if (kind === 'burst') return { kind, stream, count: 2 + upTo(6) }
  if (kind === 'both') return { kind, expects: expects(), count: upTo(2) }
  if (kind === 'again') return { kind, pick: upTo(1000) }
  if (kind === 'truncate') return { kind, stream, before: 1 + upTo(20) }
  return { kind: 'check', page: 1 + upTo(8) }
}
