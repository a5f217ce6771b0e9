import { whole } from '@tidings/core/tools'

/**
 * The partition of a key, from 0 up to, not with, `partitions`: the one that the default partitioner of Kafka's own
 * clients chooses, so that what a plain client publishes with that key comes to the same place. It changes with the
 * number of partitions.
 *
 * @throws TidingsError `INVALID_ARGUMENT` where `partitions` is no whole number from 1 on
 */
export function partitionOf(key: string | Uint8Array, partitions: number): number {
  whole(partitions, 1, 'partitions')
  return (keyHash(key) & 0x7fffffff) % partitions
}

const encoder = new TextEncoder()
/** For keys as they mostly are: an encoder takes ten times as long for a few letters of ASCII. */
const scratch = new Uint8Array(256)
const factor = 0x5bd1e995

/** Murmur 2 over the bytes of a key, a text as UTF-8, with the seed that Kafka's clients have; a signed number of 32 bits. */
export function keyHash(key: string | Uint8Array): number {
  const bytes = typeof key === 'string' ? bytesOf(key) : key
  // Those of a text may be longer than it is.
  const length = bytes === scratch ? (key as string).length : bytes.length
  const aligned = length & ~3
  let hash = 0x9747b28c ^ length
  for (let at = 0; at < aligned; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    const mixed = Math.imul(word, factor)
    hash = Math.imul(hash, factor) ^ Math.imul(mixed ^ (mixed >>> 24), factor)
  }
  const rest = length & 3
  if (rest > 2) hash ^= bytes[aligned + 2]! << 16
  if (rest > 1) hash ^= bytes[aligned + 1]! << 8
  if (rest > 0) hash = Math.imul(hash ^ bytes[aligned]!, factor)
  hash = Math.imul(hash ^ (hash >>> 13), factor)
  return hash ^ (hash >>> 15)
}

function bytesOf(key: string): Uint8Array {
  if (key.length > scratch.length) return encoder.encode(key)
  for (let at = 0; at < key.length; at++) {
    const unit = key.charCodeAt(at)
    if (unit >= 0x80) return encoder.encode(key)
    scratch[at] = unit
  }
  return scratch
}
