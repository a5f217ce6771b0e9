import { type Clock, systemClock } from '@tidings/bus'
import { TidingsError } from '@tidings/core'
import { SharedFile, type SharedOptions } from './shared-file.ts'
import { SharedUse } from './shared-use.ts'
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
}

/** One file in this process, open while somebody uses it. */
export class OpenedFile {
  readonly #shared: SharedUse<Open, Clock>

  constructor(options: SharedOptions) {
    this.#shared = new SharedUse<Open, Clock>(
      async (clock) => {
        const file = await SharedFile.open(options, clock)
        return { file, watch: new Watch(file), clock }
      },
      async ({ file, watch }) => {
        watch.close()
        await file.tidy()
        await file.close()
      },
    )
  }

  /** Opens it where it is not; without a clock by any that it has. Rejects with `SqliteError`. */
  async use(clock?: Clock): Promise<UsedFile> {
    const { thing: open, release } = await this.#shared.use(clock ?? systemClock)
    if (clock === undefined || open.clock === clock) return { file: open.file, release }
    await release()
    throw new TidingsError(
      'INVALID_ARGUMENT',
      '`clock` must be the one of the bus that is connected to this sqlite() already: it has one time\n' +
        'Give all its buses the same clock, or each bus a sqlite() of its own.',
    )
  }
}
