import { isTidingsError, TidingsError } from '@tidings/core'
import { shown } from '@tidings/core/tools'

/** Kafka could not do what was asked of it, or did not answer. `cause` is what its driver has thrown. */
export class KafkaError extends TidingsError<
  'KAFKA_UNREACHABLE' | 'KAFKA_REFUSED' | 'KAFKA_MISSING' | 'KAFKA_DIFFERS' | 'KAFKA_LATE' | 'KAFKA_FAILED'
> {
  override readonly name = 'KafkaError'
  /** False where nothing but a change on the broker mends it. */
  readonly retryable: boolean

  constructor(code: KafkaError['code'], message: string, options?: { readonly cause?: unknown }) {
    super(code, message, options)
    this.retryable = code !== 'KAFKA_DIFFERS'
  }
}

/**
 * An error of the driver as ours; what is ours already stays as it is.
 *
 * @param what - what was under way, as the beginning of a sentence: `the topic "a"`
 */
export function kafkaError(what: string, cause: unknown): TidingsError {
  if (isTidingsError(cause)) return cause
  const said = saidBy(cause)
  if (isMissing(cause)) {
    const fix =
      'Have it made: by a user who may, with apply() of the topology plan, or by leaving out `declare: false`.'
    return new KafkaError('KAFKA_MISSING', `${what} is not there (${said})\n${fix}`, { cause })
  }
  if (isRefused(cause)) {
    const fix = 'Give its user the right, by kafka-acls.sh, or another user to the transport by `sasl`.'
    return new KafkaError('KAFKA_REFUSED', `${what} is refused (${said})\n${fix}`, { cause })
  }
  if (has(cause, ({ code }) => code === 'PLT_KFK_TIMEOUT')) {
    const fix = 'See whether its brokers run and whether the topic has a leader.'
    return new KafkaError('KAFKA_LATE', `${what} had no answer in time (${said})\n${fix}`, { cause })
  }
  const fix = 'See the log of the brokers: what waits is tried again.'
  return new KafkaError('KAFKA_FAILED', `${what} failed (${said})\n${fix}`, { cause })
}

/** Nobody answered where a broker should be, or it did not let us in. */
export function connectError(brokers: readonly string[], cause: unknown): TidingsError {
  if (isTidingsError(cause)) return cause
  const [said, place] = [saidBy(cause), brokers.join(', ')]
  // The driver says of it that it was not let in, though it is we who let nobody in.
  if (has(cause, ({ code }) => /CERT|SIGNATURE|ERR_TLS|ERR_SSL|EPROTO/.test(String(code)))) {
    const fix = 'See `tls`: `ca` must have signed the certificate of the brokers.'
    return new KafkaError('KAFKA_UNREACHABLE', `Kafka at ${place} is not trusted (${deepest(cause)})\n${fix}`, {
      cause,
    })
  }
  if (isRefused(cause)) {
    const fix = 'See user, password and mechanism in `sasl`, and whether it asks for `tls`.'
    return new KafkaError('KAFKA_REFUSED', `Kafka at ${place} lets nobody in (${said})\n${fix}`, { cause })
  }
  const fix = 'See whether it runs, and whether `brokers` has host and port of one of them.'
  return new KafkaError('KAFKA_UNREACHABLE', `Kafka at ${place} cannot be reached (${said})\n${fix}`, { cause })
}

/** Whether a topic is not there. */
export function isMissing(cause: unknown): boolean {
  return (
    isTidingsError(cause, 'KAFKA_MISSING') ||
    has(cause, ({ apiId, message }) => unknownTopics.has(String(apiId)) || String(message).startsWith('Unknown topic '))
  )
}

/** Whether the broker has answered so, by the name of the protocol. */
export function isAnswer(cause: unknown, ...names: readonly string[]): boolean {
  return has(cause, ({ apiId }) => names.includes(String(apiId)))
}

/** Whether the broker itself has answered, so that it is known what became of the question. */
export function isAnswered(cause: unknown): boolean {
  return has(cause, ({ apiId }) => typeof apiId === 'string') || isMissing(cause)
}

const unknownTopics: ReadonlySet<string> = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID'])

function isRefused(cause: unknown): boolean {
  return has(
    cause,
    ({ code, apiId }) =>
      code === 'PLT_KFK_AUTHENTICATION' || /AUTHORIZATION_FAILED|SASL_/.test(typeof apiId === 'string' ? apiId : ''),
  )
}

interface Said {
  readonly code?: unknown
  readonly apiId?: unknown
  readonly message?: unknown
  readonly errors?: unknown
  readonly cause?: unknown
}

/** Whether it, one of its causes or one of the errors that it stands for is such a one. */
function has(error: unknown, test: (said: Said) => boolean, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > 6) return false
  const said = error as Said
  if (test(said)) return true
  const inner: readonly unknown[] = Array.isArray(said.errors) ? said.errors : []
  return [...inner, said.cause].some((each) => has(each, test, depth + 1))
}

/** What the cause of all says. */
function deepest(error: unknown, depth = 0): string {
  const { cause, errors } = Object(error) as Said
  const [first] = Array.isArray(errors) ? (errors as readonly unknown[]) : []
  const inner = first ?? cause
  return inner === undefined || depth > 6 ? saidBy(error) : deepest(inner, depth + 1)
}

/** The first message that says something: those of several errors name each only by number. */
function saidBy(cause: unknown): string {
  const { message, errors } = Object(cause) as Said
  const [first] = Array.isArray(errors) ? (errors as readonly unknown[]) : []
  if (first !== undefined) return saidBy(first)
  return typeof message === 'string' && message !== '' ? message : shown(cause)
}
