import { TidingsError } from '@tidings/core'
import { knownOptions } from '@tidings/core/tools'
import { decodeEvent, type EncodedEvent } from '@tidings/events'
import { asPosition, beginning, type Position } from '../position.ts'
import type { RecordWrite, StreamAppend } from '../recorder/recorder.ts'
import { nameOf } from '../store/checks.ts'
import { cutRecord } from '../store/cut-streams.ts'
import type { EventStore } from '../store/event-store.ts'
import { bodyOf, type CutLine, type EventLine, header, linesOf } from './lines.ts'

/** What {@link importFrom} takes; all of it may be left out. */
export interface ImportOptions {
  /** What is imported, so that the next call under this name goes on behind what it has. Default `'default'`. */
  readonly name?: string | undefined
}

/** What an import has done. */
export interface Imported {
  /** How many events it has added. */
  readonly events: number
  /** How many it left out, since an import under this name had added them before. */
  readonly skipped: number
  /** Where the log ends. */
  readonly position: Position
}

/**
 * A line of an import is not what `exportTo` writes, or has an event that the store cannot read. What is before it is
 * kept.
 */
export class ImportError extends TidingsError<'IMPORT_INVALID'> {
  override readonly name = 'ImportError'
  /** Counted from 1. */
  readonly line: number

  constructor(line: number, what: string, cause?: unknown) {
    super(
      'IMPORT_INVALID',
      `line ${line} of an import is refused: ${what}\nMend the file or the catalog and import it again: it goes on here.`,
      { details: { line }, ...(cause === undefined ? {} : { cause }) },
    )
    this.line = line
  }
}

/** Events that are written in one commit at most. */
const batchSize = 500

/**
 * Adds what `exportTo` wrote: the same events with their ids, times and versions, in the same order, at new positions.
 * Streams that it has must not be there yet, or end where it goes on. How far it came is kept with what it adds, so an
 * import that broke off is simply made again. Inline projections count it with the next append.
 *
 * @param chunks - text or UTF-8 in pieces of any size: a file stream, the body of a response
 *
 * @throws ImportError; ConcurrencyError when a stream has other versions already; EventExistsError
 *
 * @example
 * await importFrom(store, createReadStream('log.ndjson'))
 */
export async function importFrom(
  store: EventStore,
  chunks: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
  options: ImportOptions = {},
): Promise<Imported> {
  knownOptions(options, ['name'], 'importFrom')
  const key = `import/${nameOf(options.name ?? 'default', 'name')}`
  const kept = await store.recorder.readRecord(key)
  const importing = new Importing(store, key, kept?.revision ?? 0)
  const after = kept === undefined ? beginning : asPosition(JSON.parse(kept.value), key)
  let number = 0
  let skipped = 0
  for await (const text of linesOf(chunks)) {
    number++
    const line = parsed(text, number)
    if (number === 1) {
      if (text.trim() !== header) throw new ImportError(1, `it is not ${header}`)
    } else if ('cut' in line) await importing.cut(line)
    else if (line.position <= after) skipped++
    else await importing.add(line, eventOf(store, line, number))
  }
  await importing.flush()
  return { events: importing.events, skipped, position: await store.end() }
}

/** What is gathered for the next commit: events in the order of the log, each stream once. */
class Importing {
  events = 0
  readonly #store: EventStore
  readonly #key: string
  #revision: number
  #position: number | undefined
  #count = 0
  #appends: { stream: string; events: EncodedEvent[]; firstVersion: number; recordedAt: number[] }[] = []

  constructor(store: EventStore, key: string, revision: number) {
    this.#store = store
    this.#key = key
    this.#revision = revision
  }

  async add({ stream, version, recordedAt, position }: EventLine, event: EncodedEvent): Promise<void> {
    const last = this.#appends.at(-1)
    const goesOn = last?.stream === stream && version === last.firstVersion + last.events.length
    const isThere = !goesOn && this.#appends.some((append) => append.stream === stream)
    if (isThere || this.#count >= batchSize) await this.flush()
    const target = this.#appends.at(-1)
    if (goesOn && target !== undefined) {
      target.events.push(event)
      target.recordedAt.push(Date.parse(recordedAt))
    } else {
      this.#appends.push({ stream, events: [event], firstVersion: version, recordedAt: [Date.parse(recordedAt)] })
    }
    this.#count++
    this.#position = position
  }

  async cut({ cut: stream, version, before, tombstone }: CutLine): Promise<void> {
    await this.flush()
    const cuts = [{ stream, before, tombstone, restoredVersion: version }]
    await this.#store.recorder.commit({ cuts, records: [cutRecord(stream)] })
  }

  async flush(): Promise<void> {
    if (this.#appends.length === 0) return
    const appends = this.#appends.map(({ stream, events, firstVersion, recordedAt }): StreamAppend => {
      return { stream, expected: 'any', events, restored: { firstVersion, recordedAt } }
    })
    const write: RecordWrite = { key: this.#key, value: JSON.stringify(this.#position), expected: this.#revision }
    const { revisions } = await this.#store.recorder.commit({ appends, records: [write] })
    this.#revision = revisions[0] ?? this.#revision
    this.events += this.#count
    this.#count = 0
    this.#appends = []
  }
}

function parsed(text: string, number: number): EventLine | CutLine {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as EventLine | CutLine
  } catch (error) {
    throw new ImportError(number, 'it is no JSON', error)
  }
  throw new ImportError(number, 'it is no object')
}

/** The event of a line; refuses one that the store could not read. */
function eventOf(store: EventStore, line: EventLine, number: number): EncodedEvent {
  try {
    nameOf(line.stream, 'stream')
    const event = { attributes: line.attributes, contentType: line.contentType, body: bodyOf(line) }
    decodeEvent(event, store.events)
    const isPlaced =
      Number.isSafeInteger(line.version) && line.version > 0 && !Number.isNaN(Date.parse(line.recordedAt))
    if (isPlaced && Number.isSafeInteger(line.position)) return event
  } catch (error) {
    throw new ImportError(number, 'its event cannot be read', error)
  }
  throw new ImportError(number, 'it has no right `position`, `version` or `recordedAt`')
}
