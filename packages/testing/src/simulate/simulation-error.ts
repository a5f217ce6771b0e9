import { TidingsError } from '@tidings/core'
import type { Decision } from './decisions.ts'
import { inWords, type Step } from './trace.ts'

export interface SimulationFailure {
  readonly invariant: string
  readonly reason: string
  readonly seed: number
  /** Which run of the seed it was, from 1; 0 of a replay. */
  readonly run: number
  /** What went wrong in the run that was found, and in the shortest one that fails in the same way. */
  readonly found: readonly Decision[]
  readonly decisions: readonly Decision[]
  /** All that happened in the shortest run. */
  readonly steps: readonly Step[]
  /** For the option `replay`. */
  readonly replay: string
}

/** An invariant was broken; the message tells the shortest schedule that was found, step by step. */
export class SimulationError extends TidingsError<'SIMULATION_FAILED'> {
  override readonly name = 'SimulationError'
  readonly failure: SimulationFailure

  constructor(failure: SimulationFailure, cause: unknown) {
    const { invariant, reason, seed, run, found, decisions, steps, replay } = failure
    const where = run === 0 ? 'in a replay' : `in run ${run} of seed ${seed}`
    const shrunk = found.length === decisions.length ? '' : `, shrunk from ${found.length}`
    const many = decisions.length === 1 ? '1 fault' : `${decisions.length} faults`
    super(
      'SIMULATION_FAILED',
      `"${invariant}" does not hold ${where}: ${reason}\n` +
        `The schedule has ${many}${shrunk}:\n${inWords(steps)}\n` +
        `To see it again: simulate(app, { replay: '${replay}' })`,
      { cause, details: { invariant, seed, run, replay } },
    )
    this.failure = failure
  }
}
