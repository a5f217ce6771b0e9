import type { Chance } from '../chance.ts'
import { SampleError } from './sample-error.ts'
import { checksOf, type SchemaDef } from './zod-def.ts'
import { sampleOfPattern } from './sample-pattern.ts'

/** Formats without a pattern, or whose pattern would lead to texts that nobody writes. */
const formats: Readonly<Record<string, (by: Chance) => string>> = {
  email: (by) => `${word(by, 3, 8)}@example.org`,
  url: (by) => `https://example.org/${word(by, 3, 8)}`,
  uuid: (by) => uuid(by, 4),
  guid: (by) => uuid(by, 4),
  datetime: (by) => moment(by).toISOString(),
  date: (by) => moment(by).toISOString().slice(0, 10),
  time: (by) => moment(by).toISOString().slice(11, 19),
  duration: (by) => `PT${by.whole(1, 90)}M`,
  ipv4: (by) => `192.0.2.${by.whole(1, 254)}`,
  ipv6: (by) => `2001:db8::${by.whole(1, 65535).toString(16)}`,
  cidrv4: () => '192.0.2.0/24',
  cidrv6: () => '2001:db8::/32',
  base64: (by) => btoa(word(by, 3, 9)),
  base64url: (by) => btoa(word(by, 3, 9)).replaceAll('=', ''),
  emoji: (by) => by.pick(['🙂', '📦', '🎉']),
  json_string: () => '{}',
  jwt: (by) => `${btoa('{"alg":"HS256","typ":"JWT"}').replaceAll('=', '')}.e30.${word(by, 10, 10)}`,
  hostname: (by) => `${word(by, 3, 8)}.example.org`,
}

/** Rules on a text that are no format of the whole. */
const parts = new Set(['regex', 'starts_with', 'ends_with', 'includes', 'lowercase', 'uppercase'])

/** A text for a string schema. Where rules meet, it may break one of them: who asks looks, and tries again. */
export function sampleText(def: SchemaDef, by: Chance, path: readonly PropertyKey[]): string {
  const checks = checksOf(def)
  const all = [def, ...checks]
  const format = all.find((each) => each.format !== undefined && !parts.has(each.format))
  if (format !== undefined) return ofFormat(format.format!, format.pattern, def, by, path)
  const pattern = checks.find(({ format }) => format === 'regex')?.pattern
  if (pattern !== undefined) return ofPattern(pattern, by, path)
  const [least, most] = lengths(def)
  const given = (name: 'prefix' | 'includes' | 'suffix'): string => checks.find((check) => check[name])?.[name] ?? ''
  const fixed = given('prefix') + given('includes')
  const room = fixed.length + given('suffix').length
  const free = word(by, Math.max(0, least - room), Math.max(0, Math.min(most, Math.max(least, 12)) - room))
  const text = given('prefix') + given('includes') + free + given('suffix')
  return checks.some((check) => check.format === 'uppercase') ? text.toUpperCase() : text
}

function ofFormat(
  format: string,
  pattern: RegExp | undefined,
  def: SchemaDef,
  by: Chance,
  path: readonly PropertyKey[],
): string {
  const version = format === 'uuid' ? /-\[?(\d)/.exec(pattern?.source.slice(30) ?? '')?.[1] : undefined
  const known = formats[format]?.(by)
  const fits = (text: string): boolean => {
    const [least, most] = lengths(def)
    return (pattern === undefined || new RegExp(pattern).test(text)) && text.length >= least && text.length <= most
  }
  if (known !== undefined && fits(known)) return known
  if (version !== undefined) {
    const text = uuid(by, Number(version))
    if (fits(text)) return text
  }
  if (pattern !== undefined) return ofPattern(pattern, by, path)
  if (known !== undefined) return known
  throw new SampleError(path, `nothing is known of the format "${format}"`)
}

function ofPattern(pattern: RegExp, by: Chance, path: readonly PropertyKey[]): string {
  const text = sampleOfPattern(pattern, by)
  if (text === undefined) throw new SampleError(path, `the pattern ${String(pattern)} is beyond what sample reads`)
  return text
}

function lengths(def: SchemaDef): readonly [number, number] {
  let least: number | undefined
  let most = Infinity
  for (const { minimum, maximum, length } of checksOf(def)) {
    if (minimum !== undefined || length !== undefined) least = Math.max(least ?? 0, minimum ?? length!)
    if (maximum !== undefined || length !== undefined) most = Math.min(most, maximum ?? length!)
  }
  return [least ?? Math.min(1, most), most]
}

function word(by: Chance, least: number, most: number): string {
  const length = by.whole(least, Math.max(least, most))
  return String.fromCharCode(...Array.from({ length }, () => by.whole(97, 122)))
}

function uuid(by: Chance, version: number): string {
  const hex = (length: number): string => Array.from({ length }, () => by.whole(0, 15).toString(16)).join('')
  return `${hex(8)}-${hex(4)}-${version}${hex(3)}-${by.pick(['8', '9', 'a', 'b'])}${hex(3)}-${hex(12)}`
}

function moment(by: Chance): Date {
  return new Date(by.whole(Date.UTC(2020, 0), Date.UTC(2030, 0)))
}
