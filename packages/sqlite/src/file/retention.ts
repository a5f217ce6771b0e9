import type { AggregationRows } from './aggregation-rows.ts'
import type { ClaimRows } from './claim-rows.ts'
import type { Statements } from './statements.ts'

/** For how long what everybody has settled is kept. */
export interface RetentionSettings {
  /** Milliseconds. */
  readonly age: number
  /** Messages. */
  readonly count: number
}

/** Rows that go in one transaction: other work is not to wait for an old file to be tidied up. */
const perTurn = 1000
/** Pages that are given back to the system in one transaction. */
const pagesPerTurn = 500

const beforeAll = [0, '', ''] as const

/** Takes away what nobody needs any more. What a group has not settled stays, however old it is. */
export class Retention {
  readonly #statements: Statements
  readonly #aggregations: AggregationRows
  readonly #claims: ClaimRows
  readonly #settings: RetentionSettings
  /** How far the marks have been gone through. */
  #lastMark: readonly [group: number, event: string, source: string] = beforeAll

  constructor(statements: Statements, aggregations: AggregationRows, claims: ClaimRows, settings: RetentionSettings) {
    this.#statements = statements
    this.#aggregations = aggregations
    this.#claims = claims
    this.#settings = settings
  }

  /** Within a transaction. Whether there is more to be done. */
  tidy(now: number): boolean {
    const { age, count } = this.#settings
    const head = this.#statements.number('SELECT max(position) FROM tidings_log')
    // Positions are never used twice, also where the last message goes.
    this.#statements.run(`UPDATE tidings_state SET value = max(value, ?) WHERE name = 'base'`, head)
    const needed = this.#statements.get('SELECT min(high) FROM tidings_cursors')?.[0]
    const messages = this.#statements.run(
      `DELETE FROM tidings_log WHERE position IN (
        SELECT position FROM tidings_log
          WHERE position <= ? AND (at <= ? OR position <= ?) AND stream IS NULL
            AND NOT EXISTS (SELECT 1 FROM tidings_held WHERE tidings_held.position = tidings_log.position)
            AND position NOT IN (SELECT value FROM tidings_cursors, json_each(open))
          ORDER BY position LIMIT ?)`,
      typeof needed === 'number' ? needed : head,
      now - age,
      head - count,
      perTurn,
    )
    const hasMarks = this.#tidyMarks(now - age)
    const hasAggregations = this.#aggregations.tidy(now - age)
    const hasClaims = this.#claims.tidy(now)
    const bindings = this.#statements.run(
      `DELETE FROM tidings_bindings WHERE until IS NOT NULL AND until <=
        (SELECT min(low) FROM tidings_cursors WHERE tidings_cursors.group_id = tidings_bindings.group_id)`,
    )
    this.#statements.exec(`PRAGMA incremental_vacuum(${pagesPerTurn})`)
    return messages === perTurn || bindings === perTurn || hasMarks || hasAggregations || hasClaims
  }

  /** Goes through the marks, some at a time; an index by their age would cost each event more than all else of its mark. */
  #tidyMarks(oldest: number): boolean {
    const rows = this.#statements.all(
      `SELECT group_id, event, source, at FROM tidings_marks WHERE (group_id, event, source) > (?, ?, ?)
        ORDER BY group_id, event, source LIMIT ?`,
      ...this.#lastMark,
      perTurn,
    ) as never as readonly (readonly [number, string, string, number])[]
    for (const [group, event, source, at] of rows) {
      if (at > oldest) continue
      this.#statements.run(
        'DELETE FROM tidings_marks WHERE group_id = ? AND event = ? AND source = ?',
        group,
        event,
        source,
      )
    }
    const last = rows.at(-1)
    this.#lastMark = rows.length < perTurn || last === undefined ? beforeAll : [last[0], last[1], last[2]]
    return this.#lastMark !== beforeAll
  }
}
