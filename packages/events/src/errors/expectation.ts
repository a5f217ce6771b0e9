import type { RawIssue } from '../schema/validator.ts'
import { render } from './render.ts'

/** What a schema expected at the place of one of its issues, in words. */
export function expectation(issue: RawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeName(String(issue['expected']))
    case 'too_small':
      return bound(issue, issue['minimum'], issue['inclusive'] === false ? 'more than' : 'at least', 'greater than')
    case 'too_big':
      return bound(issue, issue['maximum'], issue['inclusive'] === false ? 'fewer than' : 'at most', 'less than')
    case 'invalid_format':
      return format(issue)
    case 'not_multiple_of':
      return `a multiple of ${String(issue['divisor'])}`
    case 'invalid_value':
      return oneOf(issue['values'])
    case 'invalid_union':
      return union(issue)
    case 'unrecognized_keys':
      return 'no unknown keys'
    default:
      return issue.message ?? 'a value that the schema accepts'
  }
}

const typeNames: Readonly<Record<string, string>> = {
  array: 'an array',
  bigint: 'a bigint',
  boolean: 'a boolean',
  date: 'a Date',
  int: 'an integer',
  map: 'a Map',
  nan: 'NaN',
  never: 'nothing',
  nonoptional: 'a value',
  null: 'null',
  number: 'a number',
  object: 'an object',
  record: 'an object',
  set: 'a Set',
  string: 'a string',
  tuple: 'an array of fixed length',
  undefined: 'undefined',
  void: 'undefined',
}

function typeName(type: string): string {
  return typeNames[type] ?? `a value of type ${type}`
}

function bound(issue: RawIssue, limit: unknown, many: string, than: string): string {
  const origin = String(issue['origin'])
  const amount = issue['exact'] === true ? `exactly ${String(limit)}` : `${many} ${String(limit)}`
  if (origin === 'string') return `a string of ${amount} characters`
  if (origin === 'array') return `an array of ${amount} items`
  if (origin === 'set' || origin === 'map') return `a ${origin === 'set' ? 'Set' : 'Map'} of ${amount} entries`
  if (origin === 'file') return `a file of ${amount} bytes`
  const orEqual = issue['inclusive'] === false ? '' : ' or equal to'
  if (origin === 'date') return `a Date ${than}${orEqual} ${new Date(Number(limit)).toISOString()}`
  return `${typeName(origin)} ${than}${orEqual} ${String(limit)}`
}

const formats: Readonly<Record<string, string>> = {
  base64: 'base64 text',
  base64url: 'base64url text',
  cidrv4: 'an IPv4 range',
  cidrv6: 'an IPv6 range',
  date: 'an ISO 8601 date, such as 2026-01-31',
  datetime: 'an ISO 8601 date and time, such as 2026-01-31T12:00:00Z',
  duration: 'an ISO 8601 duration, such as PT5M',
  e164: 'a phone number in E.164 form',
  email: 'an email address',
  guid: 'a UUID',
  ipv4: 'an IPv4 address',
  ipv6: 'an IPv6 address',
  json_string: 'JSON text',
  jwt: 'a JSON Web Token',
  time: 'an ISO 8601 time, such as 12:00:00',
  url: 'a URL',
  uuid: 'a UUID',
}

function format(issue: RawIssue): string {
  const name = String(issue['format'])
  const known = Object.hasOwn(formats, name) ? formats[name] : undefined
  if (known !== undefined) return known
  if (name === 'starts_with') return `a string that starts with ${render(issue['prefix'])}`
  if (name === 'ends_with') return `a string that ends with ${render(issue['suffix'])}`
  if (name === 'includes') return `a string that contains ${render(issue['includes'])}`
  if (name === 'regex') return `a string that matches ${String(issue['pattern']).slice(0, 120)}`
  return `a string in the format ${name}`
}

function oneOf(values: unknown): string {
  const options = Array.isArray(values) ? values.map((value) => render(value)) : []
  if (options.length > 12) return `one of ${options.slice(0, 12).join(', ')}, … ${options.length - 12} more`
  return options.length === 1 ? (options[0] ?? '') : `one of ${options.join(', ')}`
}

function union(issue: RawIssue): string {
  if (Array.isArray(issue['options'])) return oneOf(issue['options'])
  const { matches } = issue as { matches?: readonly number[] }
  if (matches !== undefined) return `exactly one of the alternatives to match, not ${matches.length} of them`
  return 'one of the alternatives'
}
