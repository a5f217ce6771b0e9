import * as core from 'zod/v4/core'
import { type Disclosure, redacted, secretsOf } from '../schema/sensitive.ts'
import type { RawIssue } from '../schema/validator.ts'
import { definitionOf, type ZodSchema } from '../schema/zod-tree.ts'
import { expectation } from './expectation.ts'
import { closest, render } from './render.ts'

/** One problem of an event: where, what was expected there, and what was received instead. */
export interface EventIssue {
  /** From the event down: `['data', 'lines', 0, 'sku']`, or `['time']` for an attribute. */
  readonly path: readonly (string | number)[]
  /** The schema's own code where it has one (zod's `too_small`, for example), `invalid_attribute` for the envelope. */
  readonly code: string
  /** In words: `a number greater than 0`. */
  readonly expected: string
  /** A short text of the value; `nothing` where the key is missing, `[redacted]` where it is sensitive. */
  readonly received: string
  /** The message that the schema's author wrote for this case. */
  readonly message?: string
  /** The value that was probably meant. */
  readonly suggestion?: string
}

/** Describes what a schema found wrong with `data`, so that nothing sensitive shows. */
export function describeIssues(
  issues: readonly RawIssue[],
  data: unknown,
  disclosure: Disclosure,
): readonly EventIssue[] {
  const describer = new Describer(data, disclosure)
  return issues.flatMap((issue) => describer.describe(issue, []))
}

type Path = readonly PropertyKey[]

const acceptable = 'a value that the schema accepts'

class Describer {
  readonly #data: unknown
  readonly #disclosure: Disclosure
  #secrets: readonly string[] | undefined

  constructor(data: unknown, disclosure: Disclosure) {
    this.#data = data
    this.#disclosure = disclosure
  }

  describe(issue: RawIssue, base: Path): readonly EventIssue[] {
    const path = [...base, ...keysOf(issue)]
    if (issue.code === 'unrecognized_keys') return this.#unknownKeys(issue, path)
    if (issue.code === 'invalid_union') return this.#union(issue, path)
    if (issue.code === 'invalid_key') {
      const inner = nested(issue['issues'])
      const expected = inner.length === 0 ? 'a valid key' : `a key that is ${inner.map(expectation).join(' and ')}`
      return [this.#issue(issue, path, expected, this.#key(path))]
    }
    if (issue.code === 'invalid_element') {
      return nested(issue['issues']).flatMap((each) => this.describe(each, path))
    }
    return [this.#issue(issue, path, expectation(issue))]
  }

  #issue(issue: RawIssue, path: Path, expected: string, received: string = this.#received(path)): EventIssue {
    const message = this.#message(issue)
    const suggestion = this.#suggestion(issue, path)
    // A refinement, and a schema of another vendor, say what they expect in their message alone.
    const spoken = issue.code === undefined || issue.code === 'custom'
    return {
      path: this.#shown(path),
      code: issue.code ?? 'invalid',
      expected: spoken ? (message ?? acceptable) : this.#safe(expected),
      received,
      ...(spoken || message === undefined ? {} : { message }),
      ...(suggestion === undefined ? {} : { suggestion }),
    }
  }

  #unknownKeys(issue: RawIssue, path: Path): readonly EventIssue[] {
    const keys = Array.isArray(issue['keys']) ? issue['keys'].map(String) : []
    const schema = schemaOf(issue)
    const known = schema === undefined ? [] : Object.keys(definitionOf(schema).shape ?? {})
    return keys.map((key) => {
      const suggestion = closest(key, known)
      return {
        path: this.#shown([...path, key]),
        code: 'unrecognized_keys',
        expected: `no such key${known.length > 0 && known.length <= 12 ? ` (known: ${known.join(', ')})` : ''}`,
        received: this.#received([...path, key]),
        ...(suggestion === undefined ? {} : { suggestion }),
      }
    })
  }

