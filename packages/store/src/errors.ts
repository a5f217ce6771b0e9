import { TidingsError } from '@tidings/core'
import type { ExpectedVersion } from './expected-version.ts'

/** A stream is not at the version that an append expected. Nothing was written. */
export class ConcurrencyError extends TidingsError<'CONCURRENCY_CONFLICT'> {
  override readonly name = 'ConcurrencyError'
  /** Read the stream again and decide anew: then it can succeed. */
  readonly retryable = true
  readonly stream: string
  readonly expected: ExpectedVersion
  /** The version of the stream, 0 where there is none. */
  readonly actual: number

  constructor(stream: string, expected: ExpectedVersion, actual: number) {
    const wanted = typeof expected === 'number' ? `version ${expected}` : `\`${expected}\``
    super(
      'CONCURRENCY_CONFLICT',
      `stream "${stream}" is at version ${actual}, and the append expected ${wanted}\nSomebody else appended to it: read it again and decide anew, as execute() does.`,
      { details: { stream, expected, actual } },
    )
    this.stream = stream
    this.expected = expected
    this.actual = actual
  }
}

/** An event to append is in the log already, elsewhere or with other contents. Nothing was written. */
export class EventExistsError extends TidingsError<'EVENT_EXISTS'> {
  override readonly name = 'EventExistsError'
  readonly retryable = false
  readonly id: string
  /** Where it is. */
  readonly stream: string
  readonly version: number

  constructor(id: string, wanted: string, found: { readonly stream: string; readonly version: number }, how: string) {
    const { stream, version } = found
    super(
      'EVENT_EXISTS',
      `event ${id} is not appended to stream "${wanted}": it is version ${version} of stream "${stream}" already, ${how}\nAppend the very events of before to get their result again; make new ones with create() for what is new.`,
      { details: { id, wanted, stream, version } },
    )
    this.id = id
    this.stream = stream
    this.version = version
  }
}

/** A stream was ended by `tombstone`, for ever. Nothing was written. */
export class StreamTombstonedError extends TidingsError<'STREAM_TOMBSTONED'> {
  override readonly name = 'StreamTombstonedError'
  readonly retryable = false
  readonly stream: string
  /** Of its last event. */
  readonly version: number

  constructor(stream: string, version: number) {
    super(
      'STREAM_TOMBSTONED',
      `stream "${stream}" was ended by a tombstone at version ${version}, and takes no more events\nBegin another stream under a new name.`,
      { details: { stream, version } },
    )
    this.stream = stream
    this.version = version
  }
}

/** A record was written by somebody else since it was read. Nothing was written. */
export class RecordConflictError extends TidingsError<'RECORD_CONFLICT'> {
  override readonly name = 'RecordConflictError'
  readonly retryable = true
  readonly key: string

  constructor(key: string, expected: number, actual: number) {
    super(
      'RECORD_CONFLICT',
      `record "${key}" has revision ${actual}, and the write expected ${expected}\nAnother process has the same work: let one of them do it.`,
      { details: { key, expected, actual } },
    )
    this.key = key
  }
}

/** The store was closed before this call, or while it ran. */
export class StoreClosedError extends TidingsError<'STORE_CLOSED'> {
  override readonly name = 'StoreClosedError'

  constructor(call: string) {
    super('STORE_CLOSED', `${call} is refused: the store is closed\nClose it behind everything that uses it.`, {
      details: { call },
    })
  }
}
