import type { Policy } from '@tidings/bus'

/** One call of a handler with one event. */
export interface Call {
  /** The how manieth it is. */
  readonly number: number
  /** The ids of what it published, and what waits for its success. */
  readonly effects: string[]
  /** It has come to its end, whatever the bus has heard of it. */
  ended: boolean
  /** It has ended without an error, and its process lived. */
  succeeded: boolean
}

/** What one group owes, or has done with, one event. */
export interface Account {
  readonly group: string
  readonly event: string
  readonly calls: Call[]
  readonly failures: { readonly error: unknown; readonly at: number }[]
  /** Copies of it that the group was to get: duplicates and replays included. */
  copies: number
  /** That of the handler which was called. */
  policy: Policy | undefined
  /** Whether that handles batches: what fails in one is tried again alone, which costs no attempt. */
  batch: boolean
  /** Its handler has ended without an error at least once, or had come to its end when a duplicate was left out. */
  completed: boolean
  /** It was given up or left out in one of the ways that a policy allows. */
  givenUp: boolean
  /** The group has settled it for good, rightly or not. */
  settled: boolean
  /** It was settled as handled, and its inbox is to know. */
  marked: boolean
  /** Its letter is there, and what is behind it in its key has to wait. */
  parksKey: boolean
}

export function accountOf(group: string, event: string): Account {
  return {
    group,
    event,
    calls: [],
    failures: [],
    copies: 0,
    policy: undefined,
    batch: false,
    completed: false,
    givenUp: false,
    settled: false,
    marked: false,
    parksKey: false,
  }
}

/** Whether what comes behind it in its key may begin. */
export function isDone({ settled, parksKey }: Account): boolean {
  return settled && !parksKey
}
