import { isTidingsError } from '@tidings/core'
import { uuidv7 } from '@tidings/events'
import { deliveryHeaders, type Message } from '../message/message.ts'
import type { RecordedError } from '../stores/dead-letters.ts'

const longestMessage = 2048

/**
 * The id of an event's letter, the same for the same event in the same group, so that a duplicate makes no second one.
 * A message without an id gets a new one each time.
 */
export function letterId(group: string, { attributes }: Pick<Message, 'attributes'>): string {
  const { source, id } = attributes
  const parts = id === undefined ? [group, 'undecodable', uuidv7()] : [group, String(source), String(id)]
  return parts.map((part) => part.replace(/[%|]/g, encodeURIComponent)).join('|')
}

/** The headers of a letter: a replay starts anew, and what earlier attempts noted is in the letter itself. */
export function letterHeaders(headers: Message['headers']): Message['headers'] {
  const { attempt, firstFailedAt, lastError, replayOf, replayedAt } = deliveryHeaders
  const { [attempt]: _attempt, [firstFailedAt]: _first, [lastError]: _last, [replayOf]: _replay, [replayedAt]: _at, ...others } = headers
  return others
}

/** An error as a letter keeps it. Never throws, whatever was thrown. */
export function recorded(error: unknown): RecordedError {
  try {
    const isError = error instanceof Error
    // Whatever the types say: anything may have been thrown.
    const { name, message }: { name: unknown; message: unknown } = isError
      ? error
      : { name: typeof error, message: error }
    return {
      name: String(name),
      ...(isTidingsError(error) ? { code: error.code } : {}),
      message: shortened(String(message)),
    }
  } catch {
    return { name: 'unknown', message: 'what was thrown cannot be shown' }
  }
}

function shortened(message: string): string {
  return message.length > longestMessage ? `${message.slice(0, longestMessage - 1)}…` : message
}
