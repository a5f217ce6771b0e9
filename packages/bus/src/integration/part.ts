import type { Extensions, TidingsEvent } from '@tidings/events'

/** Which part of a split event an event is. */
export interface Part {
  /** The id of the event that was split. */
  readonly of: string
  /** From 1. */
  readonly number: number
  /** How many parts there are. */
  readonly total: number
}

/**
 * What {@link splitter} wrote into the extensions `partof`, `partnumber` and `parttotal`; undefined for an event that is
 * no part. {@link translator} carries them on; another handler does with `{ extensions: event.extensions }`.
 */
export function partOf({ extensions }: Pick<TidingsEvent, 'extensions'>): Part | undefined {
  const { partof, partnumber, parttotal } = extensions
  if (typeof partof !== 'string' || partof === '') return undefined
  // A transport whose headers are texts gives numbers back as texts.
  const [number, total] = [Number(partnumber), Number(parttotal)]
  if (!Number.isSafeInteger(number) || !Number.isSafeInteger(total) || number < 1 || number > total) return undefined
  return { of: partof, number, total }
}

export function partExtensions({ of, number, total }: Part): Extensions {
  return { partof: of, partnumber: number, parttotal: total }
}
