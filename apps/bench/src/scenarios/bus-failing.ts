import { type BusStage, busStage } from '../run/bus-stage.ts'
import type { Sink } from '../run/generate.ts'
import type { Subject } from '../run/subject.ts'
import type { RaceScenario } from './scenario.ts'

const failing = 1000
const batch = 100
/** Compiles the code that both run, so that a race ends before the first of the others is tried again. */
const warmUp = 10_000

/** What others that fail at every attempt, and wait for the next one, cost those that do not fail. */
export const busFailing: RaceScenario = {
  kind: 'race',
  id: 'bus-failing',
  title: 'Publish and handle while 1,000 others wait for a retry',
  group: 'bus',
  columns: ['with keys', 'without keys'],
  contestants: { default: { side: 'ours', label: 'tidings, all defaults' } },
  rounds: 3,
  yardstick: 'the same bus, on which nothing fails',
  unit: 'event',
  prepare: async (_, column) => {
    const keyed = column === 'with keys'
    const beside = await busStage({}, undefined, { keyed })
    const alone = await busStage({}, undefined, { keyed })
    await beside.deliver(warmUp, batch)
    await alone.deliver(warmUp, batch)
    await beside.fail(failing)
    return {
      contestant: delivering(beside),
      yardstick: delivering(alone),
      close: async () => {
        const left = await beside.waiting()
        await Promise.all([beside.close(), alone.close()])
        // Some may be under way; were all of them given up, nothing would have been measured.
        if (left < failing / 2) throw new Error(`${left} of ${failing} events that fail waited at the end`)
      },
    }
  },
}

/** One operation is a batch: published, awaited, and arrived. */
function delivering(stage: BusStage): Subject {
  const sink: Sink = { count: 0 }
  return {
    sink,
    run: async (count) => {
      await stage.deliver(count * batch, batch)
      // The stage throws where it is not so.
      sink.count += count * batch
    },
    deliveries: (count) => count * batch,
    units: batch,
  }
}
