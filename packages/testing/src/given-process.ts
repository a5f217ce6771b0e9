import { milliseconds } from '@tidings/core'
import { misuse } from '@tidings/core/tools'
import { isEvent, type TidingsEvent } from '@tidings/events'
import type { CommandTo, Process, ProcessContext, Reaction } from '@tidings/store'
import { check, checkError, inWords, noPromise, shownEvents, type Thrown } from './specification.ts'

/** What a process reacts to: an event, a timeout that is due, or that a command of the reaction before was refused. */
export type ProcessInput<Event extends TidingsEvent> =
  | Event
  | { readonly timeout: string }
  | { readonly refused: CommandTo; readonly error?: unknown }

/** Where and when it reacts. */
export interface GivenPlace {
  /** That of the events. Default `stream-1`. */
  readonly stream?: string | undefined
  /** The time of all that happens, for all of it. Default 2026-01-01, UTC. */
  readonly now?: Date | undefined
}

/** What one instance has reacted to before. */
export type GivenProcess<State, Event extends TidingsEvent> = (
  inputs?: readonly ProcessInput<Event>[],
  place?: GivenPlace,
) => {
  /** What it reacts to now. Nothing is done before `then` or `thenThrows`. */
  when(input: ProcessInput<Event>): WhenProcess<State>
}

/** What must come of it. */
export interface WhenProcess<State> {
  /**
   * This reaction, `{}` for none: commands by decider, stream and contents, events by stream, type, version and data,
   * timeouts by when they are due. The state behind it is compared where it is named.
   *
   * @throws SpecificationError when another came, or it threw
   */
  then(expected: Reaction<State>): void
  /**
   * An error, told as for deciders.
   *
   * @throws SpecificationError when another came, or none
   */
  thenThrows(expected?: Thrown): void
}

/** The same for a process. */
export function givenForProcess(process: Process): GivenProcess<unknown, TidingsEvent> {
  return (inputs = [], place = {}) => ({
    when(input) {
      const what = 'the process did not react'
      const react = (withState: boolean): string => {
        const instance = new Instance(process, place)
        for (const each of inputs) instance.take(each)
        const reaction = instance.take(input)
        return shown({ ...reaction, state: instance.state }, instance.now, withState)
      }
      return {
        // oxlint-disable-next-line unicorn/no-thenable -- the word of these specifications; whoever awaits it is told
        then(expected) {
          const withState = noPromise(expected).state !== undefined
          check(what, shown(expected, place.now ?? midnight, withState), () => react(withState))
        },
        thenThrows: (expected) => checkError(what, inWords(expected), () => react(false), expected),
      }
    },
  })
}

const midnight = new Date('2026-01-01T00:00:00Z')

/** One instance, as a store has it. */
class Instance {
  readonly #process: Process
  readonly #stream: string
  readonly now: Date
  #key = ''
  #version = 0
  #timeouts = new Set<string>()
  #isThere = false
  state: unknown

  constructor(process: Process, { stream = 'stream-1', now = midnight }: GivenPlace) {
    this.#process = process
    this.#stream = stream
    this.now = now
  }

  take(input: ProcessInput<TidingsEvent>): Reaction {
    if (isEvent(input)) return this.#event(input)
    if ('timeout' in input) return this.#timeout(input.timeout)
    const { refused, error = new Error('refused') } = input
    if (this.#process.refused === undefined) throw misuse(`process "${this.#process.name}" has no \`refused\``)
    // With a command that is refused it was not over.
    this.#isThere = true
    return this.#apply(this.#process.refused(this.state, { ...refused, error }, this.#context))
  }

  #event(event: TidingsEvent): Reaction {
    const { begins } = this.#process
    const [stream, version] = [this.#stream, ++this.#version]
    const key = this.#process.key(event, { stream })
    if (key === undefined) return {}
    if (version > 1 && key !== this.#key) {
      throw misuse(`an event is of "${key}", and those before are of "${this.#key}"\nSpecify one instance at a time.`)
    }
    this.#key = key
    if (!this.#isThere) {
      if (begins !== undefined && !begins.some(({ type }) => type === event.type)) return {}
      this.#isThere = true
      this.state = jsonOf(this.#process.initial())
    }
    const place = { stream, version, position: version as never, recordedAt: this.now.toISOString() }
    return this.#apply(this.#process.react(this.state, event, { ...place, ...this.#context }))
  }

  #timeout(name: string): Reaction {
    if (!this.#timeouts.delete(name)) {
      const set = [...this.#timeouts].join(', ') || 'none'
      throw misuse(`timeout "${name}" is not set\nThe instance has: ${set}.`)
    }
    if (this.#process.timedOut === undefined) throw misuse(`process "${this.#process.name}" has no \`timedOut\``)
    return this.#apply(this.#process.timedOut(this.state, name, this.#context))
  }

  #apply(reaction: Reaction = {}): Reaction {
    const { state = this.state, timeouts = {}, cancel = [], ends = false } = reaction
    this.state = jsonOf(state)
    for (const name of cancel) this.#timeouts.delete(name)
    for (const name of Object.keys(timeouts)) this.#timeouts.add(name)
    if (ends) this.#timeouts.clear()
    this.#isThere = !ends
    return reaction
  }

  get #context(): ProcessContext {
    return { key: this.#key, now: this.now }
  }
}

/** As it is kept. */
function jsonOf(state: unknown): unknown {
  return JSON.parse(JSON.stringify(state) ?? 'null')
}

/** Numbers of deciders, which have no names: so two commands that look alike are told apart. */
const numbers = new WeakMap<object, number>()
let last = 0

function numberOf(decider: object): number {
  const number = numbers.get(decider) ?? ++last
  numbers.set(decider, number)
  return number
}

function shown(reaction: Reaction, now: Date, withState: boolean): string {
  const { state, commands = [], events = [], timeouts = {}, cancel = [], ends = false } = reaction
  const parts = commands.map(
    ({ decider, stream, command }) => `command for ${stream} (decider ${numberOf(decider)}) ${JSON.stringify(command)}`,
  )
  for (const { stream, events: list } of events) parts.push(`for ${stream}: ${shownEvents(list)}`)
  for (const name of Object.keys(timeouts).toSorted()) {
    const time = timeouts[name]!
    const due = time instanceof Date ? time : new Date(now.getTime() + milliseconds(time, `timeouts.${name}`))
    parts.push(`timeout ${name} at ${due.toISOString()}`)
  }
  if (cancel.length > 0) parts.push(`takes back ${cancel.toSorted().join(', ')}`)
  if (ends) parts.push('ends')
  if (withState) parts.push(`state ${JSON.stringify(jsonOf(state))}`)
  return parts.join('; ') || 'nothing'
}
