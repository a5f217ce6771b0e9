import { keyOf, type Message } from '@tidings/bus/transport'
import type { EncodedEvent } from '@tidings/events'
import type { Row } from '../database/driver.ts'
import { headersText, laneOf, messageColumns, messageOf, noHeaders } from './message-row.ts'
import type { Prepared, Statements } from './statements.ts'

/** Whom a message of the log is for: a group by its id, all that ask for it, or none, as it is held for one already. */
export type Audience = number | null
export const nobody = 0

/** A message at its place in the log. */
export interface Logged {
  readonly position: number
  readonly lane: number
  readonly audience: Audience
  readonly type: string
  readonly key: string | undefined
  readonly message: Message
}

/** What this process has written last is at hand, and needs no reading. */
const longestTail = 10_000

/** Every message in the order in which it was committed. */
export class Log {
  readonly #statements: Statements
  readonly #insert: Prepared
  readonly #insertOfStream: Prepared
  readonly #after: Prepared
  /** The position of the last one. */
  #head = 0
  /** The last ones, without a gap up to the head. */
  #tail = new Tail()

  constructor(statements: Statements) {
    this.#statements = statements
    this.#insert = statements.prepare(
      `INSERT INTO tidings_log (position, at, lane, audience, ${messageColumns}) VALUES (?,?,?,?,?,?,?,?,?,?)`,
    )
    this.#insertOfStream = statements.prepare(
      `INSERT INTO tidings_log (position, at, lane, audience, ${messageColumns}, stream, version, identity)
        VALUES (?,?,?,NULL,?,?,?,?,?,NULL,?,?,?)`,
    )
    this.#after = statements.prepare(
      `SELECT position, lane, audience, ${messageColumns} FROM tidings_log WHERE position > ? ORDER BY position LIMIT ?`,
    )
  }

  get head(): number {
    return this.#head
  }

  /** Others may have written: reads where the log ends. Positions are never used twice, whatever is deleted. */
  refresh(): void {
    const base = this.#statements.number(`SELECT value FROM tidings_state WHERE name = 'base'`)
    const head = Math.max(base, this.#statements.number('SELECT max(position) FROM tidings_log'))
    if (head === this.#head) return
    this.#head = head
    this.#tail = new Tail()
  }

  /** As the file has it, also where others have written since it was refreshed. */
  headNow(): number {
    return Math.max(this.#head, this.#statements.number('SELECT max(position) FROM tidings_log'))
  }

  /** Removes the events of a stream below a version. Positions are never used twice all the same. Within a transaction. */
  removeOfStream(stream: string, before: number): void {
    this.#statements.run(`UPDATE tidings_state SET value = max(value, ?) WHERE name = 'base'`, this.#head)
    this.#statements.run('DELETE FROM tidings_log WHERE stream = ? AND version < ?', stream, before)
    this.#tail = new Tail()
  }

  /** Within a transaction. */
  append(message: Message, audience: Audience, at: number): Logged {
    return this.#append(message, audience, at)
  }

  /** As {@link append}, of a message that stood in a row with these columns, from `from` on. */
  appendRow(row: Row, from: number, audience: Audience, at: number): Logged {
    return this.#append(messageOf(row, from), audience, at)
  }

  /** An event of a stream, which groups get as any other message. Within a transaction. */
  appendToStream(event: EncodedEvent, stream: string, version: number, identity: string, at: number): number {
    const { attributes, contentType, body } = event
    const message: Message = { attributes, contentType, body, headers: noHeaders }
    const position = this.#head + 1
    const type = String(attributes['type'])
    const key = keyOf(message)
    const lane = laneOf(key, position)
    this.#insertOfStream.run(
      position,
      at,
      lane,
      type,
      key ?? null,
      JSON.stringify(attributes),
      contentType ?? null,
      body ?? null,
      stream,
      version,
      identity,
    )
    this.#head = position
    this.#tail.push({ position, lane, audience: null, type, key, message })
    return position
  }

  /** Behind a transaction that was undone. */
  goBack(head: number): void {
    this.#head = head
    this.#tail = new Tail()
  }

  /** Up to `limit` messages behind a position. */
  after(position: number, limit: number): readonly Logged[] {
    if (position >= this.#head) return []
    return this.#tail.after(position, limit) ?? this.#read(position, limit)
  }

  /** Some messages, in their order; those that are gone are left out. */
  at(positions: readonly number[]): readonly Logged[] {
    if (positions.length === 0) return []
    return this.#statements
      .all(
        `SELECT position, lane, audience, ${messageColumns} FROM tidings_log
          WHERE position IN (SELECT value FROM json_each(?)) ORDER BY position`,
        JSON.stringify(positions),
      )
      .map(loggedOf)
  }

  /** One message; undefined where it is gone. */
  get(position: number): Message | undefined {
    const row = this.#statements.get(`SELECT ${messageColumns} FROM tidings_log WHERE position = ?`, position)
    return row === undefined ? undefined : messageOf(row, 0)
  }

  /** What is at or before this position needs to be at hand no more. */
  trim(position: number): void {
    this.#tail.trim(Math.max(position, this.#head - longestTail))
  }

  #append(message: Message, audience: Audience, at: number): Logged {
    const { attributes, contentType, body, headers } = message
    const position = this.#head + 1
    const type = String(attributes['type'])
    const key = keyOf(message)
    const lane = laneOf(key, position)
    this.#insert.run(
      position,
      at,
      lane,
      audience,
      type,
      key ?? null,
      JSON.stringify(attributes),
      contentType ?? null,
      body ?? null,
      headersText(headers),
    )
    this.#head = position
    const logged: Logged = { position, lane, audience, type, key, message }
    this.#tail.push(logged)
    return logged
  }

  #read(position: number, limit: number): Logged[] {
    return this.#after.all(position, limit).map(loggedOf)
  }
}

function loggedOf(row: Row): Logged {
  const [position, lane, audience, type, key] = row as readonly [number, number, Audience, string, string | null]
  return { position, lane, audience, type, key: key ?? undefined, message: messageOf(row, 3) }
}

/** The end of the log, as long as it was written by this process alone. */
class Tail {
  readonly #list: Logged[] = []

  push(logged: Logged): void {
    this.#list.push(logged)
  }

  /** Undefined where it begins behind that position. */
  after(position: number, limit: number): readonly Logged[] | undefined {
    const first = this.#list[0]
    if (first === undefined || position < first.position - 1) return undefined
    const from = position - first.position + 1
    return this.#list.slice(from, from + limit)
  }

  trim(position: number): void {
    const first = this.#list[0]
    if (first === undefined) return
    const count = position - first.position + 1
    // Seldom, since each time all that stays is moved.
    if (count >= 256 && 2 * count >= this.#list.length) this.#list.splice(0, count)
  }
}
