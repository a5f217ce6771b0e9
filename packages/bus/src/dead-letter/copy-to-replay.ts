import { TidingsError } from '@tidings/core'
import type { AnyDefinedEvent } from '@tidings/events'
import type { Runtime } from '../delivery/runtime.ts'
import type { Message } from '../message/message.ts'
import { readEvent, UnreadableError } from '../message/read.ts'
import type { ReplayOptions } from './dead-letters.ts'
import { seenThrough } from './seen-through.ts'
import type { DeadLetter } from '../stores/dead-letters.ts'

/** By what the event of a letter is read. */
export type DefinitionOf = (letter: DeadLetter) => AnyDefinedEvent | undefined

/** What is sent for a letter; undefined where `edit` leaves it out. Rejects where it would not be handled. */
export async function copyToReplay(
  kept: DeadLetter,
  { edit, expired = false }: Pick<ReplayOptions, 'edit' | 'expired'>,
  definitionOf: DefinitionOf,
  runtime: Runtime,
): Promise<Message | undefined> {
  const message = inTime(kept, expired, runtime.clock.now())
  if (edit === undefined) return message
  // As a handler would see it, and on its way back as it was published.
  const letter = await seenThrough(runtime, { ...kept, message })
  const data: unknown = await edit(dataOf(letter), letter)
  if (data === undefined) return undefined
  const edited = { ...letter.message, contentType: 'application/json', body: JSON.stringify(data) }
  try {
    // Only to see that it can be read; what is sent is what was edited.
    readEvent(edited, definitionOf(letter))
  } catch (error) {
    throw error instanceof UnreadableError ? error.cause : error
  }
  return runtime.wrap(edited)
}

/** A group leaves out what has expired, and the letter would be gone. */
function inTime({ id, message }: DeadLetter, expired: boolean, now: number): Message {
  const { expirytime, ...others } = message.attributes
  if (expirytime === undefined || !(Date.parse(String(expirytime)) <= now)) return message
  if (expired) return { ...message, attributes: others }
  throw new TidingsError(
    'EVENT_EXPIRED',
    `dead letter ${id} is not replayed: its event expired at ${String(expirytime)}\nReplay it without its expiry, { expired: true }, or discard it.`,
  )
}

function dataOf({ id, message: { body } }: DeadLetter): unknown {
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body)
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    // Without the parser's own words, which quote the body.
    throw new TidingsError(
      'INVALID_ARGUMENT',
      `dead letter ${id} is not edited: its body is no JSON\nReplay it as it is, without \`edit\`, or discard it.`,
    )
  }
}
