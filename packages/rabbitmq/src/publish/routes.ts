import { type Outgoing, type DelayLadder } from '@tidings/bus/transport'
import { told } from '../topology/apply.ts'
import type { Names } from '../topology/names.ts'
import { routingKey } from '../topology/parts.ts'
import { delayHeaders } from '../wire/decode.ts'
import { encode } from '../wire/encode.ts'
import type { Sending } from './publisher.ts'

/** Where messages go, by what the topology is. */
export class Routes {
  readonly names: Names
  readonly maxMessageSize: number
  readonly #ladder: DelayLadder

  constructor(names: Names, ladder: DelayLadder, maxMessageSize: number) {
    this.names = names
    this.#ladder = ladder
    this.maxMessageSize = maxMessageSize
  }

  /** The rung on which it waits next, in milliseconds; undefined for what is due. */
  rungOf({ notBefore }: Outgoing, now: number): number | undefined {
    return notBefore === undefined ? undefined : this.#ladder.next(notBefore, now)?.wait
  }

  /**
   * Where it goes now: on a rung, to one group, or to all that asked for its type.
   *
   * @throws MessageTooLargeError; TidingsError `INVALID_ARGUMENT` for a type that is too long
   */
  sending(outgoing: Outgoing, rung: number | undefined): Sending {
    const { message, group, notBefore } = outgoing
    const { names, maxMessageSize } = this
    const type = routingKey(String(message.attributes['type'] ?? ''))
    if (rung !== undefined) {
      const to = group === undefined ? {} : { [delayHeaders.to]: group }
      const parcel = encode(message, maxMessageSize, { [delayHeaders.due]: String(notBefore), ...to })
      const key = names.delay(rung)
      return { ...parcel, exchange: '', key, message, group, queue: told({ kind: 'queue', name: key, settings: {} }) }
    }
    const parcel = encode(message, maxMessageSize)
    const [exchange, key] = group === undefined ? [names.events, type] : [names.groups, group]
    const { content, properties } = parcel
    return { content, properties, exchange, key, message, group, queue: undefined }
  }
}
