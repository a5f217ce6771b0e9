import type { EventIssue } from '../errors/issues.ts'
import { render } from '../errors/render.ts'

// Each check answers what was expected, or undefined where the value is right.

// CloudEvents excludes control characters and Unicode noncharacters from all strings.
const forbidden = /[\p{Cc}\p{Noncharacter_Code_Point}\p{Surrogate}]/u
const printable = /^[\x20-\x7e]+$/

/** A string of CloudEvents: no control characters, noncharacters or lone surrogates, and not empty. */
export function checkText(value: unknown): string | undefined {
  if (typeof value === 'string' && printable.test(value)) return undefined
  if (typeof value !== 'string' || value === '') return 'a string that is not empty'
  return forbidden.test(value) ? 'a string without control characters or broken Unicode' : undefined
}

// Nearly every source: much quicker than the whole of the rule, of which it is a part.
const plainUriReference = /^[\w.~!$&'()*+,;=:@/-]+$/

// The lookahead ends the authority in one way only: without it a long hostile text takes quadratic time.
const uriReference =
  /^(?:[a-z][a-z\d+.-]*:)?(?:\/\/(?:[\w.~!$&'()*+,;=:@-]|%[\da-f]{2}|\[[\da-fv.:]+\])*(?=[/?#]|$))?(?:[\w.~!$&'()*+,;=:@/-]|%[\da-f]{2})*(?:\?(?:[\w.~!$&'()*+,;=:@/?-]|%[\da-f]{2})*)?(?:#(?:[\w.~!$&'()*+,;=:@/?-]|%[\da-f]{2})*)?$/i

/** A URI-reference of RFC 3986 that is not empty. */
export function checkUriReference(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && (plainUriReference.test(value) || uriReference.test(value))
    ? undefined
    : 'a URI or a path, such as /shop (RFC 3986: no spaces, other characters percent-encoded)'
}

/** A URI of RFC 3986 with its scheme. */
export function checkUri(value: unknown): string | undefined {
  return checkUriReference(value) === undefined && /^[a-z][a-z\d+.-]*:/i.test(String(value))
    ? undefined
    : 'an absolute URI, such as https://example.com/schema (RFC 3986)'
}

const mediaType = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:\s*;\s*[\w!#$&^.+-]+=(?:[\w!#$&^.+:/-]+|"[^"\\\p{Cc}]*"))*\s*;?$/u

/** A media type of RFC 2046, with or without parameters. */
export function checkMediaType(value: unknown): string | undefined {
  return value === 'application/json' || (typeof value === 'string' && mediaType.test(value))
    ? undefined
    : 'a media type, such as application/json'
}

const timestamp = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|[+-](\d\d):(\d\d))$/

// A day that exists in every year, in UTC, as almost every event has it: a fifth of the time of the whole rule.
const plainTimestamp =
  /^\d{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?Z$/

/** A date and time of RFC 3339, on a day that exists; a leap second is allowed. */
export function checkTime(value: unknown): string | undefined {
  if (typeof value === 'string' && plainTimestamp.test(value)) return undefined
  const match = typeof value === 'string' ? timestamp.exec(value) : null
  if (match !== null) {
    const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, offsetHour = 0, offsetMinute = 0] = match
      .slice(1)
      .map((part) => Number(part ?? 0))
    const inTime = hour < 24 && minute < 60 && second <= 60 && offsetHour < 24 && offsetMinute < 60
    if (inTime && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)) return undefined
  }
  return 'a date and time of RFC 3339, such as 2026-01-31T12:00:00.000Z'
}

/** A whole number from `least`, small enough to be exact. */
export function checkInteger(
  value: unknown,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): string | undefined {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
    ? undefined
    : `a whole number from ${least} to ${most}`
}

/** The largest number that a CloudEvents integer can hold. */
export const maxInteger = 2_147_483_647

/** A value that an extension attribute can have: a string, a boolean, or a 32-bit integer. */
export function checkExtensionValue(value: unknown): string | undefined {
  if (typeof value === 'boolean' || value === '') return undefined
  if (typeof value === 'number') {
    const expected = 'a whole number of 32 bits (send others as a string)'
    return checkInteger(value, -maxInteger - 1, maxInteger) === undefined ? undefined : expected
  }
  return typeof value === 'string' ? checkText(value) : 'a string, a boolean or a whole number of 32 bits'
}

/** The name of an extension attribute: lower-case letters and digits. */
export function checkExtensionName(name: string): string | undefined {
  return /^[a-z\d]+$/.test(name) && name !== 'data'
    ? undefined
    : 'an attribute name of lower-case letters a-z and digits only'
}

/**
 * An issue about an attribute of the envelope, or about the whole of an event. Of an object only its kind is told, since
 * the data may be inside.
 */
export function attributeIssue(
  name: string | readonly (string | number)[],
  expected: string,
  value: unknown,
): EventIssue {
  const path = typeof name === 'string' ? [name] : name
  return { path, code: 'invalid_attribute', expected, received: received(value) }
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return [4, 6, 9, 11].includes(month) ? 30 : 31
}

/** An issue about what should have been an event as a whole; not even a part of a text is shown. */
export function wholeIssue(expected: string, value: unknown): EventIssue {
  const kind = typeof value === 'string' ? `a text of ${value.length} characters` : received(value)
  return { path: [], code: 'invalid_attribute', expected, received: kind }
}

function received(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' && value !== null && !(value instanceof Date) ? 'an object' : render(value)
}
