import { type DeadLetter, DeadLettersFullError, type DeadLetterStore, keyOf } from '@tidings/bus/transport'
import type { Row } from '../database/driver.ts'
import type { Statements } from './statements.ts'

/** The dead letters of a file. A write takes part in the transaction that is under way. */
export class Letters {
  readonly #statements: Statements
  readonly #most: number

  constructor(statements: Statements, most: number) {
    this.#statements = statements
    this.#most = most
  }

  /** @throws DeadLettersFullError */
  add(letter: DeadLetter): void {
    const { message } = letter
    const isBytes = message.body instanceof Uint8Array
    const text = JSON.stringify(isBytes ? { ...letter, message: { ...message, body: undefined } } : letter)
    const body = isBytes ? message.body : null
    const key = keyOf(message) ?? null
    const isReplaced =
      this.#statements.run(
        'UPDATE tidings_letters SET group_name = ?, key = ?, letter = ?, body = ? WHERE id = ?',
        letter.group,
        key,
        text,
        body,
        letter.id,
      ) > 0
    if (isReplaced) return
    if (this.#most !== Infinity && this.#statements.number('SELECT count(*) FROM tidings_letters') >= this.#most) {
      throw new DeadLettersFullError(this.#most)
    }
    this.#statements.run(
      'INSERT INTO tidings_letters (id, group_name, key, letter, body) VALUES (?,?,?,?,?)',
      letter.id,
      letter.group,
      key,
      text,
      body,
    )
  }

  /** Whether there was one. */
  remove(id: string): boolean {
    return this.#statements.run('DELETE FROM tidings_letters WHERE id = ?', id) > 0
  }

  get(id: string): DeadLetter | undefined {
    return letterOf(this.#statements.get('SELECT letter, body FROM tidings_letters WHERE id = ?', id))
  }

  firstOfKey(group: string, key: string): DeadLetter | undefined {
    return letterOf(
      this.#statements.get(
        'SELECT letter, body FROM tidings_letters WHERE group_name = ? AND key = ? ORDER BY place LIMIT 1',
        group,
        key,
      ),
    )
  }

  list({ group, after, limit }: Parameters<DeadLetterStore['list']>[0]): DeadLetter[] {
    const place =
      after === undefined ? 0 : this.#statements.number('SELECT place FROM tidings_letters WHERE id = ?', after)
    const rows =
      group === undefined
        ? this.#statements.all(
            'SELECT letter, body FROM tidings_letters WHERE place > ? ORDER BY place LIMIT ?',
            place,
            limit,
          )
        : this.#statements.all(
            'SELECT letter, body FROM tidings_letters WHERE place > ? AND group_name = ? ORDER BY place LIMIT ?',
            place,
            group,
            limit,
          )
    return rows.map((row) => letterOf(row)!)
  }
}

function letterOf(row: Row | undefined): DeadLetter | undefined {
  if (row === undefined) return undefined
  const letter = JSON.parse(String(row[0])) as DeadLetter
  const body = row[1]
  return body === null ? letter : { ...letter, message: { ...letter.message, body: body as Uint8Array } }
}
