import { EventStormError, milliseconds } from '@tidings/core'
import { invalidArgument, over } from '@tidings/core/tools'
import type { LoadOptions } from '../decider/load.ts'
import { ConcurrencyError } from '../errors.ts'
import type { LoggedEvent, Recorder, RecordWrite, StreamAppend } from '../recorder/recorder.ts'
import { nameOf } from '../store/checks.ts'
import type { EventStore } from '../store/event-store.ts'
import { recordedOf } from '../store/recorded.ts'
import { Appends } from './appends.ts'
import { type Due, isEarlier } from './due-times.ts'
import { type Cause, dueOf, type Instance, Instances, textOf, type Timeout } from './instance.ts'
import type { Process, ProcessContext, Reaction, Refusal } from './process.ts'
import { ProcessError, type ReactionPlace } from './process-error.ts'

/** What turns of a process stand on. */
export interface TurnScope<State> {
  readonly store: EventStore
  readonly process: Process<State>
  readonly load: LoadOptions
  readonly maxDepth: number
  now(): number
}

/** The log failed, and not the process. */
export class LogFailure extends Error {
  constructor(cause: unknown) {
    super('the log failed', { cause })
  }
}

/** The last date that there is, milliseconds since 1970. */
const latest = 8.64e15

/** More refusals in a row than this are a cycle. */
const mostRefusals = 100

/**
 * What some events and timeouts come to, one after the other: each sees what those before it have brought about. Nothing
 * is written; a turn in which one has failed is thrown away.
 */
export class Turn<State> {
  readonly #scope: TurnScope<State>
  /** On a log whose failures are told from those of the process. */
  readonly #store: EventStore
  readonly #instances: Instances<State>
  readonly #touched = new Map<string, Instance>()
  readonly #appends: Appends

  constructor(scope: TurnScope<State>) {
    const { recorder } = scope.store
    const asked = over<Recorder>(recorder, {
      readRecord: (key) => recorder.readRecord(key).catch(fail),
      readStream: (query) => recorder.readStream(query).catch(fail),
    })
    this.#scope = scope
    this.#store = over<EventStore>(scope.store, { recorder: asked })
    this.#instances = new Instances(asked, scope.process)
    this.#appends = new Appends(this.#store, scope.load)
  }