  // Of the options of a union, the one that came closest tells most: the one whose problems lie deepest, then the one
  // with the fewest.
  #union(issue: RawIssue, path: Path): readonly EventIssue[] {
    const options = Array.isArray(issue['errors']) ? issue['errors'].map(nested).filter((each) => each.length > 0) : []
    const atTop = options.filter((each) => each.every((one) => keysOf(one).length === 0))
    if (options.length === 0 || atTop.length === options.length) {
      const choices = options.map((each) => each.map(expectation).join(' and '))
      return [this.#issue(issue, path, choices.length > 0 ? [...new Set(choices)].join(' or ') : expectation(issue))]
    }
    const [best] = options.filter((each) => !atTop.includes(each)).toSorted((a, b) => a.length - b.length)
    return (best ?? []).flatMap((each) => this.describe(each, path))
  }

  #received(path: Path): string {
    let value: unknown = this.#data
    let disclosure = this.#disclosure
    try {
      for (const key of path) {
        disclosure = disclosure.at(key)
        if (disclosure.hidden) return redacted
        if (value instanceof Map) value = value.get(key)
        else if (value instanceof Set) value = [...value][Number(key)]
        else if (typeof value !== 'object' || value === null) return 'nothing'
        else if (!(key in value)) return 'nothing'
        else value = Reflect.get(value, key)
      }
    } catch {
      return '[unreadable]'
    }
    return render(value, disclosure)
  }

  // The last segment of a path as a value, for issues about a key.
  #key(path: Path): string {
    const shown = this.#shown(path).at(-1)
    return shown === redacted ? redacted : render(path.at(-1))
  }

  #shown(path: Path): readonly (string | number)[] {
    let disclosure = this.#disclosure
    const shown: (string | number)[] = ['data']
    for (const key of path) {
      shown.push(disclosure.hidesKeys ? redacted : typeof key === 'number' ? key : String(key))
      disclosure = disclosure.at(key)
    }
    return shown
  }

  #message(issue: RawIssue): string | undefined {
    const own = ownMessage(issue)
    return own === undefined ? undefined : this.#safe(own)
  }

  #suggestion(issue: RawIssue, path: Path): string | undefined {
    if (issue.code !== 'invalid_value' || !Array.isArray(issue['values'])) return undefined
    const received = this.#received(path)
    const values = issue['values'].filter((each) => typeof each === 'string')
    return received.startsWith('"') ? closest(received.slice(1, -1), values) : undefined
  }

  // Messages come from the schema's author, who may have put the value into them.
  #safe(message: string): string {
    if (!this.#disclosure.guarded && !this.#disclosure.hidden) return message
    try {
      this.#secrets ??= secretsOf(this.#data, this.#disclosure)
    } catch {
      return acceptable
    }
    const discloses = this.#secrets.some((secret) => message.includes(secret))
    return discloses ? `${acceptable} (its message is withheld: it shows a sensitive value)` : message
  }
}

function keysOf(issue: RawIssue): Path {
  return (issue.path ?? []).map((segment) => (typeof segment === 'object' ? segment.key : segment))
}

function nested(issues: unknown): readonly RawIssue[] {
  return Array.isArray(issues) ? (issues as RawIssue[]) : []
}

function schemaOf(issue: RawIssue): ZodSchema | undefined {
  const inst = issue['inst']
  return typeof inst === 'object' && inst !== null && '_zod' in inst ? (inst as ZodSchema) : undefined
}

// The message that the author of the schema wrote; zod's standard messages only repeat what `expected` says.
function ownMessage(issue: RawIssue): string | undefined {
  if (issue.code === undefined) return issue.message
  const check = issue['inst'] as { _zod?: { def?: { error?: unknown } } } | undefined
  if (issue.code !== 'custom' && check?._zod?.def?.error === undefined) return undefined
  if (typeof issue.message === 'string') return issue.message === 'Invalid input' ? undefined : issue.message
  const { message } = core.util.finalizeIssue(issue as unknown as core.$ZodRawIssue, undefined, core.config())
  return message === 'Invalid input' ? undefined : message
}
