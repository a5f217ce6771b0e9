import { defineEvent } from '@tidings/events'
import { z } from 'zod'
import { type AnyHandler, handler, PermanentError } from '../../src/index.ts'
import type { Fact, Ledger, Trouble } from './ledger.ts'
import { type ManualClock, quiet } from './recording-member.ts'

export const Keyed = defineEvent('model.keyed', {
  schema: z.object({ n: z.int(), key: z.string() }),
  key: ({ key }) => key,
})
export const Free = defineEvent('model.free', z.object({ n: z.int() }))

/** How a call of a handler ends. `hang` heeds its signal; `late` ends within its grace; `never` is left behind. */
export type Ending = 'fail' | 'permanent' | 'hang' | 'late' | 'never'

export interface Setting {
  /** `memory` does all of a settlement in one step; with `store`, inbox and letters are the application's own. */
  readonly transport: 'memory' | 'store' | 'queue' | 'log'
  readonly concurrency: number
  readonly prefetch: number
  readonly attempts: number
  readonly idempotent: boolean
  readonly deadLetter: 'park' | 'park-key' | 'discard'
  /** The size of its batches; 0 for a handler of single events. */
  readonly batch: number
  /** Whether a batch handler says which events are bad, or throws. */
  readonly marks: boolean
}

export interface Published {
  readonly key: string | undefined
  readonly turns: number
  readonly endings: readonly Ending[]
  readonly troubles: readonly Trouble[]
}

export interface Played extends Fact {
  readonly turns: number
  readonly endings: Ending[]
  /** What is to become of it when nothing comes between. */
  readonly expected: 'handled' | 'given-up'
  readonly hasTroubles: boolean
}

/** A call of a handler, on its way. */
interface Call {
  readonly facts: readonly Played[]
  readonly bus: number
  readonly begun: number
}

const timeout = 1000

/** What came between, of which events may take another course than their own. */
export interface Course {
  /** No duplicate, no lost connection, no end of a bus, no replay. */
  isUndisturbed: boolean
  wasCut: boolean
  /** How many there have been, one after the other. */
  buses: number
}

/** Handlers that do with each event what its script says, and see that nothing runs beside what it must not. */
export class ScriptedHandlers {
  readonly #setting: Setting
  readonly #clock: ManualClock
  readonly #ledger: Ledger
  readonly #course: Course
  readonly #calls = new Set<Call>()
  readonly #order = new Map<string, number[]>()
  readonly #lateOnes: (() => void)[] = []

  constructor(setting: Setting, clock: ManualClock, ledger: Ledger, course: Course) {
    this.#setting = setting
    this.#clock = clock
    this.#ledger = ledger
    this.#course = course
  }

  /** The events of each key, in the order of the first time that each was handled. */
  get order(): ReadonlyMap<string, readonly number[]> {
    return this.#order
  }

  get options(): {
    group: string
    concurrency: number
    prefetch: number
    deadLetter: Setting['deadLetter']
    idempotent: boolean
    timeout: number
    retry: { attempts: number; delay: number; jitter: false }
  } {
    const { concurrency, prefetch, deadLetter, idempotent, attempts } = this.#setting
    const retry = { attempts, delay: 10, jitter: false } as const
    return { group: 'g', concurrency, prefetch, deadLetter, idempotent, timeout, retry }
  }

