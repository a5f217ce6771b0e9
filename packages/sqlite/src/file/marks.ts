import type { EventIdentity } from '@tidings/bus/transport'
import type { Prepared, Statements } from './statements.ts'

/** Which group has handled which event. */
export class Marks {
  readonly #has: Prepared
  readonly #add: Prepared

  constructor(statements: Statements) {
    this.#has = statements.prepare('SELECT 1 FROM tidings_marks WHERE group_id = ? AND event = ? AND source = ?')
    this.#add = statements.prepare('INSERT OR IGNORE INTO tidings_marks (group_id, event, source, at) VALUES (?,?,?,?)')
  }

  has(group: number, { id, source }: { readonly id?: unknown; readonly source?: unknown }): boolean {
    return this.#has.get(group, String(id), String(source)) !== undefined
  }

  /** Whether it was not there. Within a transaction. */
  add(group: number, { id, source }: EventIdentity, at: number): boolean {
    return this.#add.run(group, id, source, at) > 0
  }
}
