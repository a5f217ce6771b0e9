import { TidingsError } from '@tidings/core'
import { functionOption, knownOptions, whole } from '@tidings/core/tools'
import type { Message } from '../message/message.ts'
import type { Middleware } from '../middleware.ts'
import type { ClaimCheckStore } from '../stores/claim-checks.ts'

export interface ClaimCheckOptions {
  /** Where the data is kept. All who publish or handle these events need the same one. */
  readonly store: ClaimCheckStore
  /** Bytes of data up to which an event carries them itself. Default 65,536. */
  readonly threshold?: number | undefined
}

/** An event refers to data that its store does not have (any more). */
export class ClaimCheckMissingError extends TidingsError<'CLAIM_CHECK_MISSING'> {
  override readonly name = 'ClaimCheckMissingError'
  /** No retry finds it: the event goes to the dead letters, and can be replayed when the data is back. */
  readonly retryable = false

  constructor(reference: string, event: string) {
    super(
      'CLAIM_CHECK_MISSING',
      `the data of ${event} is not in the claim-check store: ${reference}\nAll processes need the same store, and it must keep data longer than events wait, dead letters included.`,
      { details: { reference } },
    )
  }
}

/** The data in the store is not what was put there. */
export class ClaimCheckCorruptError extends TidingsError<'CLAIM_CHECK_CORRUPT'> {
  override readonly name = 'ClaimCheckCorruptError'
  readonly retryable = false

  constructor(reference: string, event: string) {
    super(
      'CLAIM_CHECK_CORRUPT',
      `the data of ${event} in the claim-check store does not have its hash: ${reference}\nIt was changed or cut after it was put there: restore it, then replay the event.`,
      { details: { reference } },
    )
  }
}

/** Where the media type of the data travels, since a message without data has none. */
const contentTypeHeader = 'x-tidings-claim-check-content-type'
const scheme = 'ni:///sha-256;'

/**
 * **Claim Check**: large data goes to a store, and the event carries a reference to it in the CloudEvents extension
 * `dataref`. Handlers see the whole event. Small events pass untouched, and so do references that others made.
 *
 * It is a middleware, since both sides must agree and no handler should know: what is published is checked in after it
 * was validated and before the transport measures it; what is received is checked out before it is read. Retries and dead
 * letters stay small. Put a middleware that encrypts or compresses before it in the list.
 *
 * - **The reference** is the SHA-256 of the data (`ni:///sha-256;…`, RFC 6920): publishing again puts the same data in the
 *   same place, and what comes back is checked against it. Missing or changed data sends the event to the dead letters
 *   at once, with the reference; a store that cannot be asked is a failed attempt, and the event is tried again.
 * - **The data** is put before the event is published. Nobody knows when the last group is done with it, so it is not
 *   deleted here but by age, by the store: later than an event can wait, its delay, retries and time as a dead letter
 *   included. Putting it again must renew its age.
 * - **The order** of events with one key is that in which their data was put: await a `publish` before the next one.
 *
 * @example
 * await createBus({ source: '/shop', transport, handlers, middleware: [claimCheck({ store: memoryClaimChecks() })] })
 *
 * @throws TidingsError `INVALID_ARGUMENT` for options that make no sense
 */
export function claimCheck(options: ClaimCheckOptions): Middleware {
  knownOptions(options, ['store', 'threshold'], 'claimCheck')
  const { store } = options
  for (const method of ['put', 'get'] as const) {
    functionOption((Object(store) as Partial<ClaimCheckStore>)[method], `store.${method}`)
  }
  const threshold = whole(options.threshold ?? 65_536, 0, 'threshold')
  return {
    name: 'claimCheck',
    async publish(message, next) {
      const bytes = bytesAbove(threshold, message.body)
      await next(bytes === undefined ? message : await checkIn(store, message, bytes))
    },
    async receive({ message }, next) {
      const reference = message.attributes['dataref']
      const isOurs = typeof reference === 'string' && reference.startsWith(scheme) && isEmpty(message.body)
      await next(isOurs ? await checkOut(store, message, reference) : message)
    },
  }
}

async function checkIn(store: ClaimCheckStore, message: Message, bytes: Uint8Array): Promise<Message> {
  const key = await hashOf(bytes)
  await store.put(key, bytes)
  const { contentType } = message
  return {
    attributes: { ...message.attributes, dataref: `${scheme}${key}` },
    contentType: undefined,
    body: undefined,
    headers: contentType === undefined ? message.headers : { ...message.headers, [contentTypeHeader]: contentType },
  }
}

async function checkOut(store: ClaimCheckStore, message: Message, reference: string): Promise<Message> {
  const { dataref: _reference, ...attributes } = message.attributes
  const { [contentTypeHeader]: contentType, ...headers } = message.headers
  const event = `the event "${String(attributes['type'])}" ${String(attributes['id'])}`
  const key = reference.slice(scheme.length)
  const body = await store.get(key)
  if (body === undefined) throw new ClaimCheckMissingError(reference, event)
  if ((await hashOf(body)) !== key) throw new ClaimCheckCorruptError(reference, event)
  return { attributes, contentType, body, headers }
}

const encoder = new TextEncoder()

function bytesAbove(threshold: number, body: Message['body']): Uint8Array | undefined {
  if (body === undefined) return undefined
  if (typeof body !== 'string') return body.byteLength > threshold ? body : undefined
  // A character takes three bytes of UTF-8 at most: most texts need not be encoded to be found small.
  if (body.length * 3 <= threshold) return undefined
  const bytes = encoder.encode(body)
  return bytes.byteLength > threshold ? bytes : undefined
}

/** A transport may have no way to say that there is no data, and deliver none instead. */
function isEmpty(body: Message['body']): boolean {
  return body === undefined || body.length === 0
}

/** The SHA-256 in base64url, without padding. */
async function hashOf(bytes: Uint8Array): Promise<string> {
  // The bytes of a transport are in no shared memory, which is all that the types of the platform doubt.
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
  return btoa(String.fromCharCode(...hash))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace('=', '')
}
