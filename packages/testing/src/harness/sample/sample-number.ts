import type { Chance } from '../chance.ts'
import { SampleError } from './sample-error.ts'
import { checksOf, type SchemaDef } from './zod-def.ts'

const wholeFormats: Readonly<Record<string, readonly [number, number]>> = {
  safeint: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
}

/** How far from a bound, or from 0, numbers lie: large enough to differ, small enough to read. */
const reach = 1000

export function sampleNumber(def: SchemaDef, by: Chance, path: readonly PropertyKey[]): number {
  const format = [def, ...checksOf(def)].map((each) => wholeFormats[each.format ?? '']).find(Boolean)
  const step = checksOf(def).find(({ check }) => check === 'multiple_of')?.value as number | undefined
  const bounds = boundsOf(def, format ?? [-Infinity, Infinity])
  const [least, most] = nearBounds(bounds.least as number, bounds.most as number)
  const grid = step ?? (format || most - least >= reach ? 1 : undefined)
  if (grid === undefined) {
    const value = least + by.next() * (most - least)
    const rounded = Math.round(value * 100) / 100
    return isWithin(rounded, bounds) ? rounded : within(value, bounds, path)
  }
  // Of a step that is no whole number, multiples are counted a little generously, and then checked.
  const [first, last] = [Math.ceil(least / grid - 1e-9), Math.floor(most / grid + 1e-9)]
  for (let attempt = 0; attempt < 50; attempt++) {
    const value = Number((by.whole(first, last) * grid).toPrecision(15))
    if (isWithin(value, bounds)) return value
  }
  return within(Number.NaN, bounds, path)
}

export function sampleBigint(def: SchemaDef, by: Chance, path: readonly PropertyKey[]): bigint {
  const step = (checksOf(def).find(({ check }) => check === 'multiple_of')?.value as bigint | undefined) ?? 1n
  const { least, most, withLeast, withMost } = boundsOf(def, [-Infinity, Infinity])
  const lowest = typeof least === 'bigint' ? least + (withLeast ? 0n : 1n) : undefined
  const highest = typeof most === 'bigint' ? most - (withMost ? 0n : 1n) : undefined
  const from = lowest ?? (highest === undefined || highest >= 0n ? 0n : highest - BigInt(reach) * step)
  // Rounded up to the step; the division of bigints rounds towards 0.
  const first = (from / step) * step + (from > 0n && from % step !== 0n ? step : 0n)
  const steps = highest === undefined ? BigInt(reach) : (highest - first) / step
  if (highest !== undefined && first > highest) throw new SampleError(path, 'no whole number lies within its bounds')
  return first + step * BigInt(by.whole(0, Math.min(reach, Number(steps))))
}

export function sampleDate(def: SchemaDef, by: Chance, path: readonly PropertyKey[]): Date {
  const [usualFirst, usualLast] = [Date.UTC(2020, 0), Date.UTC(2030, 0)]
  const bounds = boundsOf(def, [-Infinity, Infinity])
  const least = bounds.least === -Infinity ? Math.min(usualFirst, Number(bounds.most)) : Number(bounds.least)
  const most = bounds.most === Infinity ? Math.max(usualLast, least) : Number(bounds.most)
  const time = by.whole(least, Math.max(least, most))
  return new Date(within(time, { ...bounds, least: Number(bounds.least), most: Number(bounds.most) }, path))
}

interface Bounds {
  readonly least: number | bigint
  readonly most: number | bigint
  readonly withLeast: boolean
  readonly withMost: boolean
}

function boundsOf(def: SchemaDef, [first, last]: readonly [number, number]): Bounds {
  let bounds: Bounds = { least: first, most: last, withLeast: true, withMost: true }
  for (const { check, value, inclusive = true } of checksOf(def)) {
    const bound = value instanceof Date ? value.getTime() : value
    if (bound === undefined) continue
    if (check === 'greater_than' && (bound > bounds.least || (bound === bounds.least && !inclusive))) {
      bounds = { ...bounds, least: bound, withLeast: inclusive }
    }
    if (check === 'less_than' && (bound < bounds.most || (bound === bounds.most && !inclusive))) {
      bounds = { ...bounds, most: bound, withMost: inclusive }
    }
  }
  return bounds
}

/** A stretch of readable numbers between the bounds. */
function nearBounds(least: number, most: number): readonly [number, number] {
  const isNear = (bound: number): boolean => Math.abs(bound) < Number.MAX_SAFE_INTEGER / 2
  if (isNear(least) && isNear(most)) return [least, Math.max(least, Math.min(most, least + 1e9))]
  if (isNear(least)) return [least, least + reach]
  if (isNear(most)) return [Math.min(most - reach, most), most]
  return [0, reach]
}

function isWithin(value: number | bigint, { least, most, withLeast, withMost }: Bounds): boolean {
  return (withLeast ? value >= least : value > least) && (withMost ? value <= most : value < most)
}

function within(value: number, bounds: Bounds, path: readonly PropertyKey[]): number {
  if (isWithin(value, bounds)) return value
  // An end of an open interval.
  const middle = (Number(bounds.least) + Number(bounds.most)) / 2
  if (!Number.isNaN(value) && isWithin(middle, bounds)) return middle
  throw new SampleError(path, 'nothing lies within its bounds')
}
