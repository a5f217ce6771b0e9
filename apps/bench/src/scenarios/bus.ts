import type { HandlerOptions } from '@tidings/bus'
import { median, percentile } from '../report/statistics.ts'
import { busStage, codecStage, type Stage, transportStage } from '../run/bus-stage.ts'
import { flatnessOf, halvesOf, type MemorySample } from '../run/flatness.ts'
import type { MeterScenario } from './scenario.ts'

const ours = { side: 'ours' } as const
const hand = { side: 'hand' } as const
const idempotent: HandlerOptions = { idempotent: true }
/** All that a policy can promise. */
const guarded: HandlerOptions = { ...idempotent, deadLetter: 'park-key' }

const batches: Readonly<Record<string, number>> = {
  'one at a time': 1,
  'batches of 100': 100,
  'batches of 1,000': 1000,
}

/** What the rows of a table are: how each is set up. */
const stages: Readonly<Record<string, () => Promise<Stage>>> = {
  transport: transportStage,
  codec: codecStage,
  unordered: () => busStage({ ordering: 'none' }),
  default: () => busStage({}),
  idempotent: () => busStage(idempotent),
  guarded: () => busStage(guarded),
  async: () => busStage({}, async () => {}),
  'guarded-async': () => busStage(guarded, async () => {}),
}

/** What a bus on `memory()` delivers, how soon, and that its memory stays flat. */
export const busScenarios: readonly MeterScenario[] = [
  {
    kind: 'meter',
    id: 'bus-throughput',
    title: 'Events that a bus on memory() delivers in a second of CPU time',
    group: 'bus',
    unit: 'events a second of CPU time',
    columns: Object.keys(batches),
    contestants: {
      default: { ...ours, label: 'tidings, all defaults' },
      idempotent: { ...ours, label: 'tidings, and `idempotent`' },
      guarded: { ...ours, label: "tidings, and `deadLetter: 'park-key'` besides" },
      async: { ...ours, label: 'tidings, all defaults, an async handler' },
      'guarded-async': { ...ours, label: 'tidings, `idempotent` and `park-key`, an async handler' },
      codec: { ...hand, label: 'the event alone: made, validated, encoded, decoded, validated' },
    },
    rounds: 3,
    meter: (contestant, column) => throughput(stages[contestant]!, batches[column]!),
  },
  {
    kind: 'meter',
    id: 'bus-latency',
    title: 'Microseconds from publish to handler, 1,000 events a second',
    group: 'bus',
    unit: 'microseconds',
    columns: ['median', '99th percentile'],
    contestants: { default: { ...ours, label: 'tidings, all defaults' } },
    rounds: 3,
    meter: (_, column) => latency(column === 'median' ? 0.5 : 0.99),
  },
  {
    kind: 'meter',
    id: 'bus-memory',
    title: 'Memory while a slow consumer holds publishers up',
    group: 'bus',
    unit: 'the highest in the first half of a run, as a share of that in the second',
    columns: ['50,000', '1,000,000'],
    contestants: { default: { ...ours, label: 'tidings, by number of events' } },
    rounds: 2,
    meter: (_, column) => flatness(Number(column.replaceAll(',', ''))),
  },
]

/** What a delivery is made of. */
export const busAblation: MeterScenario = {
  kind: 'meter',
  id: 'ablation-bus',
  title: 'What a delivery spends',
  group: 'ablations',
  unit: 'events a second of CPU time',
  columns: ['batches of 100'],
  contestants: {
    transport: { ...hand, label: 'the broker alone: room, order by key, turns, settlement' },
    codec: { ...hand, label: 'the event alone: made, validated, encoded, decoded, validated' },
    unordered: { ...ours, label: "a bus, `ordering: 'none'`" },
    default: { ...ours, label: 'a bus, all defaults' },
    idempotent: { ...ours, label: 'and `idempotent`' },
    guarded: { ...ours, label: "and `deadLetter: 'park-key'`" },
  },
  rounds: 3,
  meter: (contestant, column) => throughput(stages[contestant]!, batches[column]!),
}

const slices = 5
const perSlice = 20_000
/** Compiles the code, and fills the 100,000 ids that an inbox remembers. */
const warmUp = 110_000

/**
 * The time of all threads counts, the collector's too, so that this is what one core can do, and waiting for a busy
 * machine counts for nothing.
 */
async function throughput(open: () => Promise<Stage>, batch: number): Promise<number> {
  const stage = await open()
  await stage.deliver(warmUp, batch)
  const speeds: number[] = []
  for (let slice = 0; slice < slices; slice++) {
    const before = process.cpuUsage()
    await stage.deliver(perSlice, batch)
    const { user, system } = process.cpuUsage(before)
    speeds.push((perSlice / (user + system)) * 1e6)
  }
  await stage.close()
  return median(speeds)
}

const measured = 2000

async function latency(share: number): Promise<number> {
  let sent = 0
  const times: number[] = []
  const stage = await busStage({}, () => times.push(performance.now() - sent))
  await stage.deliver(20_000, 100)
  times.length = 0
  for (let at = 0; at < measured; at++) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    sent = performance.now()
    await stage.deliver(1, 1)
  }
  await stage.close()
  return percentile(times, share) * 1000
}

/** Handlers that take a turn of a timer, and a publisher that is faster. */
async function flatness(events: number): Promise<number> {
  const stage = await busStage({ concurrency: 100 }, () => new Promise<void>((resolve) => setTimeout(resolve, 1)))
  // By then the queue is full, and the heap has the size that it needs for that.
  await stage.deliver(50_000, 100)
  const samples: MemorySample[] = []
  const timer = setInterval(() => {
    const { rss: resident, heapUsed: heap } = process.memoryUsage()
    samples.push({ resident, heap })
  }, 10)
  await stage.deliver(events, 100)
  clearInterval(timer)
  await stage.close()
  return flatnessOf(halvesOf(samples))
}
