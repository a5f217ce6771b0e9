import type { ClaimRows } from './claim-rows.ts'
import type { Statements } from './statements.ts'

/** For how long what everybody has settled is kept. */
export interface RetentionSettings {
  /** Milliseconds. */
  readonly age: number
  /** Messages. */
  readonly count: number
}

/** Rows that are forgotten by their age, some in each transaction; whether there may be more. */
interface Aging {
  tidy(oldest: number): boolean
}

/** Rows that are looked at in one transaction: other work is not to wait for an old file to be tidied up. */
const perTurn = 1000
/** Pages that are given back to the system in one transaction. */
const pagesPerTurn = 500

type Mark = readonly [group: number, event: string, source: string]
const beforeAll: Mark = [0, '', '']

/**
 * Takes away what nobody needs any more; of the log the oldest first, and no further than to what is to stay, so that it
 * costs what it takes away and not what the file has. What a group has not settled stays, however old it is.
 */
export class Retention {
  readonly #statements: Statements
  readonly #others: readonly Aging[]
  readonly #claims: ClaimRows
  readonly #settings: RetentionSettings
  /** How far the log has been gone through. What is before it is of streams. */
  #passed = 0
  /** Before the first message that was to stay all the same, as some group needs it. */
  #kept: number | undefined
  /** How far the marks have been gone through. */
  #lastMark = beforeAll

  constructor(statements: Statements, others: readonly Aging[], claims: ClaimRows, settings: RetentionSettings) {
    this.#statements = statements
    this.#others = others
    this.#claims = claims
    this.#settings = settings
  }

  /** Within a transaction. Whether there is more to be done. */
  tidy(now: number): boolean {
    const oldest = now - this.#settings.age
    const hasMessages = this.#tidyLog(oldest)
    const hasMarks = this.#tidyMarks(oldest)
    const haveOthers = this.#others.map((rows) => rows.tidy(oldest)).includes(true)
    const hasClaims = this.#claims.tidy(now)
    this.#statements.run(
      `DELETE FROM tidings_bindings WHERE until IS NOT NULL AND until <=
        (SELECT min(low) FROM tidings_cursors WHERE tidings_cursors.group_id = tidings_bindings.group_id)`,
    )
    this.#statements.exec(`PRAGMA incremental_vacuum(${pagesPerTurn})`)
    return hasMessages || hasMarks || haveOthers || hasClaims
  }

  /** Goes through the log, some of it at a time; whether it is to go on. */
  #tidyLog(oldest: number): boolean {
    const head = this.#statements.number('SELECT max(position) FROM tidings_log')
    // Positions are never used twice, also where the last message goes.
    this.#statements.run(`UPDATE tidings_state SET value = max(value, ?) WHERE name = 'base'`, head)
    const needed = this.#statements.get('SELECT min(high) FROM tidings_cursors')?.[0]
    const rows = this.#statements.all(
      'SELECT position, at FROM tidings_log WHERE position > ? AND position <= ? ORDER BY position LIMIT ?',
      this.#passed,
      typeof needed === 'number' ? needed : head,
      perTurn,
    ) as never as readonly (readonly [number, number])[]
    const stays = rows.findIndex(([position, at]) => at > oldest && position > head - this.#settings.count)
    const last = stays === -1 ? rows.at(-1)?.[0] : rows[stays - 1]?.[0]
    if (last !== undefined) this.#removeMessages(last)
    if (rows.length === perTurn && stays === -1) return true
    // What was needed still is looked at again next time.
    this.#passed = this.#kept ?? this.#passed
    this.#kept = undefined
    return false
  }

  #removeMessages(last: number): void {
    this.#statements.run(
      `DELETE FROM tidings_log WHERE position > ? AND position <= ? AND stream IS NULL
        AND NOT EXISTS (SELECT 1 FROM tidings_held WHERE tidings_held.position = tidings_log.position)
        AND position NOT IN (SELECT value FROM tidings_cursors, json_each(open))`,
      this.#passed,
      last,
    )
    const kept = this.#statements.get(
      'SELECT min(position) FROM tidings_log WHERE position > ? AND position <= ? AND stream IS NULL',
      this.#passed,
      last,
    )?.[0]
    if (typeof kept === 'number') this.#kept ??= kept - 1
    this.#passed = last
  }

  /** Goes through the marks, some at a time; an index by their age would cost each event more than all else of its mark. */
  #tidyMarks(oldest: number): boolean {
    const behind = `SELECT group_id, event, source FROM tidings_marks
      WHERE (group_id, event, source) > (?, ?, ?) ORDER BY group_id, event, source LIMIT ${perTurn}`
    const last = this.#statements.get(`${behind} OFFSET ${perTurn - 1}`, ...this.#lastMark) as Mark | undefined
    this.#statements.run(
      `DELETE FROM tidings_marks WHERE (group_id, event, source) IN (${behind}) AND at <= ?`,
      ...this.#lastMark,
      oldest,
    )
    this.#lastMark = last ?? beforeAll
    return last !== undefined
  }
}
