import { Cursor } from './cursor.ts'
import { lanes } from '../file/message-row.ts'
import type { Statements } from '../file/statements.ts'

/** The cursors of a group as rows: whose lanes they are, parted and joined. Each method is called within a transaction. */
export class CursorRows {
  readonly #statements: Statements
  readonly #node: number

  constructor(statements: Statements, node: number) {
    this.#statements = statements
    this.#node = node
  }

  /** The first cursor of a new group, nobody's yet. */
  make(group: number, position: number): void {
    this.#insert(group, 0, lanes, null, [position, position, position, '[]'])
  }

  /** How many lanes a node may have, so that each that is in the group has as many. */
  share(group: number): number {
    const nodes = this.#statements.number('SELECT count(*) FROM tidings_members WHERE group_id = ?', group)
    return Math.ceil(lanes / Math.max(1, nodes))
  }

  /** Takes lanes that are nobody's, up to so many in all; whether there were any. */
  acquire(group: number, share: number): boolean {
    const free = this.#statements.all(
      'SELECT id, lane_from, lane_to FROM tidings_cursors WHERE group_id = ? AND node IS NULL ORDER BY lane_from',
      group,
    ) as never as readonly (readonly [number, number, number])[]
    let own = this.#owned(group)
    let has = false
    for (const [id, from, to] of free) {
      if (own >= share) break
      const width = Math.min(to - from, share - own)
      if (width < to - from) this.#split(group, id, from + width)
      this.#statements.run('UPDATE tidings_cursors SET node = ? WHERE id = ?', this.#node, id)
      own += width
      has = true
    }
    return has
  }

  /** Parts what a node has beyond its share from the rest; the ids of the cursors that are to be given away. */
  excess(group: number, share: number): readonly number[] {
    let beyond = this.#owned(group) - share
    const ids: number[] = []
    for (const [id, from, to] of this.#own(group).toReversed()) {
      if (beyond <= 0) break
      const width = Math.min(to - from, beyond)
      ids.push(width < to - from ? this.#split(group, id, to - width) : id)
      beyond -= width
    }
    return ids
  }

  /** Gives a cursor away. */
  release(id: number): void {
    this.#statements.run('UPDATE tidings_cursors SET node = NULL, handed_out = 0 WHERE id = ?', id)
  }

  releaseAll(group: number): void {
    this.#statements.run(
      'UPDATE tidings_cursors SET node = NULL, handed_out = 0 WHERE group_id = ? AND node = ?',
      group,
      this.#node,
    )
  }

  /**
   * This node's cursors; neighbours that are equally far are joined, where they are to stay. What is handed out of each is
   * counted anew by who reads them: parted or joined, it is not what stood in the row.
   */
  read(group: number, stay: boolean): Cursor[] {
    if (stay) this.#join(group)
    this.#statements.run(
      'UPDATE tidings_cursors SET handed_out = 0 WHERE group_id = ? AND node = ? AND handed_out <> 0',
      group,
      this.#node,
    )
    return this.#own(group).map(([id, from, to, low, high, claimed, open]) => {
      return new Cursor(id, from, to, low, high, claimed, JSON.parse(open) as number[])
    })
  }

  #own(group: number): readonly (readonly [number, number, number, number, number, number, string])[] {
    return this.#statements.all(
      `SELECT id, lane_from, lane_to, low, high, claimed, open FROM tidings_cursors
        WHERE group_id = ? AND node = ? ORDER BY lane_from`,
      group,
      this.#node,
    ) as never
  }

  #owned(group: number): number {
    return this.#own(group).reduce((sum, [, from, to]) => sum + to - from, 0)
  }

  #join(group: number): void {
    let last: readonly [number, number, number, number, number, number, string] | undefined
    for (const own of this.#own(group)) {
      const [id, from, to, low, high, claimed, open] = own
      const joins = last?.[2] === from && last[3] === low && last[4] === high && last[5] === claimed && last[6] === open
      if (joins) {
        this.#statements.run('UPDATE tidings_cursors SET lane_to = ? WHERE id = ?', to, last![0])
        this.#statements.run('DELETE FROM tidings_cursors WHERE id = ?', id)
        last = [last![0], last![1], to, low, high, claimed, open]
      } else last = own
    }
  }

  /** Parts a cursor at a lane; the id of the second part, whose it is as before. */
  #split(group: number, id: number, lane: number): number {
    const [to, node, low, high, claimed, open] = this.#statements.get(
      'SELECT lane_to, node, low, high, claimed, open FROM tidings_cursors WHERE id = ?',
      id,
    ) as readonly [number, number | null, number, number, number, string]
    this.#statements.run('UPDATE tidings_cursors SET lane_to = ? WHERE id = ?', lane, id)
    return this.#insert(group, lane, to, node, [low, high, claimed, open])
  }

  #insert(
    group: number,
    from: number,
    to: number,
    node: number | null,
    facts: readonly [number, number, number, string],
  ): number {
    this.#statements.run(
      `INSERT INTO tidings_cursors (group_id, lane_from, lane_to, node, low, high, claimed, handed_out, open)
        VALUES (?,?,?,?,?,?,?,0,?)`,
      group,
      from,
      to,
      node,
      ...facts,
    )
    return this.#statements.number('SELECT last_insert_rowid()')
  }
}
