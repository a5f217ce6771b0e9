import { type Duration, milliseconds, TidingsError } from '@tidings/core'
import { invalidArgument, knownOptions, whole } from '@tidings/core/tools'
import { type Clock, systemClock } from '../clock.ts'
import type { ClaimCheckStore } from './claim-checks.ts'

export interface MemoryClaimChecksOptions {
  /** Bytes kept at most. Beyond it `put` throws, and `publish` rejects. Default 268,435,456, that is 256 MiB. */
  readonly maxBytes?: number | undefined
  /** How long data is kept after it was last put. Default `'24h'`; `Infinity` for as long as the process. */
  readonly ttl?: Duration | undefined
  /** Default the time of the machine. */
  readonly clock?: Clock | undefined
}

/** There is no room for the data of an event, so the event was not published. */
export class ClaimChecksFullError extends TidingsError<'CLAIM_CHECKS_FULL'> {
  override readonly name = 'ClaimChecksFullError'

  constructor(size: number, maxBytes: number) {
    super(
      'CLAIM_CHECKS_FULL',
      `${size} bytes find no room in a claim-check store of ${maxBytes}\nRaise \`maxBytes\` of memoryClaimChecks, shorten its \`ttl\`, or use a store on disk.`,
      { details: { size, maxBytes } },
    )
  }
}

/**
 * Keeps the data of `claimCheck` in memory. **It is lost when the process ends**, and other processes do not find it: it
 * is for tests, and for a transport that is in memory too. Data that is older than `ttl` goes when room is needed, and
 * nothing else ever does.
 *
 * @example
 * claimCheck({ store: memoryClaimChecks({ ttl: '7d' }) })
 */
export function memoryClaimChecks(options: MemoryClaimChecksOptions = {}): ClaimCheckStore & {
  /** Bytes kept. */
  readonly size: number
} {
  knownOptions(options, ['maxBytes', 'ttl', 'clock'], 'memoryClaimChecks')
  const maxBytes = whole(options.maxBytes ?? 2 ** 28, 1, 'maxBytes')
  const ttl = options.ttl === Infinity ? Infinity : milliseconds(options.ttl ?? '24h', 'ttl')
  if (ttl === 0) throw invalidArgument('ttl', 'more than 0', ttl, 'Data must outlive the delivery of its events.')
  const { clock = systemClock } = options
  // From the one put first to the latest.
  const kept = new Map<string, { readonly bytes: Uint8Array; readonly until: number }>()
  let size = 0
  const forget = (key: string): void => {
    size -= kept.get(key)?.bytes.byteLength ?? 0
    kept.delete(key)
  }
  return {
    get size() {
      return size
    },
    put(key, bytes) {
      const now = clock.now()
      for (const [oldest, { until }] of kept) {
        if (until > now) break
        forget(oldest)
      }
      const before = kept.get(key)?.bytes.byteLength ?? 0
      if (size - before + bytes.byteLength > maxBytes) throw new ClaimChecksFullError(bytes.byteLength, maxBytes)
      forget(key)
      // A copy: whoever made the bytes may change them.
      kept.set(key, { bytes: new Uint8Array(bytes), until: now + ttl })
      size += bytes.byteLength
    },
    get: (key) => {
      const found = kept.get(key)
      return found === undefined || found.until <= clock.now() ? undefined : new Uint8Array(found.bytes)
    },
  }
}
