import type { EncodedEvent } from '@tidings/events'
import { ConcurrencyError, EventExistsError, StreamTombstonedError } from '../errors.ts'
import { isExpected } from '../expected-version.ts'
import { sameEvent } from './same-event.ts'
import type { LoggedEvent, StreamAppend, StreamAppended, StreamState } from './recorder.ts'

/**
 * What every recorder asks within its commit, before it writes an append: the state of the stream, and which of its
 * events the log has (by `identityOf`), in their order. Answers the result of before where the same events were appended
 * to the same stream already; `undefined` where they are to be written.
 *
 * Whether they are there is asked first: who appends again, since the answer of the first time was lost, expects the
 * version of then.
 *
 * @throws EventExistsError when some of the events are there, but not all, not here, or with other contents
 * @throws StreamTombstonedError, ConcurrencyError
 */
export function checkAppend(
  append: StreamAppend,
  state: StreamState,
  known: readonly (LoggedEvent | undefined)[],
): StreamAppended | undefined {
  const { stream, expected, events } = append
  const found = known.findIndex((each) => each !== undefined)
  if (found !== -1) return repeated(append, known, found)
  if (state.tombstoned) throw new StreamTombstonedError(stream, state.version)
  if (!isExpected(state.version, expected)) throw new ConcurrencyError(stream, expected, state.version)
  const firstVersion = append.restored?.firstVersion
  if (events.length > 0 && firstVersion !== undefined && firstVersion <= state.version) {
    throw new ConcurrencyError(stream, firstVersion - 1, state.version)
  }
  return undefined
}

/** What tells an event from every other one. */
export function identityOf({ attributes }: EncodedEvent): string {
  return JSON.stringify([attributes['source'], attributes['id']])
}

function repeated(
  { stream, events }: StreamAppend,
  known: readonly (LoggedEvent | undefined)[],
  found: number,
): StreamAppended {
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

function idOf({ attributes }: EncodedEvent): string {
  return String(attributes['id'])
}