  /** For one bus. */
  handler(bus: number): AnyHandler {
    const { batch, marks } = this.#setting
    const fact = (n: number): Played => this.#ledger.facts[n] as Played
    if (batch === 0) {
      return handler([Keyed, Free], this.options, ({ data }, context) =>
        this.#call([fact(data.n)], bus, context, (_at, error) => {
          throw error
        }),
      )
    }
    const options = { ...this.options, batch: { size: Math.min(batch, this.#setting.prefetch), wait: 5 } }
    return handler([Keyed, Free], options, (events, context) =>
      this.#call(
        events.map(({ data }) => fact(data.n)),
        bus,
        context,
        (at, error) => {
          if (!marks) throw error
          context.fail(events[at]!, error)
        },
      ),
    )
  }

  /** Lets go what nobody waits for any more. */
  letGo(): void {
    for (const end of this.#lateOnes) end()
  }

  /** What a handler does: at once where it can, as the simplest ones do. */
  #call(
    facts: readonly Played[],
    bus: number,
    context: { readonly signal: AbortSignal },
    fail: (at: number, error: unknown) => void,
  ): void | Promise<void> {
    if (this.#setting.batch > 0 && context.signal.aborted) {
      this.#problem(`event ${facts[0]!.n} is handled in vain`)
    }
    const call = { facts, bus, begun: this.#clock.now() }
    this.#begin(call)
    const waits = facts.flatMap(({ endings }) => endings[0] ?? []).find(isSlow)
    const turns = Math.max(...facts.map((fact) => fact.turns))
    if (turns === 0 && waits === undefined) return this.#end(call, fail)
    const { signal } = context
    signal.addEventListener('abort', () => {
      // Of many, nobody can tell which one took the time of all.
      if (facts.length === 1 && isTimeout(signal.reason)) this.#failed(facts[0]!)
    })
    return (async () => {
      try {
        await quiet(turns)
        if (waits !== undefined) await this.#slowly(waits, signal)
        signal.throwIfAborted()
      } catch (error) {
        this.#calls.delete(call)
        throw error
      }
      this.#end(call, fail)
    })()
  }

  #begin(call: Call): void {
    const { concurrency } = this.#setting
    // What was left behind, or belongs to a bus that was closed, is nobody's any more.
    const now = this.#clock.now()
    const others = [...this.#calls].filter(({ bus, begun }) => bus === call.bus && now < begun + 2 * timeout)
    if (others.length >= concurrency) {
      this.#problem(`${others.length + 1} calls at once, of ${concurrency}`)
    }
    const keys = others.flatMap(({ facts }) => facts.map(({ key }) => key))
    for (const [i, { n, key }] of call.facts.entries()) {
      const isTaken = keys.includes(key) || call.facts.slice(0, i).some((other) => other.key === key)
      if (key !== undefined && isTaken) this.#problem(`event ${n} beside another one of key ${key}`)
    }
    this.#calls.add(call)
  }

  #end(call: Call, fail: (at: number, error: unknown) => void): void {
    this.#calls.delete(call)
    // By place: a batch may have two copies of one event.
    const bad = call.facts.flatMap(({ endings }, at) => (endings.length > 0 ? [at] : []))
    const { marks, batch } = this.#setting
    // One that throws for many has done nothing yet.
    if (batch > 0 && !marks && bad.length > 0 && call.facts.length > 1) throw new Error('one of these')
    for (const [at, fact] of call.facts.entries()) if (!bad.includes(at)) this.#handled(fact)
    for (const at of bad) {
      const ending = this.#failed(call.facts[at]!)
      fail(at, ending === 'permanent' ? new PermanentError('permanent') : new Error('failed'))
    }
  }

  #failed(fact: Played): Ending | undefined {
    fact.failures++
    if (this.#course.isUndisturbed && !fact.isTwice && fact.failures > this.#setting.attempts + fact.unparked) {
      this.#problem(`event ${fact.n} has failed ${fact.failures} times, of ${this.#setting.attempts}`)
    }
    return fact.endings.shift()
  }

  #handled(fact: Played): void {
    fact.handled++
    if (this.#setting.idempotent) {
      // What was lost before its settlement has neither effects nor mark, and comes again as if it had not been here.
      if (fact.isMarked || (fact.handled > 1 && !fact.wasLost)) this.#problem(`event ${fact.n} handled again`)
    } else {
      // A log hands out again what was acked behind its position, a queue what was given back while it was being given up.
      const isOpen = this.#setting.transport === 'log' || fact.hasTroubles
      const mayRepeat = fact.isTwice || this.#course.wasCut || (this.#course.buses > 1 && isOpen)
      if (fact.handled > 1 && !mayRepeat) this.#problem(`event ${fact.n} handled again`)
    }
    if (fact.handled > 1 || fact.key === undefined) return
    const order = this.#order.get(fact.key) ?? []
    this.#order.set(fact.key, order)
    order.push(fact.n)
  }

  async #slowly(ending: Ending, signal: AbortSignal): Promise<void> {
    if (ending === 'hang') {
      await new Promise<void>((_resolve, reject) => {
        if (signal.aborted) reject(signal.reason)
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    } else {
      await new Promise<void>((resolve) => {
        this.#lateOnes.push(resolve)
        if (ending === 'late') this.#clock.after(1.5 * timeout, resolve)
      })
    }
  }

  #problem(text: string): void {
    this.#ledger.problems.push(text)
  }
}

function isSlow(ending: Ending): boolean {
  return ending === 'hang' || ending === 'late' || ending === 'never'
}

function isTimeout(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ATTEMPT_TIMEOUT'
}
