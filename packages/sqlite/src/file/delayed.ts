import type { Due, Message } from '@tidings/bus/transport'
import { columnsOf, messageColumns } from './message-row.ts'
import type { Audience, Log } from './log.ts'
import type { Statements } from './statements.ts'
import type { Times } from '../group/copies.ts'

/** What is published later: a row for each, until one of the processes moves it to the log. */
export class Delayed {
  readonly #statements: Statements
  readonly #log: Log
  readonly #times: Times
  readonly #onDue: () => void
  #next: Due | undefined

  /** `onDue` is told when something is due: then `move` is to be called within a transaction. */
  constructor(statements: Statements, log: Log, times: Times, onDue: () => void) {
    this.#statements = statements
    this.#log = log
    this.#times = times
    this.#onDue = onDue
  }

  /** Within a transaction. */
  add(message: Message, audience: Audience, notBefore: number): void {
    const due = Math.ceil(notBefore)
    this.#statements.run(
      `INSERT INTO tidings_delayed (due, event, audience, ${messageColumns}) VALUES (?,?,?,?,?,?,?,?,?)`,
      due,
      String(message.attributes['id']),
      audience,
      ...columnsOf(message),
    )
    this.#watch(due)
  }

  /** Whether there was one. Within a transaction. */
  cancel(event: string): boolean {
    return this.#statements.run('DELETE FROM tidings_delayed WHERE event = ?', event) > 0
  }

  /** Looks when the next one is due. */
  refresh(): void {
    const due = this.#statements.get('SELECT min(due) FROM tidings_delayed')?.[0]
    if (typeof due === 'number') this.#watch(due)
    else this.stop()
  }

  stop(): void {
    if (this.#next !== undefined) this.#times.timetable.remove(this.#next)
    this.#next = undefined
  }

  /** Moves up to so many that are due to the log, oldest first. Within a transaction. */
  move(most: number): void {
    const now = this.#times.now()
    const rows = this.#statements.all(
      `SELECT id, audience, ${messageColumns} FROM tidings_delayed WHERE due <= ? ORDER BY due, id LIMIT ?`,
      now,
      most,
    )
    for (const row of rows) {
      this.#log.appendRow(row, 2, row[1] as Audience, now)
      this.#statements.run('DELETE FROM tidings_delayed WHERE id = ?', row[0]!)
    }
    this.refresh()
  }

  #watch(due: number): void {
    if (this.#next !== undefined && this.#next.due <= due) return
    this.stop()
    this.#next = {
      due,
      slot: 0,
      added: 0,
      arrive: () => {
        this.#next = undefined
        this.#onDue()
      },
    }
    this.#times.timetable.add(this.#next)
  }
}
