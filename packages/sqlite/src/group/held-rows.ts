import type { Row } from '../database/driver.ts'
import type { HeldFacts } from './copy.ts'
import { headersText } from '../file/message-row.ts'
import type { Statements } from '../file/statements.ts'

/** A copy with a row of its own, as it is read. */
export interface HeldRow {
  readonly position: number
  readonly lane: number
  readonly key: string | undefined
  readonly facts: HeldFacts
}

/** What cursors have passed over, and what is not done with: retries, replays, suspects, and what stands behind them. */
export class HeldRows {
  readonly #statements: Statements

  constructor(statements: Statements) {
    this.#statements = statements
  }

  put(
    group: number,
    { position, lane, key }: { readonly position: number; readonly lane: number; readonly key: string | undefined },
    { due, inPlace, isAhead, redeliveries, headers }: HeldFacts,
  ): void {
    this.#statements.run(
      `INSERT OR REPLACE INTO tidings_held
        (group_id, position, lane, key, due, in_place, ahead, redeliveries, claimed, headers) VALUES (?,?,?,?,?,?,?,?,0,?)`,
      group,
      position,
      lane,
      key ?? null,
      due ?? null,
      Number(inPlace),
      Number(isAhead),
      redeliveries,
      headers === undefined ? null : headersText(headers),
    )
  }

  /** It is about to be handed out. */
  claim(group: number, position: number): void {
    this.#statements.run('UPDATE tidings_held SET claimed = 1 WHERE group_id = ? AND position = ?', group, position)
  }

  remove(group: number, position: number): void {
    this.#statements.run('DELETE FROM tidings_held WHERE group_id = ? AND position = ?', group, position)
  }

  /** In the order in which they are to be handed out. */
  of(group: number): HeldRow[] {
    return this.#statements
      .all(
        `SELECT position, lane, key, due, in_place, ahead, redeliveries, headers FROM tidings_held
          WHERE group_id = ? ORDER BY ahead DESC, position`,
        group,
      )
      .map(heldRow)
  }

  /** Those that were published `ahead` behind a position. */
  aheadOf(group: number, position: number): HeldRow[] {
    return this.#statements
      .all(
        `SELECT position, lane, key, due, in_place, ahead, redeliveries, headers FROM tidings_held
          WHERE group_id = ? AND position > ? AND ahead = 1 ORDER BY position`,
        group,
        position,
      )
      .map(heldRow)
  }
}

function heldRow(row: Row): HeldRow {
  const [position, lane, key, due, inPlace, ahead, redeliveries, headers] = row
  return {
    position: Number(position),
    lane: Number(lane),
    key: key === null ? undefined : String(key),
    facts: {
      due: due === null ? undefined : Number(due),
      inPlace: inPlace === 1,
      isAhead: ahead === 1,
      redeliveries: Number(redeliveries),
      headers: headers === null ? undefined : (JSON.parse(String(headers)) as Record<string, string>),
    },
  }
}
