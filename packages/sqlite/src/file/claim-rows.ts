import type { Statements } from './statements.ts'

/** Rows that go in one transaction: each may be large. */
const perTurn = 100

/** The large data of events. A write takes part in the transaction that is under way. */
export class ClaimRows {
  readonly #statements: Statements

  constructor(statements: Statements) {
    this.#statements = statements
  }

  /** `until` in milliseconds since 1970. A key has the same bytes each time. */
  put(key: string, bytes: Uint8Array, until: number): void {
    this.#statements.run(
      'INSERT INTO tidings_claims (key, until, bytes) VALUES (?,?,?) ON CONFLICT DO UPDATE SET until = excluded.until',
      key,
      until === Infinity ? null : Math.ceil(until),
      bytes,
    )
  }

  get(key: string): Uint8Array | undefined {
    const row = this.#statements.get('SELECT bytes FROM tidings_claims WHERE key = ?', key)
    return row?.[0] as Uint8Array | undefined
  }

  /** Forgets some of those whose time is over; whether there may be more. */
  tidy(now: number): boolean {
    const gone = this.#statements.run(
      'DELETE FROM tidings_claims WHERE key IN (SELECT key FROM tidings_claims WHERE until <= ? LIMIT ?)',
      now,
      perTurn,
    )
    return gone === perTurn
  }
}
