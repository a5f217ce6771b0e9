import { defineEvent } from '@tidings/events'
import { z } from 'zod'
import {
  type Bus,
  createBus,
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterStore,
  handler,
  memory,
  type ReplayOptions,
} from '../../src/index.ts'
import { connectTo, ManualClock, quiet } from './recording-member.ts'
import { logOfProblems } from './shop.ts'

const schema = z.object({ n: z.int(), k: z.int() })
const key = ({ k }: { readonly k: number }): string => `k${k}`
const definitions = [defineEvent('model.a', { schema, key }), defineEvent('model.b', { schema, key })] as const

export interface ReplaySetting {
  /** The broker's own store, where letters are a part of the settlement; or how a store of the application answers. */
  readonly store: "the broker's" | 'at once' | 'late' | 'now and then' | 'late, now and then'
  readonly deadLetter: 'park' | 'park-key'
  readonly concurrency: number
  readonly attempts: 1 | 2
  /** Buses of the group; the first one replays. */
  readonly members: number
  /** Chances from 0 up to, not with, 1, taken one after the other, over and over: the high ones are trouble. */
  readonly chances: readonly number[]
}

export interface ReplayStep {
  readonly filter: Pick<DeadLetterFilter, 'type' | 'key' | 'reason'>
  readonly limit: number | undefined
  readonly edit: 'none' | 'same' | 'leaves out' | 'spoils' | 'throws'
  readonly isEditAsync: boolean
  /** Turns of the event loop until the next step. */
  readonly turns: number
}

interface Fact {
  readonly k: number
  handled: number
  isDiscarded: boolean
}

/** One group whose letters are replayed, edited, discarded and given up again, with the book of what must hold. */
export class ReplayWorld {
  readonly problems: string[] = []
  readonly clock: ManualClock = new ManualClock()
  readonly #setting: ReplaySetting
  readonly #facts: Fact[] = []
  readonly #broken = new Set<number>()
  /** The events of each key, in the order in which each was first handled. */
  readonly #order = new Map<number, number[]>()
  readonly #stops: AbortController[] = []
  readonly #running = new Set<Promise<unknown>>()
  readonly #buses: Bus[] = []
  readonly #transport = memory()
  #store: DeadLetterStore | undefined
  #taken = 0
  #isWell = false
  #wasClosed = false
  #wasDiscarded = false

  constructor(setting: ReplaySetting) {
    this.#setting = setting
  }

