import type { SharedFile } from './shared-file.ts'

/** Milliseconds between two looks for what others have written, while there are others, and while there are none. */
const besideOthers = 3
const alone = 50
/** Milliseconds between two looks whether others are alive. */
const betweenPulses = 250
/** Milliseconds until what nobody needs any more is taken away again. */
const betweenTidyings = 300_000

/** Looks for what other processes write into a file, and for those that have died. */
export class Watch {
  readonly #file: SharedFile
  readonly #tidying: ReturnType<typeof setInterval>
  #timer: ReturnType<typeof setTimeout> | undefined
  #lastPulse = 0
  #closed = false

  constructor(file: SharedFile) {
    this.#file = file
    this.#tidying = setInterval(() => void file.tidy(), betweenTidyings)
    void file.tidy()
    this.#wait()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    clearInterval(this.#tidying)
  }

  #wait(): void {
    this.#timer = setTimeout(() => this.#look(), this.#file.nodes.hasOthers ? besideOthers : alone)
  }

  #look(): void {
    try {
      this.#file.refresh()
      if (this.#file.nodes.hasOthers && performance.now() - this.#lastPulse > betweenPulses) this.#pulse()
    } catch {
      // The file is busy or away: whoever writes to it is told; here it is looked at again.
    }
    if (!this.#closed) this.#wait()
  }

  #pulse(): void {
    this.#lastPulse = performance.now()
    const { nodes } = this.#file
    const dead = nodes.dead()
    if (dead.length === 0) return
    const bury = (): void => {
      for (const node of dead) nodes.bury(node)
      nodes.refresh()
      for (const group of this.#file.groups.values()) group.isTold(true)
    }
    this.#file.commit(bury).catch(() => {})
  }
}
