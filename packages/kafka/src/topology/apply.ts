import type { Admin } from '@platformatic/kafka'
import type { TopologyPart } from '@tidings/bus/transport'
import { systemClock } from '@tidings/bus'
import { isAnswer, KafkaError } from '../errors.ts'

/** Milliseconds between two looks. */
const pause = 50

/** Makes those topics that are missing. */
export async function declare(admin: Admin, parts: readonly TopologyPart[]): Promise<void> {
  const there = new Set(await admin.listTopics({ includeInternals: false }))
  const missing = parts.filter(({ name }) => !there.has(name))
  await Promise.all(missing.map((part) => create(admin, part)))
  // Made is not known yet: the brokers hear of it one by one.
  for (let left = missing; left.length > 0;) {
    const now = new Set(await admin.listTopics({ includeInternals: false }))
    left = left.filter(({ name }) => !now.has(name))
    if (left.length > 0) await new Promise<void>((resolve) => systemClock.after(pause, resolve))
  }
}

async function create(admin: Admin, { name, settings }: TopologyPart): Promise<void> {
  const { partitions, replication, ...configs } = settings
  try {
    await admin.createTopics({
      topics: [name],
      partitions: Number(partitions),
      replicas: Number(replication),
      configs: Object.entries(configs).map(([key, value]) => ({ name: key, value: String(value) })),
    })
  } catch (error) {
    // Somebody else was faster.
    if (!isAnswer(error, 'TOPIC_ALREADY_EXISTS')) throw error
  }
}

/** Sees that all topics are there. Rejects with `KAFKA_MISSING`, which names those that are not. */
export async function check(admin: Admin, parts: readonly TopologyPart[]): Promise<void> {
  const there = new Set(await admin.listTopics({ includeInternals: false }))
  const missing = parts.filter(({ name }) => !there.has(name)).map(({ name }) => JSON.stringify(name))
  if (missing.length === 0) return
  const fix =
    'Have them made: by a user who may, with apply() of the topology plan, or by leaving out `declare: false`.'
  throw new KafkaError('KAFKA_MISSING', `these topics are not there: ${missing.join(', ')}\n${fix}`)
}

/** A part in words, for errors. */
export function told({ kind, name }: TopologyPart): string {
  return `the ${kind} ${JSON.stringify(name)}`
}
