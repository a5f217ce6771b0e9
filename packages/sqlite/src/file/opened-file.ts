import { type Clock, systemClock } from '@tidings/bus'
import { TidingsError } from '@tidings/core'
import { SharedFile, type SharedOptions } from './shared-file.ts'
import { Watch } from './watch.ts'

/** A file as somebody uses it. */
export interface UsedFile {
  readonly file: SharedFile
  /** Lets go of it; the last one closes it. */
  readonly release: () => Promise<void>
}

interface Open {
  readonly file: SharedFile
  readonly watch: Watch
  readonly clock: Clock
  users: number
}

/** One file in this process, open while somebody uses it. */
export class OpenedFile {
  readonly #options: SharedOptions
  #open: Promise<Open> | undefined
  #closing: Promise<void> | undefined

  constructor(options: SharedOptions) {
    this.#options = options
  }

  /** Opens it where it is not; without a clock by any that it has. Rejects with `SqliteError`. */
  async use(clock?: Clock): Promise<UsedFile> {
    await this.#closing
    const opening = (this.#open ??= this.#opened(clock ?? systemClock))
    const open = await opening.catch((error: unknown) => {
      if (this.#open === opening) this.#open = undefined
      throw error
    })
    // Others have closed it meanwhile.
    if (this.#open !== opening) return this.use(clock)
    if (clock !== undefined && open.clock !== clock) {
      throw new TidingsError(
        'INVALID_ARGUMENT',
        '`clock` must be the one of the bus that is connected to this sqlite() already: it has one time\n' +
          'Give all its buses the same clock, or each bus a sqlite() of its own.',
      )
    }
    open.users++
    let isReleased = false
    return {
      file: open.file,
      release: async () => {
        if (isReleased) return
        isReleased = true
        if (--open.users > 0) return
        await (this.#closing = this.#close(open))
      },
    }
  }

  async #opened(clock: Clock): Promise<Open> {
    const file = await SharedFile.open(this.#options, clock)
    return { file, watch: new Watch(file), clock, users: 0 }
  }

  async #close({ file, watch }: Open): Promise<void> {
    this.#open = undefined
    watch.close()
    await file.tidy()
    await file.close()
    this.#closing = undefined
  }
}
