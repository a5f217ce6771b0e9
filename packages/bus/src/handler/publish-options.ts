import type { Duration } from '@tidings/core'
import type { CreateOptions, TidingsEvent } from '@tidings/events'

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
  /**
   * In a handler: leaves at once, whatever becomes of the attempt, rather than with the settlement of its event. Default
   * false. Without meaning on a bus, where every publish leaves at once.
   */
  readonly immediate?: boolean | undefined
}

/** What `request` takes besides the data. */
export interface RequestOptions<Reply extends TidingsEvent> extends PublishOptions {
  /** How long to wait for the answer. Default `'30s'`. */
  readonly timeout?: Duration | undefined
  /** What an answer must be; its type is that of the promise. Default: the reply as it is, if its type is known. */
  readonly reply?: { readonly type: string; parse(value: unknown): Reply } | undefined
}
