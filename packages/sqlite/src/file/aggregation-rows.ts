import type { Added, Aggregation, AggregationEntry } from '@tidings/bus/integration'
import type { EventJson } from '@tidings/events'
import type { Row } from '../database/driver.ts'
import type { Statements } from './statements.ts'

/** What aggregators gather. A write takes part in the transaction that is under way. */
export class AggregationRows {
  readonly #statements: Statements

  constructor(statements: Statements) {
    this.#statements = statements
  }

  add({ key, aggregation: name, identity, event, reopen, max }: AggregationEntry): Added {
    const known = this.#statements.get(
      `SELECT ${columns} FROM tidings_aggregations
        WHERE id = (SELECT aggregation FROM tidings_gathered WHERE key = ? AND identity = ?)`,
      key,
      identity,
    )
    if (known !== undefined) return added('known', keptOf(known), identity)
    const row = this.#statements.get(
      `SELECT ${columns} FROM tidings_aggregations WHERE key = ? ORDER BY id DESC LIMIT 1`,
      key,
    )
    const latest = row && keptOf(row)
    if (latest !== undefined && latest.state !== 'open' && !reopen) return added('late', latest, identity)
    if (latest?.state === 'open' && latest.size >= max) return added('full', latest, identity)
    const into = latest?.state === 'open' ? latest : this.#open(name, key, identity)
    this.#statements.run(
      'INSERT INTO tidings_gathered (aggregation, key, identity, event) VALUES (?,?,?,?)',
      into.id,
      key,
      identity,
      JSON.stringify(event),
    )
    this.#statements.run('UPDATE tidings_aggregations SET size = size + 1 WHERE id = ?', into.id)
    return added('added', { ...into, size: into.size + 1 }, identity)
  }

  /** By one statement, so of one moment. */
  read(name: string): Aggregation | undefined {
    const rows = this.#statements.all(
      `SELECT state, reason, event FROM tidings_aggregations
        LEFT JOIN tidings_gathered ON aggregation = id AND event IS NOT NULL WHERE name = ? ORDER BY place`,
      name,
    ) as never as readonly (readonly [Aggregation['state'], Aggregation['reason'] | null, string | null])[]
    const [first] = rows
    if (first === undefined) return undefined
    const [state, reason] = first
    const events = rows.flatMap(([, , event]) => (event === null ? [] : [JSON.parse(event) as EventJson]))
    return { state, reason: reason ?? undefined, events }
  }

  seal(name: string, reason: 'complete' | 'timeout'): void {
    this.#statements.run(
      `UPDATE tidings_aggregations SET state = 'sealed', reason = ? WHERE name = ? AND state = 'open'`,
      reason,
      name,
    )
  }

  close(name: string, at: number): void {
    const isNew = this.#statements.run(
      `UPDATE tidings_aggregations SET state = 'closed', closed_at = ? WHERE name = ? AND state <> 'closed'`,
      Math.floor(at),
      name,
    )
    if (isNew === 0) return
    this.#statements.run(
      'UPDATE tidings_gathered SET event = NULL WHERE aggregation = (SELECT id FROM tidings_aggregations WHERE name = ?)',
      name,
    )
  }

  /** Forgets some of those that were closed up to then; whether there may be more. */
  tidy(closedUpTo: number): boolean {
    const old = this.#statements.all(
      'SELECT id FROM tidings_aggregations WHERE closed_at <= ? ORDER BY closed_at LIMIT ?',
      closedUpTo,
      perTurn,
    )
    for (const [id] of old) {
      this.#statements.run('DELETE FROM tidings_gathered WHERE aggregation = ?', id!)
      this.#statements.run('DELETE FROM tidings_aggregations WHERE id = ?', id!)
    }
    return old.length === perTurn
  }

  #open(name: string, key: string, opener: string): Kept {
    this.#statements.run(
      `INSERT INTO tidings_aggregations (name, key, state, opener, size) VALUES (?,?,'open',?,0)`,
      name,
      key,
      opener,
    )
    const id = this.#statements.number('SELECT last_insert_rowid()')
    return { id, name, state: 'open', opener, size: 0 }
  }
}

/** Aggregations that go in one transaction, each with up to its `max` of events. */
const perTurn = 20

const columns = 'id, name, state, opener, size'

interface Kept {
  readonly id: number
  readonly name: string
  readonly state: Aggregation['state']
  readonly opener: string
  readonly size: number
}

function keptOf(row: Row): Kept {
  const [id, name, state, opener, size] = row as readonly [number, string, Aggregation['state'], string, number]
  return { id, name, state, opener, size }
}

function added(outcome: Added['outcome'], { name, state, opener, size }: Kept, identity: string): Added {
  return { outcome, aggregation: name, state, size, opener: opener === identity }
}