  async open(): Promise<void> {
    if (this.#setting.store !== "the broker's") {
      const { connection } = await connectTo(memory(), this.clock)
      this.#store = this.#troubled(connection.deadLetters!)
    }
    for (let member = 0; member < this.#setting.members; member++) this.#buses.push(await this.#bus())
  }

  async publish(type: 0 | 1, k: number, isBroken: boolean): Promise<void> {
    const n = this.#facts.length
    this.#facts.push({ k, handled: 0, isDiscarded: false })
    if (isBroken) this.#broken.add(n)
    await this.#buses[0]!.publish(definitions[type], { n, k })
  }

  mend(n: number | undefined): void {
    if (n === undefined) this.#broken.clear()
    else this.#broken.delete(n)
  }

  async replay({ filter, limit, edit, isEditAsync, turns }: ReplayStep): Promise<void> {
    const stop = new AbortController()
    this.#stops.push(stop)
    this.#replay(filter, { limit, edit: this.#edit(edit, isEditAsync), signal: stop.signal, rate: Infinity })
    await quiet(turns)
  }

  abort(at: number): void {
    if (this.#stops.length > 0) this.#stops[at % this.#stops.length]!.abort()
  }

  async discard(): Promise<void> {
    const [letter] = await this.#letters()
    if (letter === undefined) return
    const fact = this.#facts[numberOf(letter)]!
    this.#wasDiscarded = true
    // Whatever the store answers, the letter may be gone.
    fact.isDiscarded = true
    this.#follow(this.#buses[0]!.deadLetters.discard({ ids: [letter.id] }).catch(() => {}))
  }

  async reopen(member: number): Promise<void> {
    const at = member % this.#buses.length
    this.#wasClosed = true
    await this.#close(this.#buses[at]!)
    this.#buses[at] = await this.#bus()
  }

  async pass(milliseconds: number): Promise<void> {
    for (let part = 0; part < 10; part++) {
      this.clock.advance(milliseconds / 10)
      await quiet(3)
    }
  }

  /** Mends everything, lets it come to rest, replays what is left, and looks at what became of each event. */
  async finish(): Promise<void> {
    this.#isWell = true
    this.#broken.clear()
    await this.#until(() => this.#running.size === 0, 'replays or discards hang')
    await this.#rest()
    for (let time = 0; time < 3 && (await this.#letters()).length > 0; time++) {
      // A mark whose letter nobody sent, since its bus was closed, is passed over for so long.
      await this.pass(11 * 60_000)
      this.#replay({}, { rate: Infinity })
      await this.#until(() => this.#running.size === 0, 'the last replay hangs')
      await this.#rest()
    }
    const left = await this.#letters()
    if (left.length > 0) this.problems.push(`no replay brings these to an end: ${left.map(numberOf).join()}`)
    for (const [n, { handled, isDiscarded }] of this.#facts.entries()) {
      if (handled === 0 && !isDiscarded) this.problems.push(`event ${n} is lost`)
      // A bus that is closed gives back what it was done with and could not note.
      if (handled > 1 && !this.#wasClosed) this.problems.push(`event ${n} is handled ${handled} times`)
    }
    if (this.#setting.deadLetter === 'park-key' && !this.#wasDiscarded) this.#checkOrder()
    for (const bus of this.#buses) await this.#close(bus)
    // Handlers that were left behind have timers of their own.
    await this.pass(3000)
    if (this.clock.timers > 0) this.problems.push(`${this.clock.timers} timers are left behind`)
  }

  #checkOrder(): void {
    for (const [k, order] of this.#order) {
      if (order.some((n, at) => at > 0 && n < order[at - 1]!))
        this.problems.push(`the order of k${k} is ${order.join()}`)
    }
  }

  #bus(): Promise<Bus> {
    const { deadLetter, concurrency, attempts } = this.#setting
    const retry = { attempts, delay: 1000, jitter: false } as const
    const policy = { group: 'g', deadLetter, concurrency, retry, timeout: '1h' } as const
    return createBus({
      source: '/model',
      transport: this.#transport,
      ...(this.#store === undefined ? {} : { deadLetters: this.#store }),
      clock: this.clock,
      random: () => 0,
      log: logOfProblems((problem) => this.problems.push(problem)),
      handlers: [handler(definitions, policy, ({ data }) => this.#handle(data))],
    })
  }

  async #handle({ n, k }: { readonly n: number; readonly k: number }): Promise<void> {
    if (this.#chance() > 0.7) {
      const time = Math.floor(this.#chance() * 3000)
      await new Promise<void>((resolve) => this.clock.after(time, resolve))
    }
    if (this.#broken.has(n)) throw new Error(`${n} is broken`)
    const fact = this.#facts[n]!
    if (fact.handled++ > 0) return
    const order = this.#order.get(k) ?? []
    this.#order.set(k, order)
    order.push(n)
  }

  #edit(how: ReplayStep['edit'], isAsync: boolean): ReplayOptions['edit'] {
    if (how === 'none') return undefined
    const edit = (data: unknown): unknown => {
      const isHit = how !== 'same' && this.#chance() > 0.7
      if (!isHit) return data
      if (how === 'throws') throw new Error('no edit')
      return how === 'spoils' ? 'no event' : undefined
    }
    return isAsync ? async (data) => (await quiet(Math.floor(this.#chance() * 4)), edit(data)) : edit
  }

  #replay(filter: DeadLetterFilter, options: ReplayOptions): void {
    let told = 0
    const replaying = this.#buses[0]!.deadLetters.replay(filter, { ...options, onProgress: () => void told++ }).then(
      ({ replayed, skipped, failed }) => {
        if (replayed + skipped + failed.length !== told)
          this.problems.push('the counts of a replay are not what was told')
        if (replayed > (options.limit ?? Infinity)) this.problems.push('a replay is beyond its limit')
      },
      (error: unknown) => {
        if (!(error instanceof StoreAway)) this.problems.push(`a replay rejects: ${String(error)}`)
      },
    )
    this.#follow(replaying)
  }

  #follow(work: Promise<unknown>): void {
    this.#running.add(work)
    void work.finally(() => this.#running.delete(work))
  }

  async #letters(): Promise<DeadLetter[]> {
    for (let time = 0; time < 50; time++) {
      try {
        const letters: DeadLetter[] = []
        for await (const letter of this.#buses[0]!.deadLetters.list()) letters.push(letter)
        return letters
      } catch (error) {
        if (!(error instanceof StoreAway)) throw error
      }
    }
    return []
  }

  #troubled(store: DeadLetterStore): DeadLetterStore {
    const { store: kind } = this.#setting
    const trouble = <T>(work: () => T | Promise<T>): T | Promise<T> => {
      const isAway = kind.endsWith('now and then') && !this.#isWell && this.#chance() > 0.85
      const answer = (): T | Promise<T> => {
        if (isAway) throw new StoreAway()
        return work()
      }
      if (!kind.startsWith('late')) return answer()
      return (async () => {
        await quiet(Math.floor(this.#chance() * 4))
        return answer()
      })()
    }
    return {
      add: (letter) => trouble(() => store.add(letter)),
      get: (id) => trouble(() => store.get(id)),
      list: (query) => trouble(() => store.list(query)),
      remove: (id) => trouble(() => store.remove(id)),
      firstOfKey: (group, of) => trouble(() => store.firstOfKey(group, of)),
    }
  }

  #chance(): number {
    const { chances } = this.#setting
    return chances[this.#taken++ % chances.length]!
  }

  async #close(bus: Bus): Promise<void> {
    let isClosed = false
    const closing = bus.close({ timeout: 2000 }).then(() => (isClosed = true))
    await this.#until(() => isClosed, 'a close hangs')
    if (isClosed) await closing
  }

  async #rest(): Promise<void> {
    const isBusy = async (): Promise<boolean> => {
      const healths = await Promise.all(this.#buses.map((bus) => bus.health()))
      return healths.some(({ groups }) =>
        groups.some(({ running, held, retrying, waiting = 0 }) => running + held + retrying + waiting > 0),
      )
    }
    for (let time = 0; time < 60; time++) {
      if (!(await isBusy())) return
      await this.pass(2000)
    }
    this.problems.push('it does not come to rest')
  }

  async #until(is: () => boolean, problem: string): Promise<void> {
    for (let time = 0; time < 600 && !is(); time++) {
      this.clock.advance(250)
      await quiet(3)
    }
    if (!is()) this.problems.push(problem)
  }
}

class StoreAway extends Error {}

function numberOf({ message }: DeadLetter): number {
  return (JSON.parse(message.body as string) as { n: number }).n
}
