/** Does the job that the last argument describes and prints what it came to. Started by the orchestrator. */
import { setImmediate } from 'node:timers/promises'
import { scenarios } from '../scenarios/scenarios.ts'
import { diskRace } from './disk-race.ts'
import type { Job, Sample } from './job.ts'
import { race } from './race.ts'

console.log(JSON.stringify(await measure(JSON.parse(process.argv[3] ?? '{}') as Job)))

async function measure({ scenario: id, column, contestant }: Job): Promise<Sample> {
  const scenario = scenarios.find((each) => each.id === id)
  if (!scenario) throw new Error(`there is no scenario "${id}"`)
  if (scenario.kind === 'race') {
    const prepared = await scenario.prepare(contestant, column)
    const { ratio, ...nanoseconds } = await (scenario.onDisk ? diskRace(prepared) : race(prepared))
    await prepared.close?.()
    return { value: ratio, ...nanoseconds }
  }
  if (scenario.kind === 'meter') return { value: await scenario.meter(contestant, column) }
  return { value: await scenario.weigh(contestant, column, collect) }
}

/** Collects garbage until nothing is left to collect: code that has not run for some collections goes, too. */
async function collect(): Promise<void> {
  const { gc } = globalThis
  if (!gc) throw new Error('memory is weighed with node --expose-gc')
  for (let time = 0; time < 8; time++) {
    gc()
    await setImmediate()
  }
}
