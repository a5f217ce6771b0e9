import { isTidingsError, TidingsError } from '@tidings/core'
import { shown } from '@tidings/core/tools'

/** RabbitMQ could not do what was asked of it, or did not answer. `cause` is what its driver has thrown. */
export class RabbitmqError extends TidingsError<
  | 'RABBITMQ_UNREACHABLE'
  | 'RABBITMQ_REFUSED'
  | 'RABBITMQ_MISSING'
  | 'RABBITMQ_DIFFERS'
  | 'RABBITMQ_LATE'
  | 'RABBITMQ_FAILED'
> {
  override readonly name = 'RabbitmqError'
  /** False where nothing but a change on the broker mends it. */
  readonly retryable: boolean

  constructor(code: RabbitmqError['code'], message: string, options?: { readonly cause?: unknown }) {
    super(code, message, options)
    this.retryable = code !== 'RABBITMQ_DIFFERS'
  }
}

// https://www.rabbitmq.com/docs/amqp-0-9-1-errata and the protocol's own list.
const accessRefused = 403
const notFound = 404
const preconditionFailed = 406

/**
 * An error of the driver as ours; what is ours already stays as it is.
 *
 * @param what - what was under way, as the beginning of a sentence: `the queue "a"`
 */
export function rabbitmqError(what: string, cause: unknown): TidingsError {
  if (isTidingsError(cause)) return cause
  const said = saidBy(cause)
  switch (replyCode(cause)) {
    case accessRefused: {
      const fix = 'Give its user the right, by rabbitmqctl set_permissions, or another user to the transport.'
      return new RabbitmqError('RABBITMQ_REFUSED', `${what} is refused (${said})\n${fix}`, { cause })
    }
    case notFound: {
      const fix =
        'Have it made: by a user who may, with apply() of the topology plan, or by leaving out `declare: false`.'
      return new RabbitmqError('RABBITMQ_MISSING', `${what} is not there (${said})\n${fix}`, { cause })
    }
    case preconditionFailed: {
      const fix =
        'It was made by other settings, or another version. Drain it, delete it and start again, or keep those settings.'
      return new RabbitmqError('RABBITMQ_DIFFERS', `${what} is there with other settings (${said})\n${fix}`, { cause })
    }
    default: {
      const fix = 'See its log and `rabbitmq-diagnostics status`: what waits is tried again.'
      return new RabbitmqError('RABBITMQ_FAILED', `${what} failed (${said})\n${fix}`, { cause })
    }
  }
}

/** Nobody answered where the broker should be, or it did not let us in. */
export function connectError(place: string, cause: unknown): TidingsError {
  if (isTidingsError(cause)) return cause
  const said = saidBy(cause)
  if (replyCode(cause) === accessRefused || /ACCESS.REFUSED|NOT.ALLOWED/i.test(said)) {
    const fix = 'See user, password and virtual host in `url`.'
    return new RabbitmqError('RABBITMQ_REFUSED', `RabbitMQ at ${place} lets nobody in (${said})\n${fix}`, { cause })
  }
  const fix = 'See whether it runs, and whether `url` has its host and port.'
  return new RabbitmqError('RABBITMQ_UNREACHABLE', `RabbitMQ at ${place} cannot be reached (${said})\n${fix}`, {
    cause,
  })
}

/** It did not answer in time. */
export function lateError(what: string, timeout: number): RabbitmqError {
  const fix = 'A quorum queue without a leader answers nothing: see `rabbitmqctl list_queues name state leader`.'
  return new RabbitmqError('RABBITMQ_LATE', `${what} had no answer within ${timeout}ms\n${fix}`)
}

/** Whether the broker has none of what it was asked for. */
export function isMissing(cause: unknown): boolean {
  return isTidingsError(cause, 'RABBITMQ_MISSING') || replyCode(cause) === notFound
}

function replyCode(cause: unknown): unknown {
  return (Object(cause) as { readonly code?: unknown }).code
}

function saidBy(cause: unknown): string {
  const { message, code } = Object(cause) as { readonly message?: unknown; readonly code?: unknown }
  if (typeof message === 'string' && message !== '') return message
  // That of a refused connection to several addresses has a code alone.
  return typeof code === 'string' ? code : shown(cause)
}
