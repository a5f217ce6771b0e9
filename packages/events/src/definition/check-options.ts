import { InvalidDefinitionError } from '../errors/errors.ts'
import { closest, render } from '../errors/render.ts'
import { checkMediaType, checkUri, checkUriReference } from '../event/attributes.ts'
import { isStandardSchema } from '../schema/standard-schema.ts'

const known = [
  'schema',
  'version',
  'key',
  'upcast',
  'source',
  'description',
  'sensitive',
  'dataSchema',
  'dataContentType',
]

/** Refuses what `defineEvent` cannot work with, naming the value, the place and the fix. */
export function checkOptions(type: unknown, definition: unknown): void {
  checkType(type)
  const at = `defineEvent('${String(type)}')`
  if (typeof definition !== 'object' || definition === null) {
    throw refuse(
      `${at} needs a schema, received ${render(definition)}`,
      'Pass a zod schema, or { schema, version, key, … }.',
    )
  }
  const options: Record<string, unknown> = { ...definition }
  if (!('schema' in options) && Object.values(options).some(isStandardSchema)) {
    throw refuse(`${at} needs a schema, received an object of schemas`, 'Wrap it: z.object({ … }).')
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    const meant = closest(name, known)
    const hint = meant === undefined ? `Known options: ${known.join(', ')}.` : `Did you mean \`${meant}\`?`
    throw refuse(`${at} does not know the option \`${name}\``, hint)
  }
  const { schema, key, version = 1, upcast = {} } = options
  if (!isStandardSchema(schema)) {
    throw refuse(
      `${at}: \`schema\` must be a schema, received ${render(schema)}`,
      'Use zod, or another library that implements Standard Schema.',
    )
  }
  if (key !== undefined && typeof key !== 'function') {
    throw refuse(
      `${at}: \`key\` must be a function, received ${render(key)}`,
      'For example: key: (order) => order.orderId',
    )
  }
  checkUpcasts(at, version, upcast)
  checkText(at, options, 'source', checkUriReference)
  checkText(at, options, 'dataSchema', checkUri)
  checkText(at, options, 'dataContentType', checkMediaType)
  checkText(at, options, 'description', (value) => (typeof value === 'string' ? undefined : 'a string'))
  checkSensitive(at, options['sensitive'])
}

// Any text that stands in a topic, a header and a pattern without escaping.
const token = /^[^\s.*\p{Cc}]+$/u

function checkType(type: unknown): void {
  if (typeof type === 'string' && type.split('.').every((part) => token.test(part))) return
  const fix =
    typeof type === 'string' && type.includes('*')
      ? 'An event has one type; `*` and `**` belong to subscribe().'
      : 'Use tokens with dots between them, without spaces: shop.order.placed'
  throw refuse(`defineEvent() needs an event type, received ${render(type)}`, fix)
}

function checkUpcasts(at: string, version: unknown, upcast: unknown): void {
  if (!Number.isSafeInteger(version) || Number(version) < 1 || Number(version) > 2_147_483_647) {
    throw refuse(`${at}: \`version\` must be a whole number from 1, received ${render(version)}`, 'The first is 1.')
  }
  if (typeof upcast !== 'object' || upcast === null || Array.isArray(upcast)) {
    throw refuse(`${at}: \`upcast\` must be an object, received ${render(upcast)}`, 'For example: { 1: (old) => … }')
  }
  const newest = Number(version)
  for (const [name, upcaster] of Object.entries(upcast)) {
    const from = Number(name)
    if (!Number.isInteger(from) || from < 1 || from >= newest) {
      const fix =
        newest === 1
          ? 'Version 1 has no older ones: raise `version`, or leave `upcast` out.'
          : `Upcasters exist for the versions 1 to ${newest - 1}; upcast[n] leads from n to n + 1.`
      throw refuse(`${at}: \`upcast\` has an entry for version ${render(name)}, but \`version\` is ${newest}`, fix)
    }
    if (typeof upcaster !== 'function') {
      throw refuse(`${at}: \`upcast[${name}]\` must be a function, received ${render(upcaster)}`, '(old) => …')
    }
  }
  for (let from = 1; from < newest; from++) {
    if (Object.hasOwn(upcast, from)) continue
    throw refuse(
      `${at}: \`version\` is ${newest}, but \`upcast\` has no entry for version ${from}`,
      `Events of every older version stay readable: add ${from}: (old) => …, which makes version ${from + 1} of it.`,
    )
  }
}

function checkText(
  at: string,
  options: Record<string, unknown>,
  name: string,
  check: (value: unknown) => string | undefined,
): void {
  const value = options[name]
  const expected = value === undefined ? undefined : check(value)
  if (expected !== undefined) throw refuse(`${at}: \`${name}\` is ${render(value)}`, `It must be ${expected}.`)
}

function checkSensitive(at: string, paths: unknown): void {
  if (paths === undefined) return
  if (Array.isArray(paths) && paths.every((path) => typeof path === 'string' && !path.split('.').includes(''))) return
  throw refuse(
    `${at}: \`sensitive\` must be an array of paths, received ${render(paths)}`,
    "For example: ['card.number', 'lines.*.secret'].",
  )
}

function refuse(problem: string, fix: string): InvalidDefinitionError {
  return new InvalidDefinitionError(problem, fix)
}
