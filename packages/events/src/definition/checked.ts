import type { EventAttributes } from '../event/event.ts'

/**
 * The way in for an event whose attributes have been checked already, as those of a CloudEvent have: checking them once
 * more would take as long as validating the data. Not registered, so it exists within this copy of the package only.
 */
export const readChecked: unique symbol = Symbol('tidings.readChecked')

/** A definition or a catalog of this copy of the package. Throws what `parse` throws. */
export interface CheckedReader {
  [readChecked](type: string, version: number, attributes: EventAttributes, data: unknown): unknown
}

/** Whether a reader has the way in; otherwise its `parse` takes the JSON form. */
export function isCheckedReader(reader: object): reader is CheckedReader {
  return readChecked in reader
}
