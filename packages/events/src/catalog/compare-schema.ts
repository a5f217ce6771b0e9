import type { JsonSchema } from '../schema/json-schema.ts'
import { compareKeywords, compareValues } from './compare-keywords.ts'
import { compareArrays, compareObjects } from './compare-structure.ts'
import { canonical, kindOf, type Node, SchemaDocument, valuesOf } from './json-node.ts'
import { isAkin, nameOf } from './node-names.ts'
import type { SchemaChange, SchemaWalk } from './schema-change.ts'

/** Every difference between two JSON Schemas that matters to a reader of either. */
export function compareSchemas(older: JsonSchema, newer: JsonSchema): readonly SchemaChange[] {
  if (canonical(older) === canonical(newer)) return []
  return new SchemaComparison(new SchemaDocument(older), new SchemaDocument(newer)).run(older, newer)
}

// One walk through two documents in step.
class SchemaComparison implements SchemaWalk {
  readonly #old: SchemaDocument
  readonly #new: SchemaDocument
  readonly #changes: SchemaChange[] = []
  // Pairs that are compared already, or are being compared: recursion ends here.
  readonly #seen: Map<Node, Set<Node>>
  #depth: number

  constructor(older: SchemaDocument, newer: SchemaDocument, seen: Map<Node, Set<Node>> = new Map(), depth = 0) {
    this.#old = older
    this.#new = newer
    this.#seen = seen
    this.#depth = depth
  }

  run(older: unknown, newer: unknown): readonly SchemaChange[] {
    this.compare(older, newer, 'data')
    return this.#changes
  }

  add(change: SchemaChange): void {
    this.#changes.push(change)
  }

  fits(older: unknown, newer: unknown): boolean {
    return this.#changesBetween(this.#old.alternatives(older), this.#new.alternatives(newer)).every(
      ({ backward }) => backward === undefined,
    )
  }

  fitsBack(older: unknown, newer: unknown): boolean {
    return this.#changesBetween(this.#old.alternatives(older), this.#new.alternatives(newer)).every(
      ({ forward }) => forward === undefined,
    )
  }

  compare(older: unknown, newer: unknown, path: string): void {
    this.#alternatives(this.#old.alternatives(older), this.#new.alternatives(newer), path)
  }

  // Alternatives are matched by what they let through, not by their order: only what fits nowhere is a change.
  #alternatives(older: readonly Node[], newer: readonly Node[], path: string): void {
    const [onlyOld, onlyNew] = [older[0], newer[0]]
    if (older.length === 1 && newer.length === 1 && onlyOld !== undefined && onlyNew !== undefined) {
      this.#node(onlyOld, onlyNew, path)
      return
    }
    const lost = older.filter((a) => !newer.some((b) => this.#accepts(a, b, 'backward')))
    const gained = newer.filter((b) => !older.some((a) => this.#accepts(a, b, 'forward')))
    const paired = new Set<Node>()
    for (const node of lost) {
      const partner = [...gained, ...newer].find((each) => !paired.has(each) && isAkin(node, each))
      if (partner === undefined) this.#alternative(node, path, 'removed')
      else {
        paired.add(partner)
        this.#node(node, partner, path)
      }
    }
    for (const node of gained) {
      if (paired.has(node)) continue
      const partner = older.find((each) => !lost.includes(each) && isAkin(each, node))
      if (partner === undefined) this.#alternative(node, path, 'added')
      else this.#node(partner, node, path)
    }
  }

  #alternative(node: Node, path: string, what: 'added' | 'removed'): void {
    const name = nameOf(node)
    this.add({
      path,
      kind: what === 'added' ? 'alternative-added' : 'alternative-removed',
      what: what === 'added' ? `${name} is allowed now` : `${name} is not allowed any more`,
      ...(what === 'added'
        ? { forward: `new events may hold ${name} here` }
        : { backward: `old events may hold ${name} here` }),
    })
  }

  #accepts(older: Node, newer: Node, direction: 'backward' | 'forward'): boolean {
    return this.#changesBetween([older], [newer]).every((change) => change[direction] === undefined)
  }

  #changesBetween(older: readonly Node[], newer: readonly Node[]): readonly SchemaChange[] {
    // Trying alternatives inside alternatives would grow without bound; so deep, only equality counts as fitting.
    if (this.#depth > 4) {
      const equal = canonical(older) === canonical(newer)
      return equal ? [] : [{ path: '', kind: 'not-comparable', what: '', backward: '', forward: '' }]
    }
    const seen = new Map([...this.#seen].map(([node, others]) => [node, new Set(others)]))
    const trial = new SchemaComparison(this.#old, this.#new, seen, this.#depth + 1)
    trial.#alternatives(older, newer, '')
    return trial.#changes
  }

  #node(older: Node, newer: Node, path: string): void {
    const others = this.#seen.get(older) ?? new Set()
    if (others.has(newer)) return
    this.#seen.set(older, others.add(newer))
    const [oldKind, newKind] = [kindOf(older), kindOf(newer)]
    if (!this.#kinds(older, newer, path, oldKind, newKind)) return
    if (compareValues(this, older, newer, path)) return
    compareKeywords(this, older, newer, path)
    if (newKind === 'object') compareObjects(this, older, newer, path)
    if (newKind === 'array') compareArrays(this, older, newer, path)
  }

  // True when the two are of one kind, so that their keywords can be compared.
  #kinds(older: Node, newer: Node, path: string, oldKind: string, newKind: string): boolean {
    if (oldKind === newKind) return oldKind !== 'never'
    const change = (rest: Pick<SchemaChange, 'backward' | 'forward'>) =>
      this.add({ path, kind: 'type-changed', what: `${nameOf(older)} became ${nameOf(newer)}`, ...rest })
    const backward = `old events hold ${nameOf(older)} here`
    const forward = `new events hold ${nameOf(newer)} here`
    if (oldKind === 'integer' && newKind === 'number') {
      if (valuesOf(newer) === undefined) change({ forward })
      return true
    }
    if (oldKind === 'number' && newKind === 'integer') {
      if (valuesOf(older) === undefined) change({ backward })
      return true
    }
    if (newKind === 'any' || oldKind === 'never') change({ forward })
    else if (oldKind === 'any' || newKind === 'never') change({ backward })
    else change({ backward, forward })
    return false
  }
}
