import type { Statements } from './statements.ts'

/** The time of appends: it never goes back, though processes may have clocks that differ. */
export class LogTime {
  readonly #statements: Statements
  /** As the file has it; undefined for not known. */
  #last: number | undefined

  constructor(statements: Statements) {
    this.#statements = statements
  }

  /** Others have written, or what was written is undone. */
  refresh(): void {
    this.#last = undefined
  }

  /** The time of an append now. Within a transaction. */
  next(now: number): number {
    const last = (this.#last ??= this.#statements.number(`SELECT value FROM tidings_state WHERE name = 'time'`))
    if (now <= last) return last
    this.#statements.run(`UPDATE tidings_state SET value = ? WHERE name = 'time'`, now)
    return (this.#last = now)
  }
}
