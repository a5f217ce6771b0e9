/** One measurement in a process of its own. */
export interface Job {
  readonly scenario: string
  readonly column: string
  readonly contestant: string
  readonly round: number
}

/** What a job came to. */
export interface Sample {
  /** A ratio to the yardstick, or bytes. */
  readonly value: number
  /** Nanoseconds, where the scenario is a race. */
  readonly contestant?: number
  readonly yardstick?: number
  /** Nanoseconds of CPU time of all threads, where waiting for a disk is part of the others. */
  readonly cpu?: { readonly contestant: number; readonly yardstick: number }
}

/** A job that could not be done. */
export interface Breakdown {
  readonly job: Job
  readonly message: string
}
