import { isTidingsError, TidingsError } from '@tidings/core'
import { type AnyDefinedEvent, decodeEvent, type TidingsEvent } from '@tidings/events'
import type { Message } from './message.ts'

/** The event definitions that a bus knows, by event type: those of its handlers, and those that it publishes. */
export class KnownEvents {
  readonly #byType = new Map<string, AnyDefinedEvent>()

  /** Of two definitions with one type the first counts; that they agree is the application's business. */
  add(definition: AnyDefinedEvent): void {
    if (!this.#byType.has(definition.type)) this.#byType.set(definition.type, definition)
  }

  types(): string[] {
    return [...this.#byType.keys()]
  }

  get(type: string): AnyDefinedEvent | undefined {
    return this.#byType.get(type)
  }
}

/** Why a message cannot be read. */
export type UnreadableReason =
  /** It is no CloudEvent, or its body is not what its content type says. */
  | 'undecodable'
  /** It does not match the schema of its event type. */
  | 'invalid'
  /** No event definition of this bus has its type, or no handler of the group wants it. */
  | 'unknown-type'
  /** Newer code wrote it. */
  | 'unknown-version'

/** A message cannot be read: it goes to the dead letters with its bytes, and no handler sees it. */
export class UnreadableError extends Error {
  readonly reason: UnreadableReason

  constructor(reason: UnreadableReason, cause: unknown) {
    super('the message cannot be read', { cause })
    this.reason = reason
  }
}

/**
 * The event of a message: validated, and brought up to the version of its definition.
 *
 * @throws UnreadableError
 */
export function readEvent(message: Message, definition: AnyDefinedEvent | undefined): TidingsEvent {
  if (definition === undefined) throw unknownType(message)
  try {
    return decodeEvent(message, definition)
  } catch (error) {
    throw new UnreadableError(reasonOf(error), error)
  }
}

/** The error for a message whose type this bus, or this group, has no use for. */
export function unknownType({ attributes: { type } }: Message): UnreadableError {
  const what = type === undefined ? 'a message without a type' : `the type "${String(type)}"`
  const error = new TidingsError(
    'EVENT_TYPE_UNKNOWN',
    `no handler of this group, or no event definition of this bus, is for ${what}\n` +
      'Give createBus the definition, or let the group ask for other types.',
  )
  return new UnreadableError('unknown-type', error)
}

function reasonOf(error: unknown): UnreadableReason {
  if (isTidingsError(error, 'INVALID_CLOUDEVENT')) return 'undecodable'
  return isTidingsError(error, 'EVENT_VERSION_UNKNOWN') ? 'unknown-version' : 'invalid'
}
