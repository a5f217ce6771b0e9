import { SubjectForgottenError } from './errors.ts'
import { checkedKey, fromBase64, type KeyStore, type SubjectKey, toBase64 } from './key-store.ts'

/** What seals and opens for one subject. */
export interface Cipher {
  /** The same for the same text in the same context, so that an event that comes again is known. */
  seal(text: string, context: string): Promise<string>
  /** Throws where the text was not sealed with this key in this context. */
  open(sealed: string, context: string): Promise<string>
}

const ivLength = 12

/** Ciphers that are held at most. */
const most = 10_000

/** The ciphers of subjects, held for a while. */
export class SubjectKeys {
  readonly #keys: KeyStore
  readonly #hold: number
  readonly #held = new Map<
    string,
    { readonly until: number; readonly cipher: Promise<Cipher | 'forgotten' | undefined> }
  >()

  constructor(keys: KeyStore, hold: number) {
    this.#keys = keys
    this.#hold = hold
  }

  /** `undefined` where the key store has never had one. */
  find(subject: string): Promise<Cipher | 'forgotten' | undefined> {
    return this.#cipher(subject, () => this.#keys.find(subject))
  }

  /** @throws SubjectForgottenError */
  async obtain(subject: string): Promise<Cipher> {
    const found =
      (await this.find(subject)) ??
      (this.#held.delete(subject), await this.#cipher(subject, () => this.#keys.obtain(subject)))
    if (found === 'forgotten' || found === undefined) throw new SubjectForgottenError(subject)
    return found
  }

  async forget(subject: string): Promise<void> {
    await this.#keys.forget(subject)
    this.#held.delete(subject)
  }

  #cipher(subject: string, ask: () => Promise<SubjectKey | undefined>): Promise<Cipher | 'forgotten' | undefined> {
    const now = Date.now()
    const held = this.#held.get(subject)
    if (held !== undefined && held.until > now) return held.cipher
    // The oldest first, as they were put: what nobody asks for goes.
    for (const [other, { until }] of this.#held) {
      if (until > now && this.#held.size < most) break
      this.#held.delete(other)
    }
    const cipher = ask().then((key) => (key === undefined ? undefined : cipherOf(checkedKey(key))))
    this.#held.delete(subject)
    this.#held.set(subject, { until: now + this.#hold, cipher })
    // What could not be asked, or is not there yet, is asked again.
    const drop = (): void => {
      if (this.#held.get(subject)?.cipher === cipher) this.#held.delete(subject)
    }
    void cipher.then((found) => found === undefined && drop(), drop)
    return cipher
  }
}

/**
 * AES-256-GCM under an initialisation vector that is a MAC of context and text (HMAC-SHA-256, 96 bits of it): as good as
 * one by chance, since no two texts meet it, and the same event has the same bytes whenever it is sealed.
 */
async function cipherOf(key: SubjectKey): Promise<Cipher | 'forgotten'> {
  if (key === 'forgotten') return key
  const { subtle } = crypto
  const base = await subtle.importKey('raw', new Uint8Array(key), 'HKDF', false, ['deriveKey'])
  const derived = (info: string): HkdfParams => {
    return { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: bytesOf(info) }
  }
  const [aes, mac] = await Promise.all([
    subtle.deriveKey(derived('tidings/seal'), base, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']),
    subtle.deriveKey(derived('tidings/iv'), base, { name: 'HMAC', hash: 'SHA-256', length: 256 }, false, ['sign']),
  ])
  return {
    async seal(text, context) {
      const digest = await subtle.sign('HMAC', mac, bytesOf(`${context.length}:${context}${text}`))
      const iv = new Uint8Array(digest, 0, ivLength)
      const sealed = await subtle.encrypt({ name: 'AES-GCM', iv, additionalData: bytesOf(context) }, aes, bytesOf(text))
      const all = new Uint8Array(ivLength + sealed.byteLength)
      all.set(iv)
      all.set(new Uint8Array(sealed), ivLength)
      return toBase64(all)
    },
    async open(sealed, context) {
      const all = fromBase64(sealed)
      const parameters = { name: 'AES-GCM', iv: all.slice(0, ivLength), additionalData: bytesOf(context) }
      return new TextDecoder().decode(await subtle.decrypt(parameters, aes, all.slice(ivLength)))
    },
  }
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}
