import type { EncodedEvent } from '@tidings/events'
import { ConcurrencyError, EventExistsError, StreamTombstonedError } from '../errors.ts'
import { isExpected } from '../expected-version.ts'
import { sameEvent } from './same-event.ts'
import type { LoggedEvent, StreamAppend, StreamAppended, StreamState } from './recorder.ts'

/** What a recorder finds within its commit for an append, before it writes anything. */
export interface FoundForAppend {
  readonly state: StreamState
  /** For each event of the append, in their order: the one in the log with its identity, if there is one. */
  readonly known: readonly (LoggedEvent | undefined)[]
}

/**
 * What every recorder asks within its commit: `undefined` where the commit is to be written, and the results of before
 * where it was written already, since the same events stand in the same streams. Then nothing of it is written again.
 *
 * Whether it was is asked first: who commits again, since the answer of the first time was lost, expects the versions of
 * then.
 *
 * @throws EventExistsError when some of the events are there, but not all, not here, or with other contents
 * @throws StreamTombstonedError, ConcurrencyError for the first append that is refused
 */
export function checkAppends(
  appends: readonly StreamAppend[],
  found: readonly FoundForAppend[],
): readonly StreamAppended[] | undefined {
  const before = appends.map((append, index) => repeated(append, found[index]!.known))
  const isRepeated = before.some((result) => result !== undefined)
  for (const [index, append] of appends.entries()) {
    if (!isRepeated) check(append, found[index]!.state)
    else if (before[index] === undefined && append.events.length > 0) throw incomplete(appends, found)
  }
  if (!isRepeated) return undefined
  const end = Math.max(...before.map((result) => result?.position ?? 0)) as StreamAppended['position']
  return before.map((result, index) => result ?? nothingAppended(found[index]!.state, end))
}

/** What tells an event from every other one. No attribute of an event has a line break. */
export function identityOf({ attributes }: EncodedEvent): string {
  return `${String(attributes['source'])}\n${String(attributes['id'])}`
}

function check({ stream, expected, events, restored }: StreamAppend, { version, tombstoned }: StreamState): void {
  if (tombstoned) throw new StreamTombstonedError(stream, version)
  if (!isExpected(version, expected)) throw new ConcurrencyError(stream, expected, version)
  if (events.length > 0 && restored !== undefined && restored.firstVersion <= version) {
    throw new ConcurrencyError(stream, restored.firstVersion - 1, version)
  }
}

/** The result of before, where all events of the append are in their place; `undefined` where none is in the log. */
function repeated(
  { stream, events }: StreamAppend,
  known: readonly (LoggedEvent | undefined)[],
): StreamAppended | undefined {
  const found = known.findIndex((each) => each !== undefined)
  if (found === -1) return undefined
  const first = known[found]!
  for (const [index, event] of events.entries()) {
    const there = known[index]
    if (there === undefined) throw new EventExistsError(idOf(events[found]!), stream, first, 'without those beside it')
    const how = whyNotTheSame(stream, event, there, first.version + index - found)
    if (how !== undefined) throw new EventExistsError(idOf(event), stream, there, how)
  }
  const last = known[events.length - 1]!
  return { firstVersion: first.version, lastVersion: last.version, position: last.position, repeated: true }
}

function whyNotTheSame(stream: string, event: EncodedEvent, there: LoggedEvent, version: number): string | undefined {
  if (there.stream !== stream) return 'in another stream'
  if (!sameEvent(there.event, event)) return 'with other contents'
  return there.version === version ? undefined : 'in another order'
}

function incomplete(appends: readonly StreamAppend[], found: readonly FoundForAppend[]): EventExistsError {
  const index = found.findIndex(({ known }) => known[0] !== undefined)
  const { stream, events } = appends[index]!
  return new EventExistsError(idOf(events[0]!), stream, found[index]!.known[0]!, 'without the other streams')
}

function nothingAppended({ version }: StreamState, position: StreamAppended['position']): StreamAppended {
  return { firstVersion: version + 1, lastVersion: version, position, repeated: true }
}

function idOf({ attributes }: EncodedEvent): string {
  return String(attributes['id'])
}
