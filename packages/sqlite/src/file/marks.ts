import type { EventIdentity } from '@tidings/bus/transport'
import { Greatest } from './greatest.ts'
import type { Prepared, Statements } from './statements.ts'

/** Which group has handled which event. */
export class Marks {
  readonly #has: Prepared
  readonly #add: Prepared
  /** By group. */
  readonly #greatest: Greatest<number>

  constructor(statements: Statements) {
    this.#has = statements.prepare('SELECT 1 FROM tidings_marks WHERE group_id = ? AND event = ? AND source = ?')
    this.#add = statements.prepare('INSERT OR IGNORE INTO tidings_marks (group_id, event, source, at) VALUES (?,?,?,?)')
    const last = statements.prepare('SELECT event FROM tidings_marks WHERE group_id = ? ORDER BY event DESC LIMIT 1')
    this.#greatest = new Greatest((group) => last.get(group)?.[0] as string | undefined)
  }

  /** Others have written. */
  refresh(): void {
    this.#greatest.refresh()
  }

  /**
   * Of a mark that another process has written since the last look it may know nothing yet; then {@link add} does, within its
   * transaction.
   */
  has(group: number, { id, source }: { readonly id?: unknown; readonly source?: unknown }): boolean {
    const event = String(id)
    return !this.#greatest.exceeds(group, event) && this.#has.get(group, event, String(source)) !== undefined
  }

  /** Whether it was not there. Within a transaction. */
  add(group: number, { id, source }: EventIdentity, at: number): boolean {
    this.#greatest.add(group, id)
    return this.#add.run(group, id, source, at) > 0
  }
}
