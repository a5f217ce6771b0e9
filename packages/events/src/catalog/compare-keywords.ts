import { render } from '../errors/render.ts'
import { canonical, type Node, valuesOf } from './json-node.ts'
import { nameOf } from './node-names.ts'
import type { SchemaWalk } from './schema-change.ts'

/** Compares enumerations and constants; true when they say all there is to say about the two nodes. */
export function compareValues(comparison: SchemaWalk, older: Node, newer: Node, path: string): boolean {
  const [oldValues, newValues] = [valuesOf(older), valuesOf(newer)]
  if (oldValues === undefined && newValues === undefined) return false
  if (oldValues === undefined || newValues === undefined) {
    const narrowed = oldValues === undefined
    const refused = narrowed ? [] : (oldValues ?? []).filter((value) => !satisfies(value, newer))
    const change = { path, kind: 'values-changed', what: `${nameOf(older)} became ${nameOf(newer)}` } as const
    if (narrowed) comparison.add({ ...change, backward: 'old events may hold another value' })
    else if (refused.length === 0) comparison.add({ ...change, forward: 'new events may hold another value' })
    else
      comparison.add({
        ...change,
        backward: `old events may hold ${texts(refused)}`,
        forward: 'new events may hold another value',
      })
    return true
  }
  const removed = oldValues.filter((value) => !newValues.some((other) => canonical(other) === canonical(value)))
  const added = newValues.filter((value) => !oldValues.some((other) => canonical(other) === canonical(value)))
  if (removed.length > 0) {
    const what = `${texts(removed)} ${removed.length === 1 ? 'is' : 'are'} not allowed any more`
    comparison.add({ path, kind: 'values-changed', what, backward: `old events may hold ${texts(removed)}` })
  }
  if (added.length > 0) {
    const what = `${texts(added)} ${added.length === 1 ? 'is' : 'are'} allowed now`
    comparison.add({ path, kind: 'values-changed', what, forward: `new events may hold ${texts(added)}` })
  }
  return true
}

/** Compares limits, patterns, formats, and whatever else two nodes of one kind can be bound by. */
export function compareKeywords(comparison: SchemaWalk, older: Node, newer: Node, path: string): void {
  const report = (what: string, tighter: boolean, looser: boolean): void => {
    comparison.add({
      path,
      kind: 'constraint-changed',
      what,
      ...(tighter ? { backward: 'old events may break the new limit' } : {}),
      ...(looser ? { forward: 'new events may break the old limit' } : {}),
    })
  }
  for (const [names, direction] of limits) compareLimit(older, newer, names, direction, report)
  compareMultiple(older['multipleOf'], newer['multipleOf'], report)
  comparePatterns(older, newer, report)
  for (const name of ['format', 'contentEncoding', 'contentMediaType', 'uniqueItems']) {
    const [a, b] = [older[name], newer[name]]
    if (a === b || (a ?? false) === (b ?? false)) continue
    const what = `${name} ${a === undefined ? `${render(b)} added` : b === undefined ? `${render(a)} removed` : `changed from ${render(a)} to ${render(b)}`}`
    report(what, b !== undefined && b !== false, a !== undefined && a !== false)
  }
  for (const name of opaque) {
    if (canonical(older[name]) === canonical(newer[name])) continue
    comparison.add({
      path,
      kind: 'not-comparable',
      what: `\`${name}\` changed`,
      backward: 'what it allows cannot be compared, so old events may break it',
      forward: 'what it allows cannot be compared, so new events may break it',
    })
  }
}

type Report = (what: string, tighter: boolean, looser: boolean) => void

const limits: readonly (readonly [names: readonly string[], direction: 1 | -1])[] = [
  [['minimum', 'exclusiveMinimum'], 1],
  [['maximum', 'exclusiveMaximum'], -1],
  [['minLength'], 1],
  [['maxLength'], -1],
  [['minItems'], 1],
  [['maxItems'], -1],
  [['minProperties'], 1],
  [['maxProperties'], -1],
]

