import { TidingsError } from '@tidings/core'

/** A relay had not caught up when the time for it was up, or when it was closed. */
export class RelayBehindError extends TidingsError<'RELAY_BEHIND'> {
  override readonly name = 'RelayBehindError'

  constructor(
    why: string,
    left: readonly { readonly group: string; readonly waiting: number; readonly retrying: number }[],
  ) {
    const what = left.map(
      ({ group, waiting, retrying }) => `${group}: ${waiting} waiting, ${retrying} waiting for a retry`,
    )
    super(
      'RELAY_BEHIND',
      `the relay has not caught up ${why}: ${what.join('; ')}\nSee relay.health(): the target may be away, or retries may be due much later.`,
      { details: { groups: left } },
    )
  }
}
