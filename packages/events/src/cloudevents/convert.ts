import type { TidingsEvent } from '../event/event.ts'
import { toBase64 } from './base64.ts'
import { type CloudEvent, type CloudEventOptions, batchContexts, cloudEventContext } from './envelope.ts'
import { type EventRead, type EventReader, fromContext } from './read.ts'
import { attributesOf, contentOf } from './write.ts'

/**
 * The event in the JSON format of CloudEvents 1.0. Attributes of ours travel as extensions: `sequence` (of sixteen
 * digits, so that its text sorts), `correlationid`, `causationid`, `causationdepth`, and `dataversion` for the version.
 * Data that is a `Uint8Array` becomes `data_base64`.
 *
 * @throws InvalidEventError when `event` is none, or its data cannot be encoded
 */
export function toCloudEvent(event: TidingsEvent): CloudEvent {
  const { data, contentType, dataSchema } = contentOf(event)
  const { id, source, type } = event
  const attributes = attributesOf(event, contentType, dataSchema)
  const content = data === undefined ? {} : data instanceof Uint8Array ? { data_base64: toBase64(data) } : { data }
  return { specversion: '1.0', id, source, type, ...attributes, ...content }
}

/** The events as a JSON batch of CloudEvents, to be sent as `application/cloudevents-batch+json`. */
export function toCloudEventBatch(events: Iterable<TidingsEvent>): readonly CloudEvent[] {
  return Array.from(events, toCloudEvent)
}

/**
 * The event of a CloudEvent in JSON format. One from a producer that does not know us is read too: without
 * `dataversion` it counts as version 1, without `time` it gets the present time, without `subject` the definition's key
 * gives one, and attributes that we have no name for are in `event.extensions`.
 *
 * @param value - the parsed JSON, not its text
 * @param reader - a catalog, or the one definition that is expected
 * @throws InvalidCloudEventError when it breaks CloudEvents 1.0
 * @throws UnknownEventTypeError, InvalidEventError, UnknownEventVersionError, UpcastError as `parse` of the reader
 */
export function fromCloudEvent<Reader extends EventReader>(
  value: unknown,
  reader: Reader,
  options?: CloudEventOptions,
): EventRead<Reader> {
  return fromContext(cloudEventContext(value, options), reader)
}

/** The events of a JSON batch of CloudEvents. The first one that is wrong throws as in {@link fromCloudEvent}. */
export function fromCloudEventBatch<Reader extends EventReader>(
  value: unknown,
  reader: Reader,
  options?: CloudEventOptions,
): readonly EventRead<Reader>[] {
  return batchContexts(value, options).map((context) => fromContext(context, reader))
}
