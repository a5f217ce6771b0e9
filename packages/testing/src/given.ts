import { isTidingsError, TidingsError } from '@tidings/core'
import { misuse } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'
import type { Decider } from '@tidings/store'

/** What happened before. */
export type Given<Command, Event extends TidingsEvent> = (events?: readonly Event[]) => {
  /** What is asked now. Nothing is decided before `then` or `thenThrows`. */
  when(command: Command): When<Event>
}

/** What must come of a command. */
export interface When<Event extends TidingsEvent> {
  /**
   * These events, in this order: compared by type, version and data; ids and times are those of another moment.
   *
   * @throws SpecificationError when others came, or the command was refused
   */
  then(events: Event | readonly Event[]): void
  /**
   * An error: any, one of a class, one of ours with a code, or one that a function finds right.
   *
   * @throws SpecificationError when another came, or none
   */
  thenThrows(expected?: Thrown): void
}

/** How an error is told. */
export type Thrown = string | (new (...args: never) => Error) | ((error: unknown) => boolean)

/** A decider did not decide as its specification says. The message has both. */
export class SpecificationError extends TidingsError<'SPECIFICATION_FAILED'> {
  override readonly name = 'SpecificationError'

  constructor(expected: string, received: string, cause?: unknown) {
    const message = `the decider did not decide as specified\nexpected: ${expected}\nreceived: ${received}`
    super('SPECIFICATION_FAILED', message, cause === undefined ? {} : { cause })
  }
}

/**
 * Given, when, then for a decider: no store, no mock, and nothing to wait for.
 *
 * @example
 * const given = givenFor(order)
 * given([placed]).when({ type: 'ship', carrier: 'Mail' }).then([OrderShipped.create({ carrier: 'Mail' })])
 * given([placed, shipped]).when({ type: 'cancel' }).thenThrows('ORDER_SHIPPED')
 */
export function givenFor<State, Command, Event extends TidingsEvent>(
  decider: Pick<Decider<State, Command, Event>, 'initial' | 'evolve' | 'decide'>,
): Given<Command, Event> {
  return (events = []) => ({
    when(command) {
      const decide = (): readonly Event[] => {
        // Each time anew, as `evolve` may change the state.
        const state = events.reduce((last, event) => decider.evolve(last, event), decider.initial())
        const decided = decider.decide(command, state)
        return isList(decided) ? decided : [decided]
      }
      return {
        // oxlint-disable-next-line unicorn/no-thenable -- the word of these specifications; whoever awaits it is told
        then(expected) {
          if (typeof expected === 'function') {
            throw misuse('a specification is no promise\nEnd it with .then(events) or .thenThrows(), without await.')
          }
          compare(isList(expected) ? expected : [expected], decide)
        },
        thenThrows: (expected) => compareError(expected, decide),
      }
    },
  })
}

function compare<Event extends TidingsEvent>(expected: readonly Event[], decide: () => readonly Event[]): void {
  let received: readonly Event[]
  try {
    received = decide()
  } catch (error) {
    throw new SpecificationError(shown(expected), `it threw ${String(error)}`, error)
  }
  if (shown(expected) !== shown(received)) throw new SpecificationError(shown(expected), shown(received))
}

function compareError(expected: Thrown | undefined, decide: () => readonly TidingsEvent[]): void {
  let received: readonly TidingsEvent[]
  try {
    received = decide()
  } catch (error) {
    if (isRight(error, expected)) return
    throw new SpecificationError(inWords(expected), `it threw ${String(error)}`, error)
  }
  throw new SpecificationError(inWords(expected), shown(received))
}

function isRight(error: unknown, expected: Thrown | undefined): boolean {
  if (expected === undefined) return true
  if (typeof expected === 'string') return isTidingsError(error, expected)
  return isClass(expected) ? error instanceof expected : expected(error)
}

function isClass(expected: Exclude<Thrown, string>): expected is new (...args: never) => Error {
  return expected === Error || (expected as { prototype?: unknown }).prototype instanceof Error
}

function inWords(expected: Thrown | undefined): string {
  if (expected === undefined) return 'an error'
  if (typeof expected === 'string') return `an error with the code ${expected}`
  return isClass(expected) ? `an error of the class ${expected.name}` : 'an error that the function finds right'
}

function isList<Event>(decided: Event | readonly Event[]): decided is readonly Event[] {
  return Array.isArray(decided)
}

/** What events say, apart from when and to whom. */
function shown(events: readonly TidingsEvent[]): string {
  if (events.length === 0) return 'no events'
  return events
    .map((event) => {
      const { type, version, data } = event.toJSON()
      return `${type} (version ${version}) ${JSON.stringify(data)}`
    })
    .join(', ')
}
