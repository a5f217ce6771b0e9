import type { EventIdentity } from '@tidings/bus/transport'
import type { Prepared, Statements } from './statements.ts'

/** Of these the order is the same here as in the file. */
const ascii = /^[\0-\x7f]*$/

/** Which group has handled which event. */
export class Marks {
  readonly #has: Prepared
  readonly #add: Prepared
  readonly #newest: Prepared
  /**
   * Of each group the greatest id that is marked, as of the last look into the file. Ids that grow with time are not there
   * yet when they come: a comparison says so, where a question takes as long as all else of a mark.
   */
  readonly #greatest = new Map<number, string>()

  constructor(statements: Statements) {
    this.#has = statements.prepare('SELECT 1 FROM tidings_marks WHERE group_id = ? AND event = ? AND source = ?')
    this.#add = statements.prepare('INSERT OR IGNORE INTO tidings_marks (group_id, event, source, at) VALUES (?,?,?,?)')
    this.#newest = statements.prepare('SELECT event FROM tidings_marks WHERE group_id = ? ORDER BY event DESC LIMIT 1')
  }

  /** Others have written. */
  refresh(): void {
    this.#greatest.clear()
  }

  has(group: number, { id, source }: { readonly id?: unknown; readonly source?: unknown }): boolean {
    const event = String(id)
    if (event > this.#greatestOf(group) && ascii.test(event)) return false
    return this.#has.get(group, event, String(source)) !== undefined
  }

  /** Whether it was not there. Within a transaction. */
  add(group: number, { id, source }: EventIdentity, at: number): boolean {
    // What is not there all the same, as the transaction is undone, costs a question and no more.
    if (id > this.#greatestOf(group)) this.#greatest.set(group, id)
    return this.#add.run(group, id, source, at) > 0
  }

  #greatestOf(group: number): string {
    let greatest = this.#greatest.get(group)
    if (greatest === undefined) {
      greatest = String(this.#newest.get(group)?.[0] ?? '')
      this.#greatest.set(group, greatest)
    }
    return greatest
  }
}
