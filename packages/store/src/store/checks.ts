import { invalidArgument, misuse, oneOf, whole } from '@tidings/core/tools'
import { encodeEvent, type EncodedEvent, type Catalog, type TidingsEvent } from '@tidings/events'
import { UnknownEventTypeError, UnknownEventVersionError } from '@tidings/events'
import type { ExpectedVersion } from '../expected-version.ts'
import { sealAttributes } from '../encryption/attributes.ts'
import { asPosition } from '../position.ts'
import { identityOf } from '../recorder/check-append.ts'
import type { Until } from '../recorder/recorder.ts'
import type { AsOf } from './event-store.ts'

/** What no log can be asked to keep in a name. */
const forbidden = /[\p{Cc}\p{Surrogate}\p{Noncharacter_Code_Point}]/u
const longestName = 512

/** The name of a stream, a subscription or a projection. */
export function nameOf(name: unknown, what: string): string {
  if (typeof name === 'string' && name !== '' && name.length <= longestName && !forbidden.test(name)) return name
  const rule = `a name of 1 to ${longestName} characters, without control characters or broken Unicode`
  throw invalidArgument(what, rule, name, 'Name it after what it is about: order-42.')
}

/** Refuses a version that no stream can have; one far ahead is a conflict, and for the recorder to find. */
export function expectedVersion(expected: ExpectedVersion | undefined): ExpectedVersion {
  const words = ['any', 'exists', 'no-stream'] as const
  if (typeof expected === 'number') return whole(expected, 0, 'expectedVersion')
  return oneOf<'any' | 'exists' | 'no-stream'>(expected, words, 'expectedVersion')
}

/** The events as they are written; refuses those that the catalog could not read, and one that is there twice. */
export function encodedEvents(events: readonly TidingsEvent[], catalog: Catalog, seen: Set<string>): EncodedEvent[] {
  if (!Array.isArray(events)) throw invalidArgument('events', 'an array of events', events, 'Put a single one into [].')
  return events.map((event: TidingsEvent) => {
    const encoded = encodeEvent(event)
    const definition = catalog.get(event.type)
    if (definition === undefined) throw new UnknownEventTypeError(event.type, catalog.types)
    if (event.version > definition.version) {
      throw new UnknownEventVersionError(event.type, event.version, definition.version)
    }
    const reserved = sealAttributes.find((name) => name in encoded.attributes)
    if (reserved !== undefined) {
      throw misuse(`event ${event.id} has the extension \`${reserved}\`, which is the store's\nGive it another name.`)
    }
    const identity = identityOf(encoded)
    if (seen.has(identity))
      throw misuse(`event ${event.id} is appended twice at once\nAn event happens once: create() another.`)
    seen.add(identity)
    return encoded
  })
}

/** The past as a recorder is asked for it. */
export function untilOf(asOf: AsOf | undefined): Until | undefined {
  if (asOf === undefined) return undefined
  if (typeof asOf === 'number') return { position: asPosition(asOf, 'asOf') }
  const time = (asOf instanceof Date ? asOf : new Date(timestamp.test(asOf) ? asOf : Number.NaN)).getTime()
  if (!Number.isNaN(time)) return { time }
  throw invalidArgument('asOf', 'a position, a Date, or a time of RFC 3339', asOf, 'Pass 2026-01-31T12:00:00Z, say.')
}

const timestamp = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/
