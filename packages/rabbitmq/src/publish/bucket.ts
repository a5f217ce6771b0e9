import { keyOf, type Message, partitionOf } from '@tidings/bus/transport'

/** How many buckets keys fall into: a group has as many partitions at most. */
export const buckets = 64

let next = 0

/** The bucket of a message, by its key; those without one go round. */
export function bucketOf(message: Message): string {
  const key = keyOf(message)
  return String(key === undefined ? next++ % buckets : partitionOf(key, buckets))
}
