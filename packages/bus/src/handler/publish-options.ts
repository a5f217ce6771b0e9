import type { Duration } from '@tidings/core'
import type { CreateOptions } from '@tidings/events'

/** What `publish` takes besides the data. */
export interface PublishOptions extends CreateOptions {
  /** Delivered no earlier than this long from now. Needs a transport with `delay`. */
  readonly delay?: Duration | undefined
  /** Worthless after this time: a handler does not see it any more. Sets the attribute `expirytime`. */
  readonly expires?: Duration | undefined
  /** How long to wait for the broker; default that of the bus. */
  readonly timeout?: Duration | undefined
  /** Gives the wait up. */
  readonly signal?: AbortSignal | undefined
}
