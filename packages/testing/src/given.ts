import type { AnyDefinedEvent, EventOf, TidingsEvent } from '@tidings/events'
import type { Decider, Process } from '@tidings/store'
import { type GivenProcess, givenForProcess } from './given-process.ts'
import { check, checkError, inWords, listOf, noPromise, shownEvents, type Thrown } from './specification.ts'

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

/**
 * Given, when, then for a decider or a process manager: no store, no mock, and nothing to wait for.
 *
 * @example
 * const given = givenFor(order)
 * given([placed]).when({ type: 'ship', carrier: 'Mail' }).then([OrderShipped.create({ carrier: 'Mail' })])
 * given([placed, shipped]).when({ type: 'cancel' }).thenThrows('ORDER_SHIPPED')
 *
 * @example
 * const given = givenFor(fulfilment)
 * given([placed]).when({ timeout: 'payment' }).then({ commands: [commandTo(order, 'order-42', cancel)], ends: true })
 */
export function givenFor<State, Command, Event extends TidingsEvent>(
  decider: Pick<Decider<State, Command, Event>, 'initial' | 'evolve' | 'decide'>,
): Given<Command, Event>
export function givenFor<State, const Definitions extends readonly AnyDefinedEvent[]>(
  process: Process<State, Definitions>,
): GivenProcess<State, EventOf<Definitions[number]>>
export function givenFor(subject: DeciderParts | Process): Given<unknown, TidingsEvent> | GivenProcess<unknown, never> {
  return 'react' in subject ? givenForProcess(subject) : givenForDecider(subject)
}

type DeciderParts = Pick<Decider<unknown, unknown, TidingsEvent>, 'initial' | 'evolve' | 'decide'>

function givenForDecider(decider: DeciderParts): Given<unknown, TidingsEvent> {
  return (events = []) => ({
    when(command) {
      const decide = (): string => {
        // Each time anew, as `evolve` may change the state.
        const state = events.reduce((last, event) => decider.evolve(last, event), decider.initial())
        return shownEvents(listOf(decider.decide(command, state)))
      }
      return {
        // oxlint-disable-next-line unicorn/no-thenable -- the word of these specifications; whoever awaits it is told
        then: (expected) => check('the decider did not decide', shownEvents(listOf(noPromise(expected))), decide),
        thenThrows: (expected) => checkError('the decider did not decide', inWords(expected), decide, expected),
      }
    },
  })
}
