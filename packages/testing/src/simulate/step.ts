import { OutcomeUnknownError } from '@tidings/bus'
import { isThenable } from '@tidings/core/tools'
import type { Stage } from './broker.ts'
import { lateness, type StepPlace } from './decisions.ts'
import { type Life, never } from './life.ts'

/** One step of a process that changes something at the broker. */
export interface Step<Result> {
  readonly place: StepPlace
  /** What it is, in words: `the ack of order.placed#1 by billing`. */
  readonly what: string
  /** The name of the event that it is about. */
  readonly about: string
  readonly act: (fate: string | undefined) => Result | Promise<Result>
}

/**
 * Takes a step, unless something goes wrong with it: the process may die before it or after it, and the step or its
 * confirm may be lost on the way, so that nobody knows whether it was done.
 */
export function takeStep<Result>(
  { decisions, trace, counts }: Stage,
  life: Life,
  { place, what, about, act }: Step<Result>,
): Result | Promise<Result> {
  if (life.dead) return never()
  const time = counts.next(`${place} ${what}`)
  const fate: string | undefined = decisions.at(place, () => `${what}.${time}`)
  if (fate === 'crash-before') {
    trace.say(() => `the process dies before ${what} reaches the broker`, about, true)
    life.crash()
    return never()
  }
  if (fate === 'lost') {
    trace.say(() => `${what} is lost on its way: its outcome is unknown`, about, true)
    return Promise.reject(new OutcomeUnknownError('the connection broke before it was sent'))
  }
  const confirm = (result: Result): Result | Promise<Result> => {
    if (fate === 'crash-after') {
      trace.say(() => `the process dies after ${what} has reached the broker`, about, true)
      life.crash()
      return never()
    }
    if (fate === 'confirm-lost') {
      trace.say(() => `the confirm of ${what} is lost: its outcome is unknown`, about, true)
      return Promise.reject(new OutcomeUnknownError('the connection broke before the confirm'))
    }
    return result
  }
  const done = (): Result | Promise<Result> => {
    if (life.dead) return never()
    const result = act(fate)
    return isThenable(result) ? result.then(confirm) : confirm(result)
  }
  const late = lateness(fate)
  if (late === 0) return done()
  trace.say(() => `${what} takes ${late}ms`, about, true)
  return life.wait(late).then(done)
}
