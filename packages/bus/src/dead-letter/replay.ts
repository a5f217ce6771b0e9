import { TidingsError } from '@tidings/core'
import { functionOption, invalidArgument, knownOptions, whole } from '../check.ts'
import type { Runtime } from '../delivery/runtime.ts'
import { deliveryHeaders, keyOf, type Message } from '../message/message.ts'
import { readEvent, UnreadableError } from '../message/read.ts'
import type { ReplayOptions, ReplayResult } from './dead-letters.ts'
import type { DeadLetter, DeadLetterStore } from './store.ts'

/** Milliseconds between two looks at a parked key whose letters are on their way. */
const interval = 50
/** For how long nothing may happen to such a key. */
const patience = 60_000

/** One run over dead letters that gives them back to their groups. */
export class Replay {
  readonly #runtime: Runtime
  readonly #store: DeadLetterStore
  readonly #options: ReplayOptions
  readonly #pause: number
  readonly #limit: number
  /** Letters of parked keys whose copies are on their way, by id. */
  readonly #sent = new Set<string>()
  /** The parked keys that it has touched. */
  readonly #keys = new Map<string, { readonly group: string; readonly key: string }>()
  readonly #failed: { letter: DeadLetter; error: unknown }[] = []
  #replayed = 0
  #skipped = 0

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
    let ended = await this.#all(letters)
    // What comes for a parked key while its letters are on their way is parked behind them, and belongs to them.
    for (const { group, key } of this.#keys.values()) {
      if (ended === 'complete') ended = await this.#all(this.#laterOf(group, key))
    }
    return { replayed: this.#replayed, skipped: this.#skipped, failed: this.#failed, ended }
  }

  async #all(letters: AsyncIterable<DeadLetter>): Promise<ReplayResult['ended']> {
    const { signal, onProgress } = this.#options
    for await (const letter of letters) {
      if (this.#replayed + this.#skipped + this.#failed.length >= this.#limit) return 'limit'
      if (this.#replayed > 0) await this.#wait(this.#pause)
      if (signal?.aborted) return 'aborted'
      try {
        if (await this.#one(letter)) this.#replayed++
        else this.#skipped++
      } catch (error) {
        this.#failed.push({ letter, error })
      }
      const { length: failed } = this.#failed
      onProgress?.({ replayed: this.#replayed, skipped: this.#skipped, failed, letter })
    }
    return signal?.aborted ? 'aborted' : 'complete'
  }

  /** The letters of a parked key that were not there before, each once those before it have been handled. */
  async *#laterOf(group: string, key: string): AsyncGenerator<DeadLetter, undefined> {
    let idle = 0
    while (!this.#options.signal?.aborted && idle < patience) {
      const first = await this.#store.firstOfKey(group, key)
      if (first === undefined) return
      if (!this.#sent.has(first.id)) {
        idle = 0
        yield first
        // Left out or not sent: then it is still the first, and what is behind it has to wait.
        if (!this.#sent.has(first.id)) return
      } else if (first.replayedAt === undefined) {
        // Given up again: the key stays parked.
        return
      } else {
        await this.#wait(interval)
        idle += interval
      }
    }
  }

  /** False where `edit` left it out. */
  async #one(letter: DeadLetter): Promise<boolean> {
    await this.#checkTurn(letter)
    const message = this.#edited(letter)
    if (message === undefined) return false
    const headers = { ...message.headers, [deliveryHeaders.replayOf]: letter.id }
    // Of a parked key it stays until the copy is handled: as long as it is here, later events of the key wait behind it.
    if (letter.parksKey) {
      await this.#store.add({ ...letter, replayedAt: new Date(this.#runtime.clock.now()).toISOString() })
    }
    await this.#runtime.send({ message: { ...message, headers }, group: letter.group })
    const key = keyOf(message)
    if (letter.parksKey && key !== undefined) {
      this.#sent.add(letter.id)
      this.#keys.set(`${letter.group}|${key}`, { group: letter.group, key })
    } else {
      await this.#store.remove(letter.id)
    }
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

  /** Waits so many milliseconds, or until the signal aborts. */
  #wait(time: number): Promise<void> {
    const { signal } = this.#options
    if (time === 0 || signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const end = (): void => {
        cancel()
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const cancel = this.#runtime.clock.after(time, end)
      signal?.addEventListener('abort', end)
    })
  }
}
