import { isTidingsError, TidingsError } from '@tidings/core'
import { misuse } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'

/** How an error is told. */
export type Thrown = string | (new (...args: never) => Error) | ((error: unknown) => boolean)

/** A decider or a process did not do what its specification says. The message has both. */
export class SpecificationError extends TidingsError<'SPECIFICATION_FAILED'> {
  override readonly name = 'SpecificationError'

  constructor(what: string, expected: string, received: string, cause?: unknown) {
    const message = `${what} as specified\nexpected: ${expected}\nreceived: ${received}`
    super('SPECIFICATION_FAILED', message, cause === undefined ? {} : { cause })
  }
}

/** Compares what comes, as a text, with what is expected. `what` was not done `as specified`. */
export function check(what: string, expected: string, run: () => string): void {
  let received: string
  try {
    received = run()
  } catch (error) {
    throw new SpecificationError(what, expected, `it threw ${String(error)}`, error)
  }
  if (expected !== received) throw new SpecificationError(what, expected, received)
}

/** Sees to it that an error comes, and the right one. */
export function checkError(what: string, words: string, run: () => string, expected: Thrown | undefined): void {
  let received: string
  try {
    received = run()
  } catch (error) {
    if (isRight(error, expected)) return
    throw new SpecificationError(what, words, `it threw ${String(error)}`, error)
  }
  throw new SpecificationError(what, words, received)
}

/** What is expected; refuses the function that `await` passes. */
export function noPromise<Expected>(expected: Expected): Expected {
  if (typeof expected !== 'function') return expected
  throw misuse('a specification is no promise\nEnd it with .then(…) or .thenThrows(), without await.')
}

/** An error in words. */
export function inWords(expected: Thrown | undefined): string {
  if (expected === undefined) return 'an error'
  if (typeof expected === 'string') return `an error with the code ${expected}`
  return isClass(expected) ? `an error of the class ${expected.name}` : 'an error that the function finds right'
}

/** A single one as a list. */
export function listOf<Item>(items: Item | readonly Item[]): readonly Item[] {
  return isList(items) ? items : [items]
}

/** What events say, apart from when and to whom. */
export function shownEvents(events: readonly TidingsEvent[]): string {
  if (events.length === 0) return 'no events'
  return events
    .map((event) => {
      const { type, version, data } = event.toJSON()
      return `${type} (version ${version}) ${JSON.stringify(data)}`
    })
    .join(', ')
}

function isRight(error: unknown, expected: Thrown | undefined): boolean {
  if (expected === undefined) return true
  if (typeof expected === 'string') return isTidingsError(error, expected)
  return isClass(expected) ? error instanceof expected : expected(error)
}

function isClass(expected: Exclude<Thrown, string>): expected is new (...args: never) => Error {
  return expected === Error || (expected as { prototype?: unknown }).prototype instanceof Error
}

function isList<Item>(items: Item | readonly Item[]): items is readonly Item[] {
  return Array.isArray(items)
}
