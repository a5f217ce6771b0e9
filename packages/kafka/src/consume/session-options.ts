import type { ClientOptions } from '../link.ts'

/** What a place in a consumer group is made of; times in milliseconds. */
export interface GroupSessionOptions {
  readonly client: ClientOptions
  /** How long a member may be silent before the others get its partitions. */
  readonly sessionTimeout: number
  /** How long the others wait for a member when partitions are shared out anew. */
  readonly rebalanceTimeout: number
  /** The consumer group, as the broker calls it. */
  readonly group: string
  readonly topics: readonly string[]
  /** Where a topic begins that the group has never read. */
  from(topic: string): 'latest' | 'earliest'
  /** Partitions are about to be shared out anew: resolves when what was handed out has settled, as far as that is soon. */
  drain(): Promise<void>
  /** Partitions are ours, and nothing of them was fetched yet. */
  onAssigned(): Promise<void>
  onRecords(): void
  /** A topic has gone: resolves when it is there again. */
  remake(): Promise<void>
}
