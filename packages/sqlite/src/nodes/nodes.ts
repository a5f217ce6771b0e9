import { realpathSync, rmSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import type { SqliteDriver } from '../database/driver.ts'
import { wants, type Catalog } from '../file/catalog.ts'
import { isAlive, NodeLock } from './node-lock.ts'
import type { Statements } from '../file/statements.ts'

/** A process that had the file open when it died. */
export interface DeadNode {
  readonly id: number
  /** The end of the name of its lock. */
  readonly lock: string
}

/** The processes that have the file open, each a node. */
export class Nodes {
  readonly id: number
  readonly #statements: Statements
  readonly #catalog: Catalog
  readonly #open: SqliteDriver
  readonly #lock: NodeLock
  #hasOthers = true

  /** Enters this one. */
  constructor(statements: Statements, catalog: Catalog, open: SqliteDriver) {
    this.#statements = statements
    this.#catalog = catalog
    this.#open = open
    const name = `node-${randomUUID()}`
    this.#lock = new NodeLock(open, this.#fileOf(name))
    statements.run('INSERT INTO tidings_nodes (lock) VALUES (?)', name)
    this.id = statements.number('SELECT last_insert_rowid()')
  }

  /** Whether others have the file open, or had it when they died: as of the last `refresh`. */
  get hasOthers(): boolean {
    return this.#hasOthers
  }

  /** Sees who has come and gone. */
  refresh(): void {
    this.#hasOthers = this.#statements.number('SELECT count(*) FROM tidings_nodes WHERE id <> ?', this.id) > 0
  }

  /** Those that died without a word. */
  dead(): readonly DeadNode[] {
    const others = this.#statements.all('SELECT id, lock FROM tidings_nodes WHERE id <> ?', this.id)
    return others
      .map(([id, lock]) => ({ id: Number(id), lock: String(lock) }))
      .filter(({ lock }) => !isAlive(this.#open, this.#fileOf(lock)))
  }

  /**
   * What a node had is anybody's from now on; of what it had been handed, each counts as handed out once more. Within a
   * transaction.
   */
  bury({ id, lock }: DeadNode): void {
    // Also where another node was faster: who looked for it may have made it anew.
    rmSync(this.#fileOf(lock), { force: true })
    if (this.#statements.get('SELECT 1 FROM tidings_nodes WHERE id = ?', id) === undefined) return
    for (const [group] of this.#statements.all('SELECT id FROM tidings_groups WHERE node = ?', id))
      this.#remove(Number(group))
    for (const row of this.#statements.all(
      'SELECT id, group_id, lane_from, lane_to, high, claimed, open FROM tidings_cursors WHERE node = ?',
      id,
    )) {
      const [cursor, group, from, to, high, claimed, open] = row as readonly [
        number,
        number,
        number,
        number,
        number,
        number,
        string,
      ]
      this.#holdClaimed(group, from, to, high, claimed, JSON.parse(open) as number[])
      const left = (JSON.parse(open) as number[]).filter((position) => position > claimed)
      this.#statements.run(
        'UPDATE tidings_cursors SET node = NULL, handed_out = 0, low = ?, high = max(high, claimed), open = ? WHERE id = ?',
        left.length > 0 ? left[0]! - 1 : Math.max(high, claimed),
        JSON.stringify(left),
        cursor,
      )
      this.#statements.run(
        `UPDATE tidings_held SET redeliveries = redeliveries + 1, claimed = 0
          WHERE group_id = ? AND claimed = 1 AND lane >= ? AND lane < ?`,
        group,
        from,
        to,
      )
    }
    this.#statements.run('DELETE FROM tidings_members WHERE node = ?', id)
    this.#statements.run('DELETE FROM tidings_nodes WHERE id = ?', id)
    this.#catalog.changes()
  }

  /** This one goes. Within a transaction; `release` follows behind it. */
  leave(): void {
    for (const [group] of this.#statements.all('SELECT id FROM tidings_groups WHERE node = ?', this.id))
      this.#remove(Number(group))
    this.#statements.run('UPDATE tidings_cursors SET node = NULL, handed_out = 0 WHERE node = ?', this.id)
    this.#statements.run('DELETE FROM tidings_members WHERE node = ?', this.id)
    this.#statements.run('DELETE FROM tidings_nodes WHERE id = ?', this.id)
    this.#catalog.changes()
  }

  release(): void {
    this.#lock.release()
  }

  /**
   * Beside the file itself, by whatever path and from whatever folder a process has opened it. So a copy of a file knows
   * none of the processes that had the original open.
   */
  #fileOf(lock: string): string {
    return `${realpathSync(this.#statements.file)}-${lock}`
  }

  #remove(group: number): void {
    removeGroup(this.#statements, group)
  }

  /** What a dead node had been handed on the log gets rows of its own, so that each is counted by itself. */
  #holdClaimed(group: number, from: number, to: number, high: number, claimed: number, open: readonly number[]): void {
    const record = this.#catalog.withId(group)
    if (record === undefined) return
    const hold = (position: number, lane: number, key: string | null): void => {
      this.#statements.run(
        `INSERT OR IGNORE INTO tidings_held
          (group_id, position, lane, key, due, in_place, ahead, redeliveries, claimed, headers)
          VALUES (?,?,?,?,NULL,0,0,1,0,NULL)`,
        group,
        position,
        lane,
        key,
      )
    }
    for (const position of open) {
      const row = this.#statements.get('SELECT lane, key FROM tidings_log WHERE position = ?', position)
      const lane = Number(row?.[0] ?? -1)
      if (position <= claimed && lane >= from && lane < to) hold(position, lane, row![1] as string | null)
    }
    for (const row of this.#statements.all(
      `SELECT position, lane, key, type, audience FROM tidings_log
        WHERE position > ? AND position <= ? AND lane >= ? AND lane < ? ORDER BY position`,
      high,
      claimed,
      from,
      to,
    )) {
      const [position, lane, key, type, audience] = row as readonly [
        number,
        number,
        string | null,
        string,
        number | null,
      ]
      if (audience === null ? wants(record, type, position) : audience === group) hold(position, lane, key)
    }
  }
}

/** A group goes with all that it has. Within a transaction. */
export function removeGroup(statements: Statements, group: number): void {
  statements.run('DELETE FROM tidings_groups WHERE id = ?', group)
  for (const table of ['bindings', 'cursors', 'held', 'marks', 'members']) {
    statements.run(`DELETE FROM tidings_${table} WHERE group_id = ?`, group)
  }
}
