import { TidingsError } from '@tidings/core'

/** A decorator stands where it cannot work: above a field, a static handler, or compiled as a legacy decorator. */
export class DecoratorMisusedError extends TidingsError<'DECORATOR_MISUSED'> {
  override readonly name = 'DecoratorMisusedError'

  constructor(message: string) {
    super('DECORATOR_MISUSED', message)
  }
}

/** `register` got an instance whose class has no method with `@on`. */
export class NoHandlersError extends TidingsError<'NO_HANDLERS'> {
  override readonly name = 'NoHandlersError'

  constructor(message: string) {
    super('NO_HANDLERS', message)
  }
}

/** A handler was not done within its `timeout`. `details`: `handler`, `timeout` in milliseconds. */
export class TimeoutError extends TidingsError<'HANDLER_TIMEOUT'> {
  override readonly name = 'TimeoutError'

  constructor(handler: string, timeout: number) {
    super(
      'HANDLER_TIMEOUT',
      `handler \`${handler}\` was not done within ${timeout} ms\n` +
        'Give `timeout` more time, or make the handler faster; its `signal` says when to stop.',
      { details: { handler, timeout } },
    )
  }
}

/** A circuit breaker refused a call, to spare what keeps failing. `details`: `handler`, `retryAfter` in milliseconds. */
export class CircuitOpenError extends TidingsError<'CIRCUIT_OPEN'> {
  override readonly name = 'CircuitOpenError'
  /** The circuit closes again, however final the failure was that is its cause. */
  readonly retryable = true

  constructor(handler: string, retryAfter: number, cause: unknown) {
    super(
      'CIRCUIT_OPEN',
      `handler \`${handler}\` was not called: its circuit is open${retryAfter > 0 ? ` for another ${retryAfter} ms` : ', a trial call is under way'}\n` +
        'It kept failing, see `cause` for the last failure. Try again later, or mend what it depends on.',
      { details: { handler, retryAfter }, cause },
    )
  }
}

/** More calls wait for a `limit` than its `maxWaiting`. `details`: `handler`, `concurrency`, `maxWaiting`. */
export class OverloadedError extends TidingsError<'HANDLER_OVERLOADED'> {
  override readonly name = 'OverloadedError'

  constructor(handler: string, concurrency: number, maxWaiting: number) {
    super(
      'HANDLER_OVERLOADED',
      `handler \`${handler}\` was not called: ${concurrency} calls run and ${maxWaiting} wait\n` +
        'Publish more slowly, or raise `concurrency` or `maxWaiting` of `limit`.',
      { details: { handler, concurrency, maxWaiting } },
    )
  }
}

/** A call that waited was given up by `cancel()`, by the end of a registration, or so. The handler was not called. */
export class CancelledError extends TidingsError<'HANDLER_CANCELLED'> {
  override readonly name = 'CancelledError'

  constructor(handler: string) {
    super(
      'HANDLER_CANCELLED',
      `handler \`${handler}\` was not called: the call was cancelled while it waited\n` +
        'Await the calls, or `flush()` them, before `cancel()` and the end of a registration, where none may be left out.',
      { details: { handler } },
    )
  }
}
