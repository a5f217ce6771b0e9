import type { EventIdentity } from '@tidings/bus/transport'
import type { Statements } from './statements.ts'

/** Which group has handled which event. */
export class Marks {
  readonly #statements: Statements

  constructor(statements: Statements) {
    this.#statements = statements
  }

  has(group: number, { id, source }: { readonly id?: unknown; readonly source?: unknown }): boolean {
    return (
      this.#statements.get(
        'SELECT 1 FROM tidings_marks WHERE group_id = ? AND event = ? AND source = ?',
        group,
        String(id),
        String(source),
      ) !== undefined
    )
  }

  /** Whether it was not there. Within a transaction. */
  add(group: number, { id, source }: EventIdentity, at: number): boolean {
    const added = this.#statements.run(
      'INSERT OR IGNORE INTO tidings_marks (group_id, event, source, at) VALUES (?,?,?,?)',
      group,
      id,
      source,
      at,
    )
    return added > 0
  }
}
