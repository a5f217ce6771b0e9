import { TidingsError } from '@tidings/core'
import { functionOption, invalidArgument, knownOptions, whole } from '../check.ts'
import type { Runtime } from '../delivery/runtime.ts'
import { deliveryHeaders, keyOf, type Message } from '../message/message.ts'
import { readEvent, UnreadableError } from '../message/read.ts'
import type { ReplayOptions, ReplayResult } from './dead-letters.ts'
import type { DeadLetter, DeadLetterStore } from './store.ts'

/** One run over dead letters that gives them back to their groups. */
export class Replay {
  readonly #runtime: Runtime
  readonly #store: DeadLetterStore
  readonly #options: ReplayOptions
  readonly #pause: number
  readonly #limit: number
  /** Letters of parked keys whose copies are on their way. */
  readonly #sent = new Set<string>()

  constructor(runtime: Runtime, store: DeadLetterStore, options: ReplayOptions) {
    knownOptions(options, ['rate', 'limit', 'signal', 'edit', 'onProgress'], 'replay')
    const { rate = 100, limit = Infinity, edit, onProgress } = options
    if (!(rate > 0)) throw invalidArgument('rate', 'more than 0', rate, 'Letters a second; Infinity for no bound.')
    if (edit !== undefined) functionOption(edit, 'edit')
    if (onProgress !== undefined) functionOption(onProgress, 'onProgress')
    this.#runtime = runtime
    this.#store = store
    this.#options = options
    this.#pause = 1000 / rate
    this.#limit = whole(limit, 1, 'limit', true)
  }

  async run(letters: AsyncIterable<DeadLetter>): Promise<ReplayResult> {
    const { signal, onProgress } = this.#options
    const failed: { letter: DeadLetter; error: unknown }[] = []
    let replayed = 0
    let skipped = 0
    for await (const letter of letters) {
      if (signal?.aborted) return { replayed, skipped, failed, ended: 'aborted' }
      if (replayed + skipped + failed.length >= this.#limit) return { replayed, skipped, failed, ended: 'limit' }
      if (replayed > 0) await this.#wait(signal)
      try {
        if (await this.#one(letter)) replayed++
        else skipped++
      } catch (error) {
        failed.push({ letter, error })
      }
      onProgress?.({ replayed, skipped, failed: failed.length, letter })
    }
    return { replayed, skipped, failed, ended: 'complete' }
  }

  /** False where `edit` left it out. */
  async #one(letter: DeadLetter): Promise<boolean> {
    await this.#checkTurn(letter)
    const message = this.#edited(letter)
    if (message === undefined) return false
    const headers = { ...message.headers, [deliveryHeaders.replayOf]: letter.id }
    await this.#runtime.send({ message: { ...message, headers }, group: letter.group })
    // Of a parked key it stays until the copy is handled: as long as it is here, later events of the key wait behind it.
    if (letter.parksKey) this.#sent.add(letter.id)
    else await this.#store.remove(letter.id)
    return true
  }

  /** Of a parked key the first letter must go first. */
  async #checkTurn({ id, group, message, parksKey }: DeadLetter): Promise<void> {
    const key = keyOf(message)
    if (!parksKey || key === undefined) return
    const first = await this.#store.firstOfKey(group, key)
    if (first === undefined || first.id === id || this.#sent.has(first.id)) return
    throw new TidingsError(
      'KEY_PARKED',
      `dead letter ${id} is not replayed: ${first.id} of the same key comes first\nReplay by key, { group, key }, or discard the first one.`,
    )
  }

  #edited(letter: DeadLetter): Message | undefined {
    const { edit } = this.#options
    const { message } = letter
    if (edit === undefined) return message
    const text = typeof message.body === 'string' ? message.body : new TextDecoder().decode(message.body)
    const data: unknown = edit(text === '' ? undefined : JSON.parse(text), letter)
    if (data === undefined) return undefined
    const edited = { ...message, body: JSON.stringify(data) }
    try {
      // Only to see that it can be read; what is sent is what was edited.
      readEvent(edited, this.#runtime.events.get(String(message.attributes['type'])))
    } catch (error) {
      throw error instanceof UnreadableError ? error.cause : error
    }
    return edited
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    if (this.#pause === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const end = (): void => {
        cancel()
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const cancel = this.#runtime.clock.after(this.#pause, end)
      signal?.addEventListener('abort', end)
    })
  }
}
