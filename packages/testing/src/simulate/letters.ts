import { type DeadLetter, type DeadLetterStore, keyOf } from '@tidings/bus'
import type { Stage } from './broker.ts'
import type { Life } from './life.ts'
import { takeStep } from './step.ts'

/** The dead letters of a broker, in the order of their arrival. */
export class SimulatedLetters implements DeadLetterStore {
  readonly #stage: Stage
  readonly #letters = new Map<string, DeadLetter>()

  constructor(stage: Stage) {
    this.#stage = stage
  }

  add(letter: DeadLetter): void {
    const { trace, ledger } = this.#stage
    this.#letters.set(letter.id, letter)
    ledger.parks(trace.group(letter.group), letter)
  }

  get(id: string): DeadLetter | undefined {
    return this.#letters.get(id)
  }

  list({ group, after, limit }: Parameters<DeadLetterStore['list']>[0]): DeadLetter[] {
    const found = this.#of(group)
    const begin = after === undefined ? 0 : found.findIndex(({ id }) => id === after) + 1
    return found.slice(begin, begin + limit)
  }

  remove(id: string): boolean {
    const letter = this.#letters.get(id)
    if (letter === undefined) return false
    const { trace, ledger } = this.#stage
    ledger.unparks(trace.group(letter.group), String(letter.message.attributes['id']))
    return this.#letters.delete(id)
  }

  firstOfKey(group: string, key: string): DeadLetter | undefined {
    return this.#of(group).find(({ message }) => keyOf(message) === key)
  }

  /** As far as a client reaches it: what an operator discards is given up for good. */
  forClient(): DeadLetterStore {
    const { trace, ledger } = this.#stage
    return this.#with({
      remove: (id) => {
        const letter = this.get(id)
        const isRemoved = this.remove(id)
        if (letter) ledger.givesUp(trace.group(letter.group), String(letter.message.attributes['id']))
        return isRemoved
      },
    })
  }

  /** As far as a process reaches it, which may die as it changes a letter. */
  forProcess(life: Life): DeadLetterStore {
    const { trace } = this.#stage
    return this.#with({
      add: (letter) => {
        const name = trace.nameOf(letter.message)
        const what = `the letter of ${name} of ${trace.group(letter.group)}`
        return takeStep(this.#stage, life, { place: 'park', what, about: name, act: () => this.add(letter) })
      },
    })
  }

  #with(changes: Partial<DeadLetterStore>): DeadLetterStore {
    return {
      add: (letter) => this.add(letter),
      get: (id) => this.get(id),
      list: (query) => this.list(query),
      remove: (id) => this.remove(id),
      firstOfKey: (group, key) => this.firstOfKey(group, key),
      ...changes,
    }
  }

  #of(group: string | undefined): DeadLetter[] {
    return [...this.#letters.values()].filter((letter) => group === undefined || letter.group === group)
  }
}
