import { isTidingsError, milliseconds, TidingsError } from '@tidings/core'
import { functionOption, invalidArgument, knownOptions, whole } from '../check.ts'
import type { Runtime } from '../delivery/runtime.ts'
import { deliveryHeaders, keyOf, type Message } from '../message/message.ts'
import type { Claims } from './claims.ts'
import { copyToReplay, type DefinitionOf } from './copy-to-replay.ts'
import type { ReplayOptions, ReplayResult } from './dead-letters.ts'
import type { DeadLetter, DeadLetterStore } from '../dead-letter/store.ts'

/** Milliseconds between two looks at a parked key whose letters are on their way. */
const interval = 50
/** For how long nothing may happen to such a key. */
const patience = 60_000
const optionNames = ['rate', 'limit', 'signal', 'edit', 'again', 'expired', 'onProgress']

/** One run over dead letters that gives them back to their groups. */
export class Replay {
  readonly #runtime: Runtime
  readonly #store: DeadLetterStore
  readonly #options: ReplayOptions
  readonly #definitionOf: DefinitionOf
  readonly #claims: Claims
  readonly #pause: number
  readonly #limit: number
  readonly #again: number
  /** Letters of parked keys whose copies are on their way, by id. */
  readonly #sent = new Set<string>()
  /** The parked keys that it has touched. */
  readonly #keys = new Map<string, { readonly group: string; readonly key: string }>()
  readonly #failed: { letter: DeadLetter; error: unknown }[] = []
  #replayed = 0
  #skipped = 0
  /** Of the skipped ones those that were on their way, or gone. */
  #passedOver = 0

  /** `named` where each letter was asked for by its id: then it is sent again, even when it is on its way. */
  constructor(
    runtime: Runtime,
    store: DeadLetterStore,
    options: ReplayOptions,
    definitionOf: DefinitionOf,
    claims: Claims,
    named: boolean,
  ) {
    knownOptions(options, optionNames, 'replay')
    const { rate = 100, limit = Infinity, edit, onProgress, again = '10m', expired } = options
    if (!(rate > 0)) throw invalidArgument('rate', 'more than 0', rate, 'Letters a second; Infinity for no bound.')
    if (edit !== undefined) functionOption(edit, 'edit')
    if (onProgress !== undefined) functionOption(onProgress, 'onProgress')
    if (expired !== undefined && typeof expired !== 'boolean') {
      throw invalidArgument('expired', 'true or false', expired, 'With true, what has expired is replayed too.')
    }
    this.#runtime = runtime
    this.#store = store
    this.#options = options
    this.#definitionOf = definitionOf
    this.#claims = claims
    this.#pause = 1000 / rate
    this.#limit = whole(limit, 1, 'limit', true)
    this.#again = named ? -Infinity : milliseconds(again, 'again')
  }

  async run(letters: AsyncIterable<DeadLetter>): Promise<ReplayResult> {
    let ended: ReplayResult['ended']
    try {
      ended = await this.#all(letters)
      // What comes for a parked key while its letters are on their way is parked behind them, and belongs to them.
      for (const { group, key } of this.#keys.values()) {
        if (ended === 'complete') ended = await this.#all(this.#laterOf(group, key))
      }
    } finally {
      for (const name of this.#keys.keys()) this.#claims.release(name)
    }
    return { replayed: this.#replayed, skipped: this.#skipped, failed: this.#failed, ended }
  }

  async #all(letters: AsyncIterable<DeadLetter>): Promise<ReplayResult['ended']> {
    const { signal, onProgress } = this.#options
    for await (const letter of letters) {
      if (this.#replayed + this.#skipped - this.#passedOver + this.#failed.length >= this.#limit) return 'limit'
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
    let before: string | undefined
    while (!this.#options.signal?.aborted && idle < patience) {
      const first = await this.#store.firstOfKey(group, key)
      if (first === undefined) return
      if (first.id !== before) idle = 0
      before = first.id
      if (!this.#sent.has(first.id)) {
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

  /** False where it was skipped. */
  async #one(letter: DeadLetter): Promise<boolean> {
    const key = letter.parksKey ? keyOf(letter.message) : undefined
    const claim = key === undefined ? letter.id : nameOf(letter.group, key)
    if (!this.#claims.take(claim, this)) return this.#passOver()
    try {
      return await this.#claimed(letter, key)
    } finally {
      // A key that it has touched stays its own to the end.
      if (!this.#keys.has(claim)) this.#claims.release(claim)
    }
  }

  async #claimed({ id, group }: DeadLetter, key: string | undefined): Promise<boolean> {
    if (key !== undefined && !(await this.#isTurnOf(id, group, key))) return this.#passOver()
    // As it is now: it may have been replayed, given up again or discarded since it was listed.
    const kept = this.#store.get(id)
    // Nothing comes in between where the store answers at once.
    const letter = kept instanceof Promise ? await kept : kept
    const isOurs = key !== undefined && this.#keys.has(nameOf(group, key))
    if (letter === undefined || (this.#isOnItsWay(letter) && !isOurs)) return this.#passOver()
    const copy = copyToReplay(letter, this.#options, this.#definitionOf, this.#runtime.clock)
    if (copy === undefined) return false
    await this.#send(letter, copy)
    if (key !== undefined) {
      this.#sent.add(id)
      this.#keys.set(nameOf(group, key), { group, key })
    }
    return true
  }

  #passOver(): false {
    this.#passedOver++
    return false
  }

  /**
   * Of a parked key the first letter must go first. False where another replay has sent that one: then the key is its
   * business. Where this one has, what is marked behind it was passed over by the group, and has to be sent again.
   */
  async #isTurnOf(id: string, group: string, key: string): Promise<boolean> {
    const first = await this.#store.firstOfKey(group, key)
    if (first === undefined || this.#keys.has(nameOf(group, key))) return true
    if (this.#isOnItsWay(first)) return false
    if (first.id === id) return true
    throw new TidingsError(
      'KEY_PARKED',
      `dead letter ${id} is not replayed: ${first.id} of the same key comes first\nReplay by key, { group, key }, or discard the first one.`,
    )
  }

  #isOnItsWay({ replayedAt }: DeadLetter): boolean {
    return replayedAt !== undefined && this.#runtime.clock.now() - Date.parse(replayedAt) < this.#again
  }

  /** The mark comes first: behind the send it could fall upon the letter of a copy that has been given up again. */
  async #send(letter: DeadLetter, copy: Message): Promise<void> {
    const replayedAt = new Date(this.#runtime.clock.now()).toISOString()
    await this.#store.add({ ...letter, replayedAt })
    const headers = { ...copy.headers, [deliveryHeaders.replayOf]: letter.id }
    try {
      await this.#runtime.send({ message: { ...copy, headers }, group: letter.group })
    } catch (error) {
      if (!isTidingsError(error, 'OUTCOME_UNKNOWN')) await this.#unmark(letter, replayedAt)
      throw error
    }
  }

  /** Nothing was sent, so that the next replay need not wait. */
  async #unmark(letter: DeadLetter, replayedAt: string): Promise<void> {
    const kept = await this.#store.get(letter.id)
    if (kept?.replayedAt === replayedAt) await this.#store.add({ ...letter, replayedAt: undefined })
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

function nameOf(group: string, key: string): string {
  return `key ${group}|${key}`
}
