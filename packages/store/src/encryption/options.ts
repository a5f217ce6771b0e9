import { type Duration, milliseconds } from '@tidings/core'
import { functionOption, knownOptions, methodOption, oneOf } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'
import type { KeyStore } from './key-store.ts'

/** How a store keeps what its definitions mark as sensitive. */
export interface EncryptionOptions {
  readonly keys: KeyStore
  /**
   * Whose an event is: the name of the key that its sensitive values are sealed with. It is written in clear, so it is an
   * id and no address. Default the subject of the event, which is the `key` of its definition.
   */
  readonly subject?: ((event: TidingsEvent, place: { readonly stream: string }) => string | undefined) | undefined
  /**
   * By event type and path (`card.number`, `lines.*.note`), what is read where the subject is forgotten. Default a value that
   * fits the schema: `'[forgotten]'` for texts, what a format asks for, 0, false, the first of an enum, an empty array.
   */
  readonly forgotten?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined
  /**
   * What an event is whose key the key store has never had: an error, since it is most likely the wrong key store, or as
   * good as forgotten. Default `'error'`.
   */
  readonly missing?: 'error' | 'forgotten' | undefined
  /** How long a key is held in memory: so long another process may read of a subject that was forgotten. Default `'1m'`. */
  readonly hold?: Duration | undefined
}

/** The same, checked. */
export interface EncryptionSettings {
  readonly keys: KeyStore
  subject(event: TidingsEvent, place: { readonly stream: string }): string | undefined
  readonly forgotten: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly missing: 'error' | 'forgotten'
  readonly hold: number
}

/** @throws TidingsError `INVALID_ARGUMENT` */
export function checkedEncryption(options: EncryptionOptions): EncryptionSettings {
  knownOptions(options, ['keys', 'subject', 'forgotten', 'missing', 'hold'], 'encryption')
  const { keys, subject = ({ subject: own }: TidingsEvent) => own, forgotten = {} } = options
  for (const method of ['find', 'obtain', 'forget']) methodOption(keys, method, 'encryption.keys')
  return {
    keys,
    subject: functionOption(subject, 'encryption.subject'),
    forgotten: knownOptions(forgotten, Object.keys(forgotten), 'encryption.forgotten'),
    missing: oneOf(options.missing, ['error', 'forgotten'], 'encryption.missing'),
    hold: milliseconds(options.hold ?? '1m', 'encryption.hold'),
  }
}
