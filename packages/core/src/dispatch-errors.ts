import { TidingsError } from './errors.ts'

/** Events cause each other without end, or come too fast. `cycle` holds the types, the first one repeated at its end. */
export class EventStormError extends TidingsError<'EVENT_STORM'> {
  override readonly name = 'EventStormError'
  readonly cycle: readonly string[]

  constructor(message: string, cycle: readonly string[]) {
    super('EVENT_STORM', message, { details: { cycle } })
    this.cycle = cycle
  }
}

/** The dispatcher was closed before this call. */
export class DispatcherClosedError extends TidingsError<'DISPATCHER_CLOSED'> {
  override readonly name = 'DispatcherClosedError'

  constructor(what: string) {
    super(
      'DISPATCHER_CLOSED',
      `${what} is refused: the dispatcher is closed\nClose it after the last publisher is done.`,
    )
  }
}

/** More handler calls would wait than `maxPending` allows, and `overflow` is `'reject'`. */
export class PendingOverflowError extends TidingsError<'PENDING_OVERFLOW'> {
  override readonly name = 'PendingOverflowError'

  constructor(type: string, waiting: number, maxPending: number) {
    super(
      'PENDING_OVERFLOW',
      `publish of "${type}" is refused: ${waiting} handler calls wait where \`maxPending\` allows ${maxPending}\nAwait \`ready()\` before you publish, raise \`concurrency\` or \`maxPending\`, or choose \`overflow: 'wait'\`.`,
    )
  }
}
