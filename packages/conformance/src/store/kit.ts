import type { Duration } from '@tidings/core'
import type { Recorder } from '@tidings/store/recorder'

/** What the author of a store's adapter gives to the suite: a way to the log. */
export interface StoreKit {
  /** For the report: `sqlite`, say. */
  readonly name: string
  /**
   * Opens the log, always the same one. Called several times a case; what it gives is closed behind the case, and must
   * leave the log to the others.
   */
  recorder(): Recorder | Promise<Recorder>
  /** `'quick'` (default) for every run, `'full'` for a nightly one: more events and more of them at once. */
  readonly size?: 'quick' | 'full' | undefined
  /** How long a case waits for what must happen. Default `'10s'`. */
  readonly within?: Duration | undefined
  /** How long a case watches that something does not happen. Default `'50ms'`. */
  readonly quiet?: Duration | undefined
}
