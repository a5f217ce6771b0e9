/** Does the job that the last argument describes and prints what it came to. Started by the orchestrator. */
import { scenarios } from '../scenarios/scenarios.ts'
import type { Job, Sample } from './job.ts'
import { race } from './race.ts'

console.log(JSON.stringify(await measure(JSON.parse(process.argv[3] ?? '{}') as Job)))

async function measure({ scenario: id, column, contestant }: Job): Promise<Sample> {
  const scenario = scenarios.find((each) => each.id === id)
  if (!scenario) throw new Error(`there is no scenario "${id}"`)
  if (scenario.kind === 'race') {
    const { ratio, ...nanoseconds } = await race(await scenario.prepare(contestant, column))
    return { value: ratio, ...nanoseconds }
  }
  const { gc } = globalThis
  if (!gc) throw new Error('memory is weighed with node --expose-gc')
  return {
    value: await scenario.weigh(contestant, column, () => {
      gc()
    }),
  }
}
