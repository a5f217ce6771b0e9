import type { DelayLadder, Message, Outgoing } from '@tidings/bus/transport'
import type { Names } from '../topology/names.ts'
import { encode, type Parcel, wayHeaders } from '../wire/encode.ts'

/** A message on its way to a topic. */
export interface Sending extends Parcel {
  readonly topic: string
  readonly message: Message
  /** The one group whose own topic that is. */
  readonly group: string | undefined
}

/** What {@link Routes} are made of. */
export interface RoutesOptions {
  readonly names: Names
  readonly ladder: DelayLadder
  readonly maxMessageSize: number
  /** The topic for an event type. */
  topicOf(type: string): string
}

/** Where messages go, by what the topology is. */
export class Routes {
  readonly maxMessageSize: number
  readonly #options: RoutesOptions

  constructor(options: RoutesOptions) {
    this.#options = options
    this.maxMessageSize = options.maxMessageSize
  }

  /**
   * Where it goes now: on a rung, to one group, or to the topic of its type.
   *
   * @throws MessageTooLargeError
   */
  sending({ message, group, notBefore }: Outgoing, now: number): Sending {
    const { names, ladder, maxMessageSize } = this.#options
    const hop = notBefore === undefined ? undefined : ladder.next(notBefore, now)
    if (hop !== undefined) {
      const to = group === undefined ? {} : { [wayHeaders.to]: group }
      const way = { [wayHeaders.due]: String(notBefore), [wayHeaders.hop]: String(now + hop.wait), ...to }
      return { ...encode(message, maxMessageSize, way), topic: names.delay(hop.wait), message, group: undefined }
    }
    if (group !== undefined && isReplyGroup(group)) {
      const parcel = encode(message, maxMessageSize, { [wayHeaders.to]: group })
      return { ...parcel, topic: names.temporary, message, group: undefined }
    }
    const parcel = encode(message, maxMessageSize)
    const topic = group === undefined ? this.#options.topicOf(String(message.attributes['type'])) : names.group(group)
    return { ...parcel, topic, message, group }
  }
}

/** A group that waits for replies, which has no topic of its own; its name ends as no other's does. */
function isReplyGroup(group: string): boolean {
  return /(?:^|\.)replies-[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/.test(group)
}
