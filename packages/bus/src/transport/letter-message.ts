import type { Message } from '../message/message.ts'
import type { RecordedError } from '../dead-letter/recorded-error.ts'
import type { DeadLetter } from '../stores/dead-letters.ts'

/** What the headers begin with that say why a message is a dead letter. */
const prefix = 'x-tidings-dead-'

/** Characters of the error that are kept: a broker bounds headers, and its tools show them on a page. */
const longest = { message: 512, stack: 1024 } as const

/**
 * A dead letter as a message for a sink: what was received, byte for byte, and beside it headers that say why it is
 * there, for whoever looks into the sink with the tools of the broker: `x-tidings-dead-id`, `-group`, `-reason`,
 * `-attempts`, `-first-failed-at`, `-last-failed-at`, and `-error`, JSON with name, code, message and stack, cut to less
 * than 2 kB. `receivedMessage` gives back what was received.
 */
export function letterMessage(letter: DeadLetter): Message {
  const { message, id, group, reason, error, attempts, firstFailedAt, lastFailedAt } = letter
  return {
    ...message,
    headers: {
      ...message.headers,
      [`${prefix}id`]: id,
      [`${prefix}group`]: group,
      [`${prefix}reason`]: reason,
      [`${prefix}attempts`]: String(attempts),
      [`${prefix}first-failed-at`]: firstFailedAt,
      [`${prefix}last-failed-at`]: lastFailedAt,
      ...(error === undefined ? {} : { [`${prefix}error`]: JSON.stringify(inShort(error)) }),
    },
  }
}

/** What was received, of a message that a sink has: what goes back to its group in a replay. */
export function receivedMessage(letter: Message): Message {
  const headers = Object.entries(letter.headers).filter(([name]) => !name.startsWith(prefix))
  return { ...letter, headers: Object.fromEntries(headers) }
}

function inShort({ name, code, message, stack }: RecordedError): RecordedError {
  return {
    name,
    ...(code === undefined ? {} : { code }),
    message: message.slice(0, longest.message),
    ...(stack === undefined ? {} : { stack: stack.slice(0, longest.stack) }),
  }
}
