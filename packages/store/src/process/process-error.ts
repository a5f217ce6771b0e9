import { TidingsError } from '@tidings/core'

/** What an instance of a process reacted to. */
export interface ReactionPlace {
  readonly process: string
  /** Of the instance; `undefined` where its `key` could not be told. */
  readonly key: string | undefined
  /** Such as `event 0198… ("shop.order.placed")`, or `timeout "payment"`. */
  readonly at: string
}

/** A process could not react, or a command that it gave was refused. What was thrown is the `cause`. */
export class ProcessError extends TidingsError<'PROCESS_FAILED'> {
  override readonly name = 'ProcessError'
  readonly process: string
  readonly key: string | undefined

  constructor({ process, key, at }: ReactionPlace, what: string, cause: unknown) {
    const whose = key === undefined ? '' : ` of instance "${key}"`
    super(
      'PROCESS_FAILED',
      `process "${process}" failed at ${at}${whose}: ${what}\nNothing of it was written. Mend it and start it again; or leave the event out with onFailure: 'skip'.`,
      { cause, details: { process, key, at } },
    )
    this.process = process
    this.key = key
  }
}
