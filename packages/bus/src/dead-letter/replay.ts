import { isTidingsError, milliseconds, TidingsError } from '@tidings/core'
import { functionOption, invalidArgument, isThenable, knownOptions, whole } from '@tidings/core/tools'
import { letterInShort } from '../dead-letter/letter.ts'
import type { Runtime } from '../delivery/runtime.ts'
import { deliveryHeaders, keyOf, type Message } from '../message/message.ts'
import { lockOfKey } from './locks.ts'
import { copyToReplay, type DefinitionOf } from './copy-to-replay.ts'
import type { ReplayOptions, ReplayResult } from './dead-letters.ts'
import type { DeadLetter, DeadLetterStore } from '../stores/dead-letters.ts'

/** Milliseconds between two looks at a parked key whose letters are on their way. */
const interval = 50
/** For how long nothing may happen to such a key. */
const longestStandstill = 60_000
const optionNames = ['rate', 'limit', 'signal', 'edit', 'again', 'expired', 'onProgress']

/** What a replay works with. */
export interface ReplaySetting {
  readonly runtime: Runtime
  readonly store: DeadLetterStore
  readonly definitionOf: DefinitionOf
  /** Aborts when the bus closes. */
  readonly closing: AbortSignal
  /** Which letters are meant. */
  readonly wants: (letter: DeadLetter) => boolean
  /** Whether each was asked for by its id: then it is sent again, even when it is on its way. */
  readonly named: boolean
}

/** One run over dead letters that gives them back to their groups. */
export class Replay {
  readonly #setting: ReplaySetting
  readonly #options: ReplayOptions
  readonly #signal: AbortSignal
  readonly #pause: number
  readonly #limit: number
  readonly #again: number
  /** Letters that it has looked at, by id: sent, or left where they are. */
  readonly #seen = new Map<string, 'sent' | 'left'>()
  /** The first letters of parked keys that are not meant, by key: what is behind them has to wait. */
  readonly #before = new Map<string, string>()
  /** The parked keys that it has touched, which are its own until it is done with them. */
  readonly #keys = new Map<string, { readonly group: string; readonly key: string }>()
  readonly #failed: { letter: DeadLetter; error: unknown }[] = []
  #replayed = 0
  #skipped = 0
  /** Of the skipped ones those that were on their way, or gone. */
  #passedOver = 0

  constructor(setting: ReplaySetting, options: ReplayOptions) {
    knownOptions(options, optionNames, 'replay')
    const { rate = 100, limit = Infinity, signal, edit, onProgress, again = '10m', expired } = options
    if (!(rate > 0)) throw invalidArgument('rate', 'more than 0', rate, 'Letters a second; Infinity for no bound.')
    if (edit !== undefined) functionOption(edit, 'edit')
    if (onProgress !== undefined) functionOption(onProgress, 'onProgress')
    if (expired !== undefined && typeof expired !== 'boolean') {
      throw invalidArgument('expired', 'true or false', expired, 'With true, what has expired is replayed too.')
    }
    this.#setting = setting
    this.#options = options
    this.#signal = signal === undefined ? setting.closing : AbortSignal.any([signal, setting.closing])
    this.#pause = 1000 / rate
    this.#limit = whole(limit, 1, 'limit', true)
    this.#again = setting.named ? -Infinity : milliseconds(again, 'again')
  }