// Keywords that no rule here can judge: any change of them is reported for both directions.
const opaque = (
  'not if then else dependentRequired dependentSchemas dependencies contains minContains maxContains ' +
  'unevaluatedProperties unevaluatedItems patternProperties both'
).split(' ')

// A limit is the strictest of its keywords; `direction` is 1 where a greater limit lets less through.
function compareLimit(older: Node, newer: Node, names: readonly string[], direction: 1 | -1, report: Report): void {
  const [a, b] = [strictest(older, names, direction), strictest(newer, names, direction)]
  if (a?.text === b?.text) return
  const order = a === undefined ? 1 : b === undefined ? -1 : direction * (b.value - a.value) || (b.exclusive ? 1 : -1)
  const what =
    a === undefined ? `${b?.text} added` : b === undefined ? `${a.text} removed` : `${a.text} became ${b.text}`
  report(what, order > 0, order < 0)
}

interface Limit {
  readonly text: string
  readonly value: number
  readonly exclusive: boolean
}

function strictest(node: Node, names: readonly string[], direction: 1 | -1): Limit | undefined {
  let best: Limit | undefined
  for (const name of names) {
    const value = node[name]
    if (typeof value !== 'number') continue
    // zod writes the largest exact integers as limits of every integer.
    if (Math.abs(value) === Number.MAX_SAFE_INTEGER) continue
    const exclusive = name.startsWith('exclusive')
    const order = best === undefined ? 1 : direction * (value - best.value) || (exclusive ? 1 : -1)
    if (order > 0) best = { text: `${name} ${value}`, value, exclusive }
  }
  return best
}

function compareMultiple(older: unknown, newer: unknown, report: Report): void {
  if (older === newer) return
  const [a, b] = [Number(older), Number(newer)]
  if (older === undefined) report(`multipleOf ${b} added`, true, false)
  else if (newer === undefined) report(`multipleOf ${a} removed`, false, true)
  else report(`multipleOf ${a} became ${b}`, !Number.isInteger(a / b), !Number.isInteger(b / a))
}

function comparePatterns(older: Node, newer: Node, report: Report): void {
  const [a, b] = [patternsOf(older), patternsOf(newer)]
  const removed = a.filter((pattern) => !b.includes(pattern))
  const added = b.filter((pattern) => !a.includes(pattern))
  if (removed.length === 0 && added.length === 0) return
  const parts = [
    ...removed.map((each) => `pattern ${short(each)} removed`),
    ...added.map((each) => `pattern ${short(each)} added`),
  ]
  report(parts.join(', '), added.length > 0, removed.length > 0)
}

function patternsOf(node: Node): readonly string[] {
  return Array.isArray(node['patterns']) ? node['patterns'].map(String) : []
}

function short(pattern: string): string {
  return pattern.length > 60 ? `/${pattern.slice(0, 60)}…/` : `/${pattern}/`
}

function texts(values: readonly unknown[]): string {
  return values.map((value) => render(value)).join(', ')
}

// Whether a single value meets the limits of a node; enough for the primitive values of enumerations.
function satisfies(value: unknown, node: Node): boolean {
  for (const [names, direction] of limits) {
    const limit = strictest(node, names, direction)
    const size = typeof value === 'string' ? Array.from(value).length : value
    if (limit === undefined || typeof size !== 'number') continue
    const distance = direction * (size - limit.value)
    if (distance < 0 || (distance === 0 && limit.exclusive)) return false
  }
  const { multipleOf } = node
  if (typeof multipleOf === 'number' && !Number.isInteger(Number(value) / multipleOf)) return false
  if (node['format'] !== undefined) return false
  return patternsOf(node).every((pattern) => typeof value !== 'string' || matches(pattern, value))
}

function matches(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(value)
  } catch {
    return false
  }
}
