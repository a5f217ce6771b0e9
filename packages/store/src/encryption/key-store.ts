import { invalidArgument } from '@tidings/core/tools'
import { RecordConflictError } from '../errors.ts'
import { nameOf } from '../store/checks.ts'
import type { EventStore } from '../store/event-store.ts'

/** The key of a subject: 32 bytes, or that it is gone for ever. */
export type SubjectKey = Uint8Array | 'forgotten'

/**
 * Where the keys of subjects are: whoever has it can read what is sealed. What it loses nobody can read any more, so it is
 * kept and backed up apart from the log, and what it forgets must be gone from its backups too.
 */
export interface KeyStore {
  /** The key of a subject; `undefined` where there never was one here. */
  find(subject: string): Promise<SubjectKey | undefined>
  /** The same, but makes one where there is none: of several who ask at once, all get one and the same. */
  obtain(subject: string): Promise<SubjectKey>
  /** Deletes the key for ever, and remembers that; also of a subject that has none. Idempotent. */
  forget(subject: string): Promise<void>
}

/** Keys in this process, lost with it, and so is what they have sealed: for tests. */
export function memoryKeys(): KeyStore {
  const keys = new Map<string, SubjectKey>()
  return {
    find: async (subject) => keys.get(subject),
    async obtain(subject) {
      const key = keys.get(subject) ?? newKey()
      keys.set(subject, key)
      return key
    },
    forget: async (subject) => void keys.set(subject, 'forgotten'),
  }
}

/**
 * Keys as records beside a log, in clear. **Best another one than the log that they seal**: in the same file, a backup from
 * before a subject was forgotten has the events and their key.
 *
 * @example
 * const keys = keysIn(await sqlite({ file: 'keys.db' }).store({ events: [] }))
 */
export function keysIn({ recorder }: Pick<EventStore, 'recorder'>): KeyStore {
  const recordKey = (subject: string): string => `key/${nameOf(subject, 'subject')}`
  const find = async (subject: string): Promise<SubjectKey | undefined> => {
    const record = await recorder.readRecord(recordKey(subject))
    return record && keyFrom(JSON.parse(record.value))
  }
  return {
    find,
    async obtain(subject) {
      const found = await find(subject)
      if (found !== undefined) return found
      const key = newKey()
      try {
        const write = { key: recordKey(subject), value: JSON.stringify(toBase64(key)), expected: 0 }
        await recorder.commit({ records: [write] })
        return key
      } catch (error) {
        const other = error instanceof RecordConflictError ? await find(subject) : undefined
        if (other === undefined) throw error
        return other
      }
    },
    async forget(subject) {
      await recorder.commit({ records: [{ key: recordKey(subject), value: '"forgotten"' }] })
    },
  }
}

/** Refuses what is no key. */
export function checkedKey(key: SubjectKey): SubjectKey {
  if (key === 'forgotten' || (key instanceof Uint8Array && key.length === 32)) return key
  throw invalidArgument(
    'a key',
    "32 bytes, or 'forgotten'",
    undefined,
    'See to it that the key store gives back what it was given.',
  )
}

export function toBase64(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}

function newKey(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(32))
}

function keyFrom(value: unknown): SubjectKey {
  return value === 'forgotten' ? value : fromBase64(String(value))
}