  async run(letters: AsyncIterable<DeadLetter>): Promise<ReplayResult> {
    try {
      let ended = await this.#all(letters)
      // What comes for a parked key while its letters are on their way is parked behind them, and belongs to them.
      for (const [name, { group, key }] of this.#keys) {
        if (ended === 'complete') ended = await this.#all(this.#laterOf(group, key))
        this.#giveUpKey(name)
      }
      return { replayed: this.#replayed, skipped: this.#skipped, failed: this.#failed, ended }
    } finally {
      for (const name of this.#keys.keys()) this.#giveUpKey(name)
    }
  }

  async #all(letters: AsyncIterable<DeadLetter>): Promise<ReplayResult['ended']> {
    for await (const letter of letters) {
      // A list that has begun anew tells of some twice.
      if (this.#seen.has(letter.id)) continue
      if (!this.#setting.wants(letter)) {
        this.#passBy(letter)
        continue
      }
      if (this.#replayed + this.#skipped - this.#passedOver + this.#failed.length >= this.#limit) return 'limit'
      if (this.#replayed > 0) await this.#wait(this.#pause)
      if (this.#signal.aborted) return 'aborted'
      try {
        if (await this.#one(letter)) this.#replayed++
        else this.#skipped++
      } catch (error) {
        this.#failed.push({ letter, error })
      }
      this.#tell(letter)
    }
    return this.#signal.aborted ? 'aborted' : 'complete'
  }

  /** The letters of a parked key that were not there before, each once those before it have been handled. */
  async *#laterOf(group: string, key: string): AsyncGenerator<DeadLetter, undefined> {
    const { store } = this.#setting
    let idle = 0
    let before: string | undefined
    while (!this.#signal.aborted && idle < longestStandstill) {
      const first = await store.firstOfKey(group, key)
      if (first === undefined) return
      if (first.id !== before) idle = 0
      before = first.id
      const seen = this.#seen.get(first.id)
      if (seen === undefined && this.#setting.wants(first)) {
        yield first
      } else if (seen === 'sent' && first.replayedAt !== undefined) {
        await this.#wait(interval)
        idle += interval
      } else {
        // Not meant, left where it is, or given up again: then what is behind it has to wait.
        return
      }
    }
  }

  /** False where it was skipped. */
  async #one(letter: DeadLetter): Promise<boolean> {
    const { id, group, message, parksKey } = letter
    const key = parksKey ? keyOf(message) : undefined
    const lock = key === undefined ? `letter ${id}` : lockOfKey(group, key)
    const { locks } = this.#setting.runtime
    if (!locks.take(lock, this)) return this.#passOver()
    this.#seen.set(id, 'left')
    try {
      if (key !== undefined && !(await this.#isTurnOf(id, group, key))) return this.#passOver()
      return await this.#send(letter, key)
    } catch (error) {
      this.#passBy(letter)
      throw error
    } finally {
      // A key that it has touched stays its own.
      if (!this.#keys.has(lock)) locks.release(lock)
    }
  }

  async #send(listed: DeadLetter, key: string | undefined): Promise<boolean> {
    const { store, definitionOf, runtime } = this.#setting
    const { id, group } = listed
    const isOurs = key !== undefined && this.#keys.has(lockOfKey(group, key))
    // As it is now: it may have been replayed, given up again or discarded since it was listed.
    const isGone = (letter: DeadLetter | undefined): letter is undefined =>
      letter === undefined || (this.#isOnItsWay(letter) && !isOurs)
    const now = await store.get(id)
    if (isGone(now)) return this.#passOver()
    const copy = await copyToReplay(now, this.#options, definitionOf, runtime)
    if (copy === undefined) {
      this.#passBy(listed)
      return false
    }
    // An edit may take its time.
    if (this.#signal.aborted) return this.#passOver()
    const isSent = await runtime.locks.alone(id, async () => {
      const kept = store.get(id)
      // Nothing comes in between where the store answers at once.
      const letter = isThenable(kept) ? await kept : kept
      if (isGone(letter)) return false
      await this.#markAndSend(letter, copy)
      return true
    })
    if (!isSent) return this.#passOver()
    this.#seen.set(id, 'sent')
    if (key !== undefined) this.#keys.set(lockOfKey(group, key), { group, key })
    return true
  }

  /** It stays where it is, and so does what is behind it of a parked key. */
  #passBy({ id, group, message, parksKey }: DeadLetter): void {
    const key = parksKey ? keyOf(message) : undefined
    if (key === undefined) return
    const name = lockOfKey(group, key)
    if (!this.#before.has(name)) this.#before.set(name, id)
  }

  #passOver(): false {
    this.#passedOver++
    return false
  }

  #giveUpKey(name: string): void {
    this.#keys.delete(name)
    this.#setting.runtime.locks.release(name)
  }

  /**
   * Of a parked key the first letter must go first. False where another replay has sent that one: then the key is its
   * business. Where this one has, what is marked behind it was passed over by the group, and has to be sent again.
   */
  async #isTurnOf(id: string, group: string, key: string): Promise<boolean> {
    const before = this.#before.get(lockOfKey(group, key))
    if (before !== undefined) throw keyParked(id, before)
    const first = await this.#setting.store.firstOfKey(group, key)
    if (first === undefined || this.#keys.has(lockOfKey(group, key))) return true
    if (this.#isOnItsWay(first)) return false
    if (first.id === id) return true
    throw keyParked(id, first.id)
  }

  #isOnItsWay({ replayedAt }: DeadLetter): boolean {
    return replayedAt !== undefined && this.#setting.runtime.clock.now() - Date.parse(replayedAt) < this.#again
  }

  /** The mark comes first: behind the send it could fall upon the letter of a copy that has been given up again. */
  async #markAndSend(letter: DeadLetter, copy: Message): Promise<void> {
    const { runtime, store } = this.#setting
    const replayedAt = new Date(runtime.locks.moment(runtime.clock.now())).toISOString()
    const { replayOf, replayedAt: mark } = deliveryHeaders
    const headers = { ...copy.headers, [replayOf]: letter.id, [mark]: replayedAt }
    try {
      await store.add({ ...letter, replayedAt })
      await runtime.send({ message: { ...copy, headers }, group: letter.group, ahead: true })
    } catch (error) {
      if (!isTidingsError(error, 'OUTCOME_UNKNOWN')) await this.#unmark(letter, replayedAt)
      throw error
    }
  }

  /** Nothing was sent, so that the next replay need not wait. */
  async #unmark(letter: DeadLetter, replayedAt: string): Promise<void> {
    const { store, runtime } = this.#setting
    try {
      const kept = await store.get(letter.id)
      if (kept?.replayedAt === replayedAt) await store.add({ ...letter, replayedAt: undefined })
    } catch (error) {
      runtime.log.warn('a dead letter that was not sent keeps its mark', { ...letterInShort(letter), error })
    }
  }

  /** Whoever is told may take its time; what fails there is no matter of the letter. */
  #tell(letter: DeadLetter): void {
    const { length: failed } = this.#failed
    const progress = { replayed: this.#replayed, skipped: this.#skipped, failed, letter }
    const told: unknown = this.#options.onProgress?.(progress)
    if (!isThenable(told)) return
    Promise.resolve(told).catch((error: unknown) => {
      this.#setting.runtime.log.error('`onProgress` of a replay failed', { ...letterInShort(letter), error })
    })
  }

  /** Waits so many milliseconds, or until the signal aborts. */
  #wait(time: number): Promise<void> {
    const signal = this.#signal
    if (time === 0 || signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const end = (): void => {
        cancel()
        signal.removeEventListener('abort', end)
        resolve()
      }
      const cancel = this.#setting.runtime.clock.after(time, end)
      signal.addEventListener('abort', end)
    })
  }
}

function keyParked(id: string, before: string): TidingsError<'KEY_PARKED'> {
  return new TidingsError(
    'KEY_PARKED',
    `dead letter ${id} is not replayed: ${before} of the same key comes first\nReplay by key, { group, key }, or discard the first one.`,
  )
}
