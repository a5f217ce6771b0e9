import type { SharedFile } from '../file/shared-file.ts'
import type { Copy } from './copy.ts'
import type { Cursor } from './cursor.ts'
import type { Member } from './member.ts'

/** The lanes of a group that are this process's, and how it parts them with others. Within transactions of the file. */
export class OwnLanes {
  /** Whether others may have come or gone, so that lanes are to be parted anew. */
  areShared = true
  readonly #file: SharedFile
  readonly #group: number
  #cursors: readonly Cursor[] = []
  /** Cursors that another process is to have, once nothing of them is handed out. */
  #leaving: ReadonlySet<number> = new Set()

  constructor(file: SharedFile, group: number) {
    this.#file = file
    this.#group = group
  }

  get cursors(): readonly Cursor[] {
    return this.#cursors
  }

  /** Whether a lane is this process's, and is to stay so. */
  keeps(lane: number): boolean {
    return this.#cursors.some((cursor) => cursor.covers(lane) && !this.#leaving.has(cursor.id))
  }

  areLeaving({ id }: Cursor): boolean {
    return this.#leaving.has(id)
  }

  /** The cursor that is the farthest behind a position; undefined where none is that stays. */
  behind(head: number): Cursor | undefined {
    let last: Cursor | undefined
    for (const cursor of this.#cursors) {
      if (cursor.scanned >= head || this.#leaving.has(cursor.id)) continue
      if (last === undefined || cursor.scanned < last.scanned) last = cursor
    }
    return last
  }

  /** Reads them from the file. */
  load(): void {
    this.#cursors = this.#file.cursors.read(this.#group, this.#leaving.size === 0)
  }

  /** Takes lanes that are nobody's, or sees which ones others are to have; whether what is at hand is not in the file. */
  part(): boolean {
    if (!this.areShared) return false
    this.areShared = false
    const { cursors } = this.#file
    const share = cursors.share(this.#group)
    const hasMore = cursors.acquire(this.#group, share)
    const leaving = cursors.excess(this.#group, share)
    if (leaving.length === 0 && this.#leaving.size === 0) return hasMore
    this.#leaving = new Set(leaving)
    return true
  }

  /** Lets go of lanes that others are to have, where nothing of them is handed out; whether there are any. */
  give(members: readonly Member[], chosen: readonly Copy[]): boolean {
    if (this.#leaving.size === 0) return false
    // Also what had a row of its own.
    const out = [...members.flatMap(({ held }) => [...held]), ...chosen].filter(({ isApplied }) => !isApplied)
    const free = this.#cursors.filter(
      (cursor) => this.#leaving.has(cursor.id) && !out.some(({ lane }) => cursor.covers(lane)),
    )
    if (free.length === 0) return false
    for (const cursor of free) {
      cursor.write(this.#file.statements)
      this.#file.cursors.release(cursor.id)
    }
    const given = new Set(free.map(({ id }) => id))
    this.#cursors = this.#cursors.filter(({ id }) => !given.has(id))
    this.#leaving = new Set([...this.#leaving].filter((id) => !given.has(id)))
    this.#file.catalog.changes()
    return true
  }

  /** Nobody here is in the group any more. */
  leave(): void {
    this.#file.cursors.releaseAll(this.#group)
    this.#cursors = []
  }
}
