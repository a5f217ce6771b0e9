import { uuidv7 } from '@tidings/events'
import { deliveryHeaders, type Message } from '../message/message.ts'
import { sha256 } from './sha-256.ts'
import type { DeadLetter } from '../stores/dead-letters.ts'

const longestId = 200

/**
 * The id of an event's letter, the same for the same event in the same group, so that a duplicate makes no second one,
 * and of no other event. A message without an id gets a new one each time.
 *
 * It is `<group>~~<source>~~<id>`, of which letters, digits and `.-_` stand as they are and other characters as their
 * code, `/` as `~2f`: so it needs no escaping in a URL. One of more than 200 characters ends with its hash instead.
 */
export function letterId(group: string, { attributes }: Pick<Message, 'attributes'>): string {
  const { source, id } = attributes
  const parts = id === undefined ? [group, uuidv7()] : [group, String(source), String(id)]
  const whole = parts.map(escaped).join('~~')
  if (whole.length <= longestId) return whole
  // Behind `~` stands a digit, a letter up to f, `u` or `~` elsewhere, never `h`.
  return `${/^[\w.-]{0,150}/.exec(whole)![0]}~h${sha256(whole)}`
}

/** By code unit, since a text need not be well-formed. */
function escaped(part: string): string {
  return part.replace(/[^\w.-]/g, (sign) => {
    const code = sign.charCodeAt(0).toString(16)
    return code.length > 2 ? `~u${code.padStart(4, '0')}` : `~${code.padStart(2, '0')}`
  })
}

/** The headers of a letter: a replay starts anew, and what earlier attempts noted is in the letter itself. */
export function letterHeaders(headers: Message['headers']): Message['headers'] {
  const { attempt, firstFailedAt, lastError, replayOf, replayedAt } = deliveryHeaders
  const {
    [attempt]: _attempt,
    [firstFailedAt]: _first,
    [lastError]: _last,
    [replayOf]: _replay,
    [replayedAt]: _at,
    ...others
  } = headers
  return others
}

/** What a log says of a letter: nothing of its payload. */
export function letterInShort({ message, group, attempts, id }: DeadLetter): Record<string, unknown> {
  return { type: message.attributes['type'], group, id: message.attributes['id'], attempt: attempts, letter: id }
}