  /** The earliest time at which an instance is due, with what this turn has changed. */
  due(kept: { first(but: { has(key: string): boolean }): Due | undefined }): Due | undefined {
    let earliest = kept.first(this.#touched)
    for (const { key, timeouts } of this.#touched.values()) {
      const due = dueOf(key, timeouts)
      if (due !== undefined && (earliest === undefined || isEarlier(due, earliest))) earliest = due
    }
    return earliest
  }

  /** Whose times are others behind this turn. */
  get moves(): readonly (readonly [from: Due | undefined, to: Due | undefined])[] {
    return [...this.#touched.values()].map(
      ({ key, timeouts, was }) => [dueOf(key, was.timeouts), dueOf(key, timeouts)] as const,
    )
  }

  get appends(): readonly StreamAppend[] {
    return this.#appends.all
  }

  get records(): readonly RecordWrite[] {
    return [...this.#touched.values()].flatMap((instance) => this.#instances.writesFor(instance))
  }

  /** Whether what is to be written to the stream was decided by what it had. */
  isDecided(stream: string): boolean {
    return this.#appends.isRead(stream)
  }

  /**
   * Lets the instance of an event react to it.
   *
   * @throws ProcessError when it cannot; LogFailure; ConcurrencyError
   */
  async event(logged: LoggedEvent): Promise<void> {
    const { process, store, maxDepth } = this.#scope
    const { id, type } = logged.event.attributes
    const place = { process: process.name, key: undefined, at: `event ${String(id)} ("${String(type)}")` }
    const { event, ...where } = await told(place, 'it cannot be read', () => recordedOf(logged, store.events), true)
    const key = await told(place, '`key` threw', () => process.key(event, { stream: where.stream }))
    if (key === undefined) return
    const at = { ...place, key }
    await told(at, 'its key is no name', () => nameOf(key, 'key'))
    const instance = await this.#instance(key, at)
    if (instance.text === undefined) {
      const { begins } = process
      if (begins !== undefined && !begins.some((each) => each.type === event.type)) return
      instance.text = await told(at, '`initial` threw', () => textOf(process.initial()))
    }
    if (event.causationDepth > maxDepth)
      throw new ProcessError(at, 'it is a storm', storm(event.causationDepth, [event.type]))
    const what = { place: at, cause: event, depth: event.causationDepth }
    await this.#react(instance, what, (state, context) => process.react(state, event, { ...where, ...context }))
  }

  /** Lets an instance react to its earliest timeout, which it has no more. */
  async timeout({ key }: Due): Promise<void> {
    const { process, maxDepth } = this.#scope
    const instance = await this.#instance(key, this.#placeOf(key))
    const [timeout, ...others] = instance.timeouts
    // What is due was read before: an instance that has ended meanwhile is due no more.
    const { name, cause } = timeout!
    const at = this.#placeOf(key, name)
    instance.timeouts = others
    if (cause.causationDepth > maxDepth) throw new ProcessError(at, 'it is a storm', storm(cause.causationDepth, []))
    if (process.timedOut === undefined) throw new ProcessError(at, 'it has no `timedOut`', undefined)
    const what = { place: at, cause, depth: cause.causationDepth + 1 }
    await this.#react(instance, what, (state, context) => process.timedOut!(state, name, context))
  }

  /** Takes an instance its earliest timeout, and lets it not react. */
  async drop({ key }: Due): Promise<void> {
    const instance = await this.#instance(key, this.#placeOf(key))
    instance.timeouts = instance.timeouts.slice(1)
  }

  #placeOf(key: string, timeout?: string): ReactionPlace {
    const at = timeout === undefined ? 'a timeout' : `timeout "${timeout}"`
    return { process: this.#scope.process.name, key, at }
  }

  async #instance(key: string, place: ReactionPlace): Promise<Instance> {
    const touched = this.#touched.get(key)
    if (touched !== undefined) return touched
    const kept = await this.#instances.read(key)
    const instance = await told(place, 'its state cannot be read', () => this.#instances.opened(key, kept))
    this.#touched.set(key, instance)
    return instance
  }

  /** One reaction, and those to the refusals of its commands. */
  async #react(
    instance: Instance,
    what: { readonly place: ReactionPlace; readonly cause: Cause; readonly depth: number },
    first: (state: State, context: ProcessContext) => Reaction<State> | undefined,
  ): Promise<void> {
    const { process } = this.#scope
    const { place } = what
    const now = this.#scope.now()
    const context = { key: instance.key, now: new Date(now) }
    const refusals: Refusal[] = []
    let isOver = false
    const step = async (failure: string, react: typeof first): Promise<void> => {
      const state = JSON.parse(instance.text!) as State
      const reaction = await told(place, failure, () => checked(react(state, context)))
      const refused = await this.#carryOut(reaction, place, what.cause)
      instance.text = await told(place, 'its state is no JSON', () => textOf(reaction.state ?? state))
      instance.timeouts = await told(place, 'its timeouts are none', () =>
        timeoutsOf(instance.timeouts, reaction, { ...what, now }),
      )
      refusals.push(...refused)
      // With a command that is refused it is not over: what follows from the refusal says so.
      isOver ||= reaction.ends === true && refused.length === 0
    }
    await step('it threw', first)
    for (let count = 0; refusals.length > 0; count++) {
      const refusal = refusals.shift()!
      const refused = `stream "${refusal.stream}" refused a command`
      if (process.refused === undefined || count >= mostRefusals) throw new ProcessError(place, refused, refusal.error)
      await step(`\`refused\` threw when ${refused}`, (state) => process.refused!(state, refusal, context))
    }
    if (!isOver) return
    instance.text = undefined
    instance.timeouts = []
  }

  /** Gathers what is to be appended. Answers which commands were refused. */
  async #carryOut(
    { commands = [], events = [] }: Reaction<State>,
    place: ReactionPlace,
    cause: Cause,
  ): Promise<Refusal[]> {
    const refusals: Refusal[] = []
    for (const command of commands) {
      const refusal = await told(place, `its command for stream "${command?.stream}" comes to no events of it`, () =>
        this.#appends.decide(command, cause),
      )
      if (refusal !== undefined) refusals.push(refusal)
    }
    for (const each of events) {
      await told(place, `its events for stream "${each?.stream}" are none`, () => this.#appends.add(each, cause))
    }
    return refusals
  }
}

/** The timeouts that an instance has behind a reaction. */
function timeoutsOf(
  former: readonly Timeout[],
  { timeouts = {}, cancel = [] }: Reaction,
  { cause, depth, now }: { readonly cause: Cause; readonly depth: number; readonly now: number },
): readonly Timeout[] {
  const { id, correlationId } = cause
  if (cancel.length === 0 && Object.keys(timeouts).length === 0) return former
  const gone = new Set([...cancel, ...Object.keys(timeouts)])
  const left = former.filter(({ name }) => !gone.has(name))
  const set = Object.entries(timeouts).map(([name, time]): Timeout => {
    const at = time instanceof Date ? timeOf(time, name) : now + milliseconds(time, `timeouts.${name}`)
    const due = Math.min(Math.ceil(at), latest)
    // What waits is no storm: it begins anew.
    return { name, due, cause: { id, correlationId, causationDepth: due > now ? 0 : depth } }
  })
  return [...left, ...set].toSorted((a, b) => a.due - b.due)
}

function timeOf(date: Date, name: string): number {
  const time = date.getTime()
  if (Number.isNaN(time)) throw invalidArgument(`timeouts.${name}`, 'a duration or a date', date)
  return Math.max(0, time)
}

function checked<State>(reaction: Reaction<State> | undefined): Reaction<State> {
  if (reaction === undefined) return {}
  const known = ['state', 'commands', 'events', 'timeouts', 'cancel', 'ends']
  const isReaction = typeof reaction === 'object' && reaction !== null && !('then' in reaction)
  if (!isReaction) throw invalidArgument('a reaction', 'an object, or nothing', reaction, 'It is not asynchronous.')
  for (const part of ['commands', 'events', 'cancel'] as const) {
    const list: unknown = reaction[part]
    if (list !== undefined && !Array.isArray(list))
      throw invalidArgument(part, 'an array', list, 'Put a single one into [].')
  }
  const other = Object.keys(reaction).find((part) => !known.includes(part))
  if (other === undefined) return reaction
  throw invalidArgument('a reaction', `an object of ${known.join(', ')}`, other, 'A state goes into `state`.')
}

/** What `run` gives; what it throws tells whose and where, unless it was the log, or somebody was quicker. */
async function told<Result>(
  place: ReactionPlace,
  what: string,
  run: () => Result | Promise<Result>,
  isFinal = false,
): Promise<Result> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof LogFailure || error instanceof ConcurrencyError) throw error
    const failure = new ProcessError(place, what, error)
    // What cannot be read now cannot be read later.
    throw isFinal ? Object.assign(failure, { retryable: false }) : failure
  }
}

function fail(error: unknown): never {
  throw new LogFailure(error)
}

function storm(depth: number, cycle: readonly string[]): EventStormError {
  return Object.assign(
    new EventStormError(
      `${depth} events or timeouts led to it, each caused by the one before\nFind the cycle by their correlation id, or raise \`maxDepth\` of runProcess.`,
      cycle,
    ),
    { retryable: false },
  )
}
