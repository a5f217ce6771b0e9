import { type Duration, milliseconds, TidingsError } from '@tidings/core'
import { invalidArgument, knownOptions, whole } from '@tidings/core/tools'
import { type Clock, systemClock } from '../clock.ts'

/** Where {@link claimCheck} keeps large data: a bucket, a table, a directory. */
export interface ClaimStore {
  /**
   * Keeps the bytes; what it has resolved is found by `get`, from every process. Keys are 43 letters, digits, `-` and
   * `_`, the hash of the bytes: a key that is there already has the same bytes, and only its age begins anew.
   */
  put(key: string, bytes: Uint8Array): void | Promise<void>
  /** The bytes; undefined when they are not there. Throws or rejects when it cannot tell: then it is asked again. */
  get(key: string): Uint8Array | undefined | Promise<Uint8Array | undefined>
}

export interface MemoryClaimsOptions {
  /** Bytes kept at most. Beyond it `put` throws, and so does `publish`. Default 268,435,456, that is 256 MiB. */
  readonly maxBytes?: number | undefined
  /** How long data is kept after it was last put. Default `'24h'`; `Infinity` for as long as the process. */
  readonly ttl?: Duration | undefined
  /** Default the time of the machine. */
  readonly clock?: Clock | undefined
}

/** The claim store has no room for the data of an event, so it was not published. */
export class ClaimsFullError extends TidingsError<'CLAIMS_FULL'> {
  override readonly name = 'ClaimsFullError'

  constructor(size: number, maxBytes: number) {
    super(
      'CLAIMS_FULL',
      `${size} bytes find no room in a claim store of ${maxBytes}\nRaise \`maxBytes\` of memoryClaims, shorten its \`ttl\`, or use a store on disk.`,
      { details: { size, maxBytes } },
    )
  }
}

/**
 * Keeps claims in the memory of this process: for tests, and with a transport that is in memory too. Data that is older
 * than `ttl` goes when room is needed, and nothing else ever does.
 *
 * @example
 * claimCheck({ store: memoryClaims({ ttl: '7d' }) })
 */
export function memoryClaims(options: MemoryClaimsOptions = {}): ClaimStore & {
  /** Bytes kept. */
  readonly size: number
} {
  knownOptions(options, ['maxBytes', 'ttl', 'clock'], 'memoryClaims')
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
      if (size - before + bytes.byteLength > maxBytes) throw new ClaimsFullError(bytes.byteLength, maxBytes)
      forget(key)
      // A copy: whoever made the bytes may change them.
      kept.set(key, { bytes: new Uint8Array(bytes), until: now + ttl })
      size += bytes.byteLength
    },
    get: (key) => {
      const claim = kept.get(key)
      return claim === undefined || claim.until <= clock.now() ? undefined : new Uint8Array(claim.bytes)
    },
  }
}
