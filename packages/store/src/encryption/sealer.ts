import { isTidingsError } from '@tidings/core'
import { type AnyDefinedEvent, type Catalog, decodeEvent, type EncodedEvent, type TidingsEvent } from '@tidings/events'
import { identityOf } from '../recorder/check-append.ts'
import { nameOf } from '../store/checks.ts'
import { isSealed } from './attributes.ts'
import { SealError, UnsealError } from './errors.ts'
import { type Field, type FieldPath, hasSensitive, replaced, sensitiveFields } from './fields.ts'
import { fromBase64, toBase64 } from './key-store.ts'
import type { EncryptionSettings } from './options.ts'
import { forgotten, placeholderFor } from './placeholder.ts'
import { SubjectKeys } from './subject-keys.ts'

/** What is sealed: values by their paths, or a whole body that is no JSON. */
type Content = { readonly fields: readonly Field[] } | { readonly text: string } | { readonly bytes: string }

/** What is sensitive in an event, and the event as whoever lacks the key reads it. */
interface Parted {
  readonly content: Content
  readonly body: EncodedEvent['body']
}

/**
 * Seals what the definitions of a catalog mark as sensitive, and opens it. A sealed event is a whole event of its type, valid
 * without any key: the sensitive values are replaced, and stand sealed in an attribute. So whoever reads the log without
 * keys, and everybody once the key is gone, sees the same event without them.
 */
export class Sealer {
  readonly #catalog: Catalog
  readonly #settings: EncryptionSettings
  readonly #keys: SubjectKeys

  constructor(catalog: Catalog, settings: EncryptionSettings) {
    this.#catalog = catalog
    this.#settings = settings
    this.#keys = new SubjectKeys(settings.keys, settings.hold)
  }

  /**
   * The event as it is stored; one with nothing sensitive, or that is sealed already, as it is.
   *
   * @throws SealError, SubjectForgottenError
   */
  async seal(event: EncodedEvent, stream: string): Promise<EncodedEvent> {
    const definition = this.#catalog.get(String(event.attributes['type']))
    if (definition === undefined || isSealed(event) || event.body === undefined || !hasSensitive(definition))
      return event
    const parted = this.#part(definition, event)
    if (parted === undefined) return event
    const about = aboutOf(event)
    const subject = this.#settings.subject(decodeEvent(event, this.#catalog) as TidingsEvent, { stream })
    if (subject === undefined) {
      const fix = 'Give its definition a `key`, or the store `encryption: { subject: (event) => … }`.'
      throw new SealError(about, 'it has sensitive values and no subject whose key would seal them', fix)
    }
    if (disclosed(event, subject, parted.content)) {
      const fix = 'Name it by an id: `key` of its definition, or `encryption: { subject }`, must give none of them.'
      throw new SealError(about, 'its subject is one of its sensitive values, and would stand in clear', fix)
    }
    this.#check(about, { ...event, body: parted.body })
    const cipher = await this.#keys.obtain(nameOf(subject, 'the subject of an event'))
    const sealed = await cipher.seal(JSON.stringify(parted.content), identityOf(event))
    return { ...event, attributes: { ...event.attributes, sealedfor: subject, sealed }, body: parted.body }
  }

  /**
   * The event as it was before it was sealed, or without its sensitive values where its subject is forgotten.
   *
   * @throws UnsealError
   */
  async open(event: EncodedEvent): Promise<EncodedEvent> {
    if (!isSealed(event)) return event
    const { sealedfor, sealed, ...attributes } = event.attributes
    const subject = String(sealedfor)
    const cipher = await this.#keys.find(subject)
    if (cipher === undefined && this.#settings.missing === 'error') {
      throw new UnsealError(aboutOf(event), subject, 'there is no key')
    }
    if (cipher === undefined || cipher === 'forgotten') return { ...event, attributes }
    let text: string
    try {
      text = await cipher.open(String(sealed), identityOf(event))
    } catch {
      throw new UnsealError(aboutOf(event), subject, 'it was not sealed with the key')
    }
    return { ...event, attributes, body: joined(event.body, JSON.parse(text) as Content) }
  }

  forget(subject: string): Promise<void> {
    return this.#keys.forget(subject)
  }

  #part(definition: AnyDefinedEvent, { body, contentType = '' }: EncodedEvent): Parted | undefined {
    if (!/^application\/(?:[^;]+\+)?json\b/i.test(contentType)) {
      // All of it, or nothing: what is no JSON has no fields.
      if (definition.redact(body) === body) return undefined
      if (typeof body === 'string') return { content: { text: body }, body: forgotten }
      return { content: { bytes: toBase64(body!) }, body: new Uint8Array() }
    }
    const text = textOf(body)
    const fields = sensitiveFields(definition, JSON.parse(text))
    if (fields.length === 0) return undefined
    const stated = this.#settings.forgotten[definition.type] ?? {}
    const stand = (path: FieldPath, value: unknown): unknown => {
      const found = Object.keys(stated).find((pattern) => fits(pattern.split('.'), path))
      return found === undefined ? placeholderFor(definition, path, value) : stated[found]
    }
    return { content: { fields }, body: JSON.stringify(replaced(JSON.parse(text), fields, stand)) }
  }

  /** Now, and not when the subject is forgotten, is the time to see that it can be read then. */
  #check(about: { readonly id: string; readonly type: string }, event: EncodedEvent): void {
    try {
      decodeEvent(event, this.#catalog)
    } catch (error) {
      // Values of the placeholders only: what is sensitive is in none of them.
      const why = isTidingsError(error) ? error.message.split('\n').slice(0, 2).join(' ') : 'it throws'
      const fix = `Say what is read then: encryption: { forgotten: { '${about.type}': { 'the.path': … } } }.`
      throw new SealError(
        about,
        `without its sensitive values it could not be read, were its subject forgotten: ${why}`,
        fix,
      )
    }
  }
}

function joined(body: EncodedEvent['body'], content: Content): EncodedEvent['body'] {
  if ('text' in content) return content.text
  if ('bytes' in content) return fromBase64(content.bytes)
  const values = new Map(content.fields.map(([path, value]) => [path, value]))
  return JSON.stringify(replaced(JSON.parse(textOf(body)), content.fields, (path) => values.get(path)))
}

/** Whether what stands in clear beside the data is one of the texts that are to be sealed. */
function disclosed({ attributes }: EncodedEvent, subject: string, content: Content): boolean {
  const clear = new Set([subject, attributes['subject'], attributes['partitionkey']])
  const isIn = (value: unknown): boolean => {
    if (typeof value === 'string') return value !== '' && clear.has(value)
    return typeof value === 'object' && value !== null && Object.entries(value).some((entry) => entry.some(isIn))
  }
  return 'fields' in content ? content.fields.some(([, value]) => isIn(value)) : 'text' in content && isIn(content.text)
}

function textOf(body: EncodedEvent['body']): string {
  return typeof body === 'string' ? body : new TextDecoder().decode(body)
}

function fits(pattern: readonly string[], path: FieldPath): boolean {
  return pattern.length === path.length && pattern.every((name, index) => name === '*' || name === String(path[index]))
}

function aboutOf({ attributes }: EncodedEvent): { readonly id: string; readonly type: string } {
  return { id: String(attributes['id']), type: String(attributes['type']) }
}
