import type { AnyDefinedEvent } from '@tidings/events'

/** The way to a value in the data of an event. */
export type FieldPath = readonly (string | number)[]

/** A sensitive value, and where it was. */
export type Field = readonly [path: FieldPath, value: unknown]

/** What the definitions of a catalog show in the place of a sensitive value. */
const redacted = '[redacted]'

/** Whether the definition marks anything as sensitive: then it shows nothing of data that it does not expect. */
export function hasSensitive(definition: AnyDefinedEvent): boolean {
  return definition.redact(0) !== 0
}

/** All sensitive values of the data, which is as it is written. */
export function sensitiveFields(definition: AnyDefinedEvent, data: unknown): Field[] {
  const fields: Field[] = []
  collect(data, definition.redact(data), [], fields)
  return fields
}

/** The data with something else in the place of these values. It changes what it is given. */
export function replaced(
  data: unknown,
  fields: readonly Field[],
  value: (path: FieldPath, former: unknown) => unknown,
): unknown {
  let whole = data
  for (const [path, former] of fields) {
    const last = path.at(-1)
    if (last === undefined) whole = value(path, former)
    else define(path.slice(0, -1).reduce(step, whole), last, value(path, former))
  }
  return whole
}

function collect(value: unknown, shown: unknown, path: FieldPath, fields: Field[]): void {
  if (shown === redacted && value !== redacted) fields.push([path, value])
  else if (typeof value === 'object' && value !== null) {
    const [names, shownNames] = [Object.keys(value), Object.keys(shown as object)]
    // Where names of keys are sensitive, all of it is.
    if (names.length !== shownNames.length || names.some((name, index) => name !== shownNames[index])) {
      fields.push([path, value])
      return
    }
    for (const name of names) {
      const at = Array.isArray(value) ? Number(name) : name
      collect(step(value, at), step(shown, at), [...path, at], fields)
    }
  }
}

function step(value: unknown, name: string | number): unknown {
  return (value as Record<string | number, unknown>)[name]
}

/** Also under the name `__proto__`. */
function define(target: unknown, name: string | number, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true })
}
