import { TidingsError } from '@tidings/core'

/** More publishes would wait for room than may. The broker has nothing of the event. */
export class PublishOverflowError extends TidingsError<'PUBLISH_OVERFLOW'> {
  override readonly name = 'PublishOverflowError'

  constructor(type: string, limit: number) {
    super(
      'PUBLISH_OVERFLOW',
      `an event "${type}" is refused: ${limit} publishes wait for room already\n` +
        'Await each publish, so that publishers slow down to the pace of the handlers, or raise `maxWaiting`.',
      { details: { type, limit } },
    )
  }
}
