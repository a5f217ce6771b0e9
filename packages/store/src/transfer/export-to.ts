import { functionOption, knownOptions } from '@tidings/core/tools'
import { storedIn } from '../encryption/sealed-log.ts'
import { asPosition, beginning, type Position } from '../position.ts'
import { cutStreams } from '../store/cut-streams.ts'
import type { EventStore } from '../store/event-store.ts'
import { eventsOf, logPages } from '../store/pages.ts'
import { bodyFields, type CutLine, type EventLine, header } from './lines.ts'

/** What {@link exportTo} takes; all of it may be left out. */
export interface ExportOptions {
  /** Begins behind this position: what an export before has given. Default with the first event. */
  readonly after?: Position | undefined
}

/** What an export has written. */
export interface Exported {
  /** How many events. */
  readonly events: number
  /** The last event that it has; where the next export goes on. */
  readonly position: Position
}

/**
 * Writes the log as NDJSON, a line for each event in their order and one for each stream of which something was removed:
 * ids, times, versions and bytes as they are stored, whatever the store reads of them. `write` is given each line with
 * its end, and is waited for.
 *
 * @example
 * const file = createWriteStream('log.ndjson')
 * await exportTo(store, (line) => file.write(line) || once(file, 'drain'))
 */
export async function exportTo(
  store: EventStore,
  write: (line: string) => unknown,
  options: ExportOptions = {},
): Promise<Exported> {
  knownOptions(options, ['after'], 'exportTo')
  functionOption(write, 'write')
  const after = options.after === undefined ? beginning : asPosition(options.after, 'after')
  const recorder = storedIn(store.recorder)
  let events = 0
  let last = after
  await write(`${header}\n`)
  for await (const { stream, version, position, recordedAt, event } of eventsOf(
    logPages(recorder, { after, limit: Infinity }),
  )) {
    const { attributes, contentType, body } = event
    const time = new Date(recordedAt).toISOString()
    const line: EventLine = {
      position,
      stream,
      version,
      recordedAt: time,
      attributes,
      contentType,
      ...bodyFields(body),
    }
    await write(`${JSON.stringify(line)}\n`)
    events++
    last = position
  }
  for await (const stream of cutStreams(recorder)) {
    const { version, truncatedBefore, tombstoned } = await store.info(stream)
    const line: CutLine = { cut: stream, version, before: truncatedBefore, tombstone: tombstoned }
    await write(`${JSON.stringify(line)}\n`)
  }
  return { events, position: last }
}
