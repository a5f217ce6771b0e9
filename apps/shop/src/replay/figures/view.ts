import type { RetailEvent } from '../retail/events.ts'

/** A module of the shop that listens to what was recorded. Views know the events and nothing of each other. */
export interface View<Report> {
  /** The handler of all three events. */
  readonly handle: (event: RetailEvent) => void
  /** What it has learned so far. */
  report(): Report
}
