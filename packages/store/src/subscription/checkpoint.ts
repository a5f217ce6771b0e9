import { RecordConflictError } from '../errors.ts'
import { asPosition, beginning, type Position } from '../position.ts'
import type { Commit, Recorder, RecordWrite } from '../recorder/recorder.ts'

/**
 * How far a follower has come, as it is kept beside the log. Written under the revision that was read: of two who follow
 * under one name, the one that was overtaken is refused with `RecordConflictError`, however late it writes.
 */
export class Checkpoint {
  readonly #recorder: Recorder
  readonly #key: string
  #revision: number
  #position: Position

  private constructor(recorder: Recorder, key: string, revision: number, position: Position) {
    this.#recorder = recorder
    this.#key = key
    this.#revision = revision
    this.#position = position
  }

  /** What is kept under this key; a new one begins at `start`. */
  static async open(recorder: Recorder, key: string, start: Position = beginning): Promise<Checkpoint> {
    const record = await recorder.readRecord(key)
    if (record === undefined) return new Checkpoint(recorder, key, 0, start)
    return new Checkpoint(recorder, key, record.revision, asPosition(JSON.parse(record.value), key))
  }

  get position(): Position {
    return this.#position
  }

  /** The same, and keeps at once where a new one begins: so it goes on there, also if it ends before anything has come. */
  static async begin(recorder: Recorder, key: string, start: Position): Promise<Checkpoint> {
    const checkpoint = await Checkpoint.open(recorder, key, start)
    if (checkpoint.#revision > 0 || start === beginning) return checkpoint
    try {
      await checkpoint.commit(start, {})
      return checkpoint
    } catch (error) {
      // Of two that begin at once, one does it for both.
      if (error instanceof RecordConflictError) return Checkpoint.open(recorder, key)
      throw error
    }
  }

  /** Throws RecordConflictError where somebody else has kept another one since. */
  async confirm(): Promise<void> {
    const { revision = 0 } = (await this.#recorder.readRecord(this.#key)) ?? {}
    if (revision !== this.#revision) throw new RecordConflictError(this.#key, this.#revision, revision)
  }

  /** Keeps a later position, together with other records. An earlier one changes nothing. */
  async keep(position: Position, records: readonly RecordWrite[] = []): Promise<void> {
    if (position > this.#position) await this.commit(position, { records })
  }

  /** Keeps a position in the commit of what it stands for. */
  async commit(position: Position, { appends = [], records = [] }: Commit): Promise<void> {
    const write = { key: this.#key, value: JSON.stringify(position), expected: this.#revision }
    const all = { appends, records: [write, ...records] }
    let { revisions } = await this.#recorder.commit(all)
    // Every event was in its place already, so that nothing was written: the records are still to be.
    if (revisions.length === 0) ({ revisions } = await this.#recorder.commit({ records: all.records }))
    this.#revision = revisions[0]!
    this.#position = position
  }
}
