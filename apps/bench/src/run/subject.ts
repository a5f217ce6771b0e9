import type { Sink } from './generate.ts'

/** Something that is timed: an operation that delivers events, and where they arrive. */
export interface Subject {
  /** Does the operation `count` times. */
  run(count: number): void | Promise<void>
  /** What `count` operations, from the start of a run, are to deliver. */
  deliveries(count: number): number
  readonly sink: Sink
  /** Changes a subscription; what is delivered stays the same. */
  change?(): void
  /** Where the operation itself delivers nothing: delivers as many events as it returns, outside the timed slices. */
  prove?(): number
  /** Units that one operation does, where nanoseconds are told for each of many; default 1. */
  readonly units?: number
}

/** Two subjects that take turns in one process. */
export interface Race {
  readonly contestant: Subject
  readonly yardstick: Subject
  /** Ends what would keep the process alive. Rejects where it was not what it should have been until then. */
  close?(): Promise<void>
}

/** Runs a subject and holds it to its deliveries. */
export class Counted {
  readonly subject: Subject
  readonly #who: string
  #expected: number

  constructor(subject: Subject, who: string) {
    this.subject = subject
    this.#who = who
    this.#expected = subject.sink.count
  }

  /** Milliseconds that `count` operations take. */
  async time(count: number): Promise<number> {
    const start = performance.now()
    // Nothing is awaited where nothing need be: a turn of the microtask queue is time, too.
    const running = this.subject.run(count)
    if (running) await running
    const elapsed = performance.now() - start
    this.#expected += this.subject.deliveries(count)
    return elapsed
  }

  /** Throws where events were lost or delivered twice. `when` is for the message. */
  check(when: string): void {
    this.#expected += this.subject.prove?.() ?? 0
    const { count } = this.subject.sink
    if (count !== this.#expected) {
      throw new Error(`${this.#who} delivered ${count} events ${when}, expected ${this.#expected}`)
    }
  }
}
