import { isPattern, patternMatcher } from '@tidings/core'

/** Event types whose groups are remembered; many more would be a sign of types made up at run time. */
const maxCached = 1000

const none: readonly never[] = []

/** Which groups asked for an event type, exactly or by a pattern. The arrays that it gives never change. */
export class Routes<Group> {
  readonly #types = new Map<Group, ReadonlySet<string>>()
  readonly #exact = new Map<string, readonly Group[]>()
  #patterns: readonly { readonly matches: (type: string) => boolean; readonly group: Group }[] = []
  /** The groups of types, with those that patterns add. */
  readonly #cache = new Map<string, readonly Group[]>()

  /** Replaces what a group asked for. */
  bind(group: Group, types: ReadonlySet<string>): void {
    this.unbind(group)
    this.#cache.clear()
    this.#types.set(group, types)
    for (const type of types) {
      if (isPattern(type)) this.#patterns = [...this.#patterns, { matches: patternMatcher(type), group }]
      else this.#exact.set(type, [...(this.#exact.get(type) ?? none), group])
    }
  }

  unbind(group: Group): void {
    const types = this.#types.get(group)
    if (types === undefined) return
    this.#types.delete(group)
    this.#cache.clear()
    this.#patterns = this.#patterns.filter((pattern) => pattern.group !== group)
    for (const type of types) {
      const others = this.#exact.get(type)?.filter((other) => other !== group)
      if (others?.length) this.#exact.set(type, others)
      else this.#exact.delete(type)
    }
  }

  to(type: string): readonly Group[] {
    if (this.#patterns.length === 0) return this.#exact.get(type) ?? none
    return this.#cache.get(type) ?? this.#resolve(type)
  }

  #resolve(type: string): readonly Group[] {
    const groups = new Set(this.#exact.get(type))
    for (const { matches, group } of this.#patterns) if (matches(type)) groups.add(group)
    if (this.#cache.size >= maxCached) this.#cache.clear()
    const resolved = [...groups]
    this.#cache.set(type, resolved)
    return resolved
  }
}
