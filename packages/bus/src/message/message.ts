import type { EncodedEvent } from '@tidings/events'

/**
 * What a transport carries: an encoded event, and beside it the facts of its delivery. Immutable and owned by nobody,
 * so a transport may keep it, hand it out many times, or write it to the wire. From there a text body may come back as
 * bytes, an empty one as none, and attributes that were numbers or booleans as texts: `decodeEvent` reads both alike.
 */
export interface Message extends EncodedEvent {
  /**
   * Facts of the delivery, which are no attributes of the event: those of {@link deliveryHeaders}, and whatever a
   * middleware added. Texts by lower-case names; a transport carries them all, unchanged. No name begins with `ce_`,
   * `ce-` or `cloudevents`, and none is `content-type`: protocols have these for the attributes.
   */
  readonly headers: Readonly<Record<string, string>>
}

/** The names of the headers that the bus itself writes and reads. */
export const deliveryHeaders = {
  /** Which attempt this copy is for its group, from 1; left out for the first. */
  attempt: 'x-tidings-attempt',
  /** When the first attempt failed, RFC 3339. */
  firstFailedAt: 'x-tidings-first-failed-at',
  /** Why the attempt before failed: JSON with `name`, `code` and `message`. */
  lastError: 'x-tidings-last-error',
  /** The id of the dead letter that this copy replays. */
  replayOf: 'x-tidings-replay-of',
  /** The mark that the letter got when this copy was sent, its `replayedAt`. */
  replayedAt: 'x-tidings-replayed-at',
  /** The group that waits for replies to a request. */
  replyTo: 'x-tidings-reply-to',
  /** The id of the event that a reply answers. */
  inReplyTo: 'x-tidings-in-reply-to',
  /** In a reply: the request could not be handled, and for which reason. The body says more, as JSON. */
  replyError: 'x-tidings-reply-error',
} as const

/** A reply group's name: it ends with a UUID, as no group of a handler does. */
const replyGroup = /(?:^|\.)replies-[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/

/** The group that waits for a reply; a header that names any other group was written by somebody else, and is none. */
export function replyGroupOf({ headers }: Pick<Message, 'headers'>): string | undefined {
  const group = headers[deliveryHeaders.replyTo]
  return group !== undefined && replyGroup.test(group) ? group : undefined
}

/** What orders a message among others: its `partitionkey`, else its subject; undefined for one that is free. */
export function keyOf({ attributes }: Pick<Message, 'attributes'>): string | undefined {
  const { partitionkey, subject } = attributes
  if (typeof partitionkey === 'string' && partitionkey !== '') return partitionkey
  return typeof subject === 'string' && subject !== '' ? subject : undefined
}
