import { TidingsError } from '@tidings/core'

/** What is sensitive in an event cannot be sealed: nothing was written. No value is in the message. */
export class SealError extends TidingsError<'NOT_SEALED'> {
  override readonly name = 'SealError'
  readonly retryable = false

  constructor(event: { readonly id: string; readonly type: string }, why: string, fix: string) {
    super('NOT_SEALED', `event ${event.id} ("${event.type}") is not appended: ${why}\n${fix}`, {
      details: { id: event.id, type: event.type },
    })
  }
}

/** A subject was forgotten: nothing that is sensitive is appended of it any more. Nothing was written. */
export class SubjectForgottenError extends TidingsError<'SUBJECT_FORGOTTEN'> {
  override readonly name = 'SubjectForgottenError'
  readonly retryable = false
  readonly subject: string

  constructor(subject: string) {
    super(
      'SUBJECT_FORGOTTEN',
      `subject "${subject}" was forgotten, and nothing sensitive is appended of it\nGive who comes back a new id.`,
      { details: { subject } },
    )
    this.subject = subject
  }
}

/** What is sealed in an event cannot be read: the key is missing or another one, or the bytes were changed. */
export class UnsealError extends TidingsError<'NOT_READABLE'> {
  override readonly name = 'UnsealError'
  readonly retryable = false
  readonly subject: string

  constructor(event: { readonly id: string; readonly type: string }, subject: string, why: string) {
    super(
      'NOT_READABLE',
      `event ${event.id} ("${event.type}") cannot be read: ${why} of subject "${subject}"\nOpen the store with the key store that it was written with, or with \`missing: 'forgotten'\`.`,
      { details: { id: event.id, type: event.type, subject } },
    )
    this.subject = subject
  }
}
