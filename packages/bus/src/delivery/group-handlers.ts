import { isPattern, patternMatcher, TidingsError } from '@tidings/core'
import type { AnyHandler } from '../handler/handler.ts'
import type { Policy } from '../handler/policy.ts'
import type { GroupRequest } from '../transport/transport.ts'

/** What all handlers of a group agree on. */
const shared = ['ordering', 'concurrency', 'prefetch', 'from', 'temporary'] as const

/** The handlers of one group: which of them is for which event type. */
export class GroupHandlers {
  readonly #exact = new Map<string, AnyHandler>()
  #patterns: { readonly pattern: string; readonly matches: (type: string) => boolean; readonly handler: AnyHandler }[] =
    []
  readonly #all = new Set<AnyHandler>()

  get all(): ReadonlySet<AnyHandler> {
    return this.#all
  }

  /** Event types and patterns. */
  get types(): string[] {
    return [...this.#exact.keys(), ...this.#patterns.map(({ pattern }) => pattern)]
  }

  /** Whether any of them marks what it handles. */
  get marks(): boolean {
    return [...this.#all].some(({ policy }) => policy.idempotent)
  }

  /** The settings of the group: those of its first handler, since all agree. */
  get policy(): Policy {
    const [first] = this.#all
    return first!.policy
  }

  /** What a bus asks a transport for; `group` is the whole name. */
  request(group: string, prefetch: number): GroupRequest {
    const { types, marks } = this
    const { from, ordering, temporary } = this.policy
    return { group, types, prefetch, ordered: ordering === 'per-key', from, temporary, marks }
  }

  /** Throws `INVALID_ARGUMENT` where an event would have two handlers, or the group two settings. */
  add(handler: AnyHandler): void {
    const [first] = this.#all
    for (const option of first ? shared : []) {
      if (first!.policy[option] !== handler.policy[option]) throw disagreement(first!, handler, option)
    }
    const matchers = handler.types
      .filter(isPattern)
      .map((pattern) => ({ pattern, matches: patternMatcher(pattern), handler }))
    for (const type of handler.types) {
      const other =
        this.find(type) ?? [...this.#exact].find(([exact]) => matchers.some(({ matches }) => matches(exact)))?.[1]
      if (other !== undefined) throw taken(handler, other, type)
    }
    this.#all.add(handler)
    this.#patterns.push(...matchers)
    for (const type of handler.types) if (!isPattern(type)) this.#exact.set(type, handler)
  }

  remove(handler: AnyHandler): void {
    this.#all.delete(handler)
    this.#patterns = this.#patterns.filter((each) => each.handler !== handler)
    for (const type of handler.types) if (this.#exact.get(type) === handler) this.#exact.delete(type)
  }

  /** The handler of an event type; of several patterns the first that was added. */
  find(type: string): AnyHandler | undefined {
    return (
      this.#exact.get(type) ??
      this.#patterns.find(({ pattern, matches }) => pattern === type || (!isPattern(type) && matches(type)))?.handler
    )
  }
}

function taken(handler: AnyHandler, other: AnyHandler, type: string): TidingsError {
  return new TidingsError(
    'INVALID_ARGUMENT',
    `group "${handler.group}" has a handler for "${type}" already: ${other.name}, so ${handler.name} is refused\n` +
      'Within a group one handler gets an event. Give each its own `group`, and each gets every event.',
  )
}

function disagreement(first: AnyHandler, handler: AnyHandler, option: (typeof shared)[number]): TidingsError {
  return new TidingsError(
    'INVALID_ARGUMENT',
    `group "${handler.group}" cannot have \`${option}\` ${first.policy[option]} for ${first.name} and ${handler.policy[option]} for ${handler.name}\n` +
      'It is one setting for a whole group: make them equal, or give each handler its own `group`.',
  )
}
