import type { AnyHandler } from '@tidings/bus'
import { TidingsError } from '@tidings/core'

/** The calls that a test wants to fail. */
export class OrderedFailures {
  readonly #handlers: readonly AnyHandler[]
  /** By group or name of a handler, the errors of its next calls. */
  readonly #ordered = new Map<string, unknown[]>()

  constructor(handlers: readonly AnyHandler[]) {
    this.#handlers = handlers
  }

  /** Throws `INVALID_ARGUMENT` for a group that is not there: nothing would ever fail. */
  order(target: string, times: number, error: unknown): void {
    const known = new Set(this.#handlers.flatMap(({ group, name }) => [group, name]))
    if (!known.has(target)) {
      throw new TidingsError(
        'INVALID_ARGUMENT',
        `failNext: there is no group and no handler "${target}"\nThere are: ${[...known].join(', ')}.`,
      )
    }
    if (!Number.isSafeInteger(times) || times < 1) {
      throw new TidingsError(
        'INVALID_ARGUMENT',
        `failNext: \`times\` must be a whole number from 1 on, received ${String(times)}\nHow many calls are to fail.`,
      )
    }
    const errors = this.#ordered.get(target) ?? []
    this.#ordered.set(target, errors)
    for (let time = 0; time < times; time++) errors.push(error ?? new Error(`failNext: "${target}" is to fail`))
  }

  throwIfOrdered({ group, name }: AnyHandler): void {
    for (const target of new Set([group, name])) {
      const errors = this.#ordered.get(target)
      if (errors !== undefined && errors.length > 0) throw errors.shift()
    }
  }
}
