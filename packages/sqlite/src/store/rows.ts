import type { LoggedEvent, LogRecord, Position } from '@tidings/store/recorder'
import type { Row, Value } from '../database/driver.ts'

/** Values of a statement that is put together. */
export type SqliteValues = Value[]

export const loggedColumns = 'stream, version, position, at, attributes, content_type, body'

/** The event of a row of {@link loggedColumns}. */
export function loggedOf(row: Row): LoggedEvent {
  const [stream, version, position, at, attributes, contentType, body] = row
  return {
    stream: String(stream),
    version: Number(version),
    position: Number(position) as Position,
    recordedAt: Number(at),
    event: {
      attributes: JSON.parse(String(attributes)) as LoggedEvent['event']['attributes'],
      contentType: (contentType as string | null) ?? undefined,
      body: (body as string | Uint8Array | null) ?? undefined,
    },
  }
}

export function recordOf(row: Row | undefined): LogRecord | undefined {
  if (row === undefined) return undefined
  const [key, value, revision, position] = row
  return {
    key: String(key),
    value: String(value),
    revision: Number(revision),
    position: Number(position) as Position,
  }
}
