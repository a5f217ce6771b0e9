import type { EventIdentity } from '@tidings/bus/transport'
import { Greatest } from './greatest.ts'
import type { Prepared, Statements } from './statements.ts'

/** Rows that are looked at in one transaction. */
const perTurn = 1000

type Mark = readonly [group: string, event: string, source: string]
const beforeAll: Mark = ['', '', '']

/** Which event a group of another transport has handled. The groups of the file have marks, which go with them. */
export class InboxRows {
  readonly #statements: Statements
  readonly #has: Prepared
  readonly #add: Prepared
  /** By group. */
  readonly #greatest: Greatest<string>
  /** How far they have been gone through. */
  #last = beforeAll

  constructor(statements: Statements) {
    this.#statements = statements
    this.#has = statements.prepare('SELECT 1 FROM tidings_inbox WHERE group_name = ? AND event = ? AND source = ?')
    this.#add = statements.prepare(
      'INSERT OR IGNORE INTO tidings_inbox (group_name, event, source, at) VALUES (?,?,?,?)',
    )
    const last = statements.prepare('SELECT event FROM tidings_inbox WHERE group_name = ? ORDER BY event DESC LIMIT 1')
    this.#greatest = new Greatest((group) => last.get(group)?.[0] as string | undefined)
  }

  /** Others have written. */
  refresh(): void {
    this.#greatest.refresh()
  }

  has({ id, source }: EventIdentity, group: string): boolean {
    return !this.#greatest.exceeds(group, id) && this.#has.get(group, id, source) !== undefined
  }

  /** Within a transaction. */
  add({ id, source }: EventIdentity, group: string, at: number): void {
    this.#greatest.add(group, id)
    this.#add.run(group, id, source, at)
  }

  /** Goes through them, some at a time, and forgets what is as old; whether it is to go on. Within a transaction. */
  tidy(oldest: number): boolean {
    const behind = `SELECT group_name, event, source FROM tidings_inbox
      WHERE (group_name, event, source) > (?, ?, ?) ORDER BY group_name, event, source LIMIT ${perTurn}`
    const last = this.#statements.get(`${behind} OFFSET ${perTurn - 1}`, ...this.#last) as Mark | undefined
    this.#statements.run(
      `DELETE FROM tidings_inbox WHERE (group_name, event, source) IN (${behind}) AND at <= ?`,
      ...this.#last,
      oldest,
    )
    this.#last = last ?? beforeAll
    return last !== undefined
  }
}
