import type { GroupPartitionsAssigner } from '@platformatic/kafka'

/**
 * Shares partitions out among those that subscribe to the topic. Topics with the same members and as many partitions are
 * shared out alike, so that a key has its copies at one member.
 */
export const assignPartitions: GroupPartitionsAssigner = (_current, members, _topics, metadata) => {
  const ids = [...members.keys()].toSorted()
  const assigned = new Map(ids.map((id) => [id, new Map<string, { topic: string; partitions: number[] }>()]))
  const topics = new Set([...members.values()].flatMap((member) => member.topics ?? []))
  for (const topic of topics) {
    const subscribers = ids.filter((id) => members.get(id)!.topics?.includes(topic))
    const count = metadata.topics.get(topic)?.partitionsCount ?? 0
    for (let partition = 0; partition < count; partition++) {
      const own = assigned.get(subscribers[partition % subscribers.length]!)!
      const assignment = own.get(topic) ?? { topic, partitions: [] }
      assignment.partitions.push(partition)
      own.set(topic, assignment)
    }
  }
  return [...assigned].map(([memberId, assignments]) => ({ memberId, assignments }))
}
