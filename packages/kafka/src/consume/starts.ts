import type { Settled } from './commits.ts'
import type { Reader } from './reader.ts'

/** Offsets by topic and partition; negative or none where there is no commit. */
export type Committed = ReadonlyMap<string, readonly (bigint | undefined)[]>

/** Where groups begin. */
export interface StartOptions {
  readonly topics: readonly string[]
  /** Where a topic begins that the group has never read. */
  from(topic: string): 'latest' | 'earliest'
}

/**
 * Where each of the wanted partitions goes on. Those that the group has never committed begin where `from` says, and that
 * is committed at once: without it, a member that dies would leave a start that is later than what was confirmed since. A
 * partition that was added to a topic which the group reads has only what came since: it is read from its first message.
 */
export async function startsOf(
  options: StartOptions,
  wanted: readonly { readonly topic: string; readonly partition: number }[],
  reader: Reader,
  committed: () => Promise<Committed>,
  commit: (offsets: readonly Settled[]) => Promise<void>,
): Promise<readonly Settled[]> {
  const known = await committed()
  const offsetOf = (topic: string, partition: number): bigint => known.get(topic)?.[partition] ?? -1n
  const fresh = wanted.filter(({ topic, partition }) => offsetOf(topic, partition) < 0n)
  if (fresh.length === 0) return wanted.map((each) => ({ ...each, offset: offsetOf(each.topic, each.partition) }))
  const isNew = (topic: string): boolean =>
    !(known.get(topic) ?? []).some((offset) => offset !== undefined && offset >= 0n)
  const topics = [...new Set(fresh.map(({ topic }) => topic))]
  const isLate = (topic: string): boolean => isNew(topic) && options.from(topic) === 'latest'
  const [latest, earliest] = await Promise.all([
    reader.offsets(topics.filter(isLate), 'latest'),
    reader.offsets(
      topics.filter((topic) => !isLate(topic)),
      'earliest',
    ),
  ])
  const starts = fresh.map(({ topic, partition }) => {
    const offset = latest.get(topic)?.[partition] ?? earliest.get(topic)?.[partition] ?? 0n
    return { topic, partition, offset }
  })
  await commit(starts)
  const startOf = (topic: string, partition: number): bigint | undefined =>
    starts.find((start) => start.topic === topic && start.partition === partition)?.offset
  return wanted.map(({ topic, partition }) => {
    return { topic, partition, offset: startOf(topic, partition) ?? offsetOf(topic, partition) }
  })
}
