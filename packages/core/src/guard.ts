import { atLeast, hook, invalidArgument, knownOptions, oneOf, shown } from './check.ts'
import { DispatcherClosedError, EventStormError } from './dispatch-errors.ts'
import type { DispatcherOptions, Failure } from './options.ts'
import { type Breaker, StormBreaker } from './storm-breaker.ts'
import { promiseOf } from './thenable.ts'

/** How many types of a chain are kept to name the cycle. */
export const trailLength = 16

const dispatcherOptions = ['onError', 'onUnhandled', 'errors', 'maxDepth', 'storm', 'observer']

/** More than publishes can ever nest, and still a small integer to the engine. */
const shut = 2 ** 29

/**
 * What all topics of a dispatcher share: how deep publishes are nested, what may pass, and where errors go.
 *
 * The fast path asks one question, `room > 0`. Whatever else is wanted (an observer, the storm breaker, collected errors,
 * the end of the trail that names a cycle, closing) takes the room away, so that it costs nothing while unused.
 */
export class Guard {
  /** How much deeper publishes may nest before each has to be looked at; one less for every publish under way. */
  room: number
  closed = false
  /** Events dropped by the storm breaker. */
  shed = 0
  readonly options: DispatcherOptions
  readonly maxDepth: number
  /** Whether the errors of one publish are thrown together. */
  readonly collects: boolean
  readonly #open: number
  #shut = 0
  readonly #breaker: StormBreaker | undefined
  readonly #trail: string[] = []
  /** Set from the first refusal until the outermost publish has ended: else every branch would run to the full depth. */
  #storm: EventStormError | undefined = undefined
  #told: EventStormError | undefined = undefined

  constructor(options: DispatcherOptions, more: readonly string[] = []) {
    knownOptions(options, [...dispatcherOptions, ...more], 'the dispatcher')
    hook(options.onError, 'onError')
    hook(options.onUnhandled, 'onUnhandled')
    const { storm } = options
    this.options = options
    this.collects = oneOf(['report', 'throw'], options.errors, 'errors') === 'throw'
    this.maxDepth = atLeast(1, options.maxDepth ?? 64, 'maxDepth')
    this.#open =
      options.observer || storm || this.collects ? 0 : Math.max(0, Math.min(this.maxDepth, shut) - trailLength)
    this.room = this.#open
    this.#breaker =
      storm &&
      new StormBreaker(storm, (type, { state, shed }) => {
        if (storm.onChange) attempt(() => storm.onChange?.({ type, state, shed }))
        else if (state === 'open') {
          this.fail(
            new EventStormError(
              `events "${type}" are shed: more than ${storm.limit} came within ${typeof storm.per === 'number' ? `${storm.per}ms` : (storm.per ?? '1s')}\nFind who publishes them, or raise \`storm.limit\`.`,
              [type],
            ),
            type,
            undefined,
            undefined,
          )
        }
      })
  }

  /** Whether events are counted by type, those without a handler too. */
  get counts(): boolean {
    return this.#breaker !== undefined
  }

  get wantsUnhandled(): boolean {
    return this.options.onUnhandled !== undefined
  }

  /** Publishes under way, each nested in the one before. */
  get depth(): number {
    return this.#open - this.#shut - this.room
  }

  close(): void {
    this.closed = true
    this.#close()
  }

  /** Throws where a handler cannot be taken in. */
  checkHandler(type: string, handler: unknown): void {
    if (this.closed) throw new DispatcherClosedError(`subscribe to "${type}"`)
    if (typeof handler !== 'function') {
      throw invalidArgument(`the handler of "${type}" must be a function, received ${shown(handler)}\nPass a function.`)
    }
  }

  /** Lets an event in: false when it is shed. Throws when the dispatcher is closed or publishes are nested too deep. */
  admit(topic: { readonly key: string; breaker?: Breaker | undefined }, payload: unknown): boolean {
    const { depth, options } = this
    const type = topic.key
    if (this.closed) throw new DispatcherClosedError(`publish of "${type}"`)
    if (depth === 0) this.#calm()
    if (this.#storm || depth >= this.maxDepth) {
      throw (this.#storm ??= this.#begin(
        stormOf(type, depth, this.#trail.slice(Math.max(0, depth - trailLength), depth)),
      ))
    }
    this.#trail[depth] = type
    if (this.#breaker && !this.#breaker.admit(topic)) {
      this.shed++
      attempt(() => options.observer?.shed?.({ type, payload }))
      return false
    }
    attempt(() => options.observer?.published?.({ type, payload }))
    return true
  }

  #begin(storm: EventStormError): EventStormError {
    this.#close()
    // By then the stack is empty: even where it overflowed, so that a publish did not come to its end.
    queueMicrotask(() => {
      this.room = this.#open - this.#shut
      this.#calm()
    })
    return storm
  }

  #calm(): void {
    this.#storm = undefined
    if (this.closed) return
    this.room += this.#shut
    this.#shut = 0
  }

  /** Has every publish looked at, whatever is under way. */
  #close(): void {
    this.room -= shut - this.#shut
    this.#shut = shut
  }

  /** Events carry how many others led to them, over all dispatchers and processes: the same bound holds. */
  checkCausation(type: string, event: unknown): void {
    const depth = (event as { causationDepth?: unknown } | null | undefined)?.causationDepth
    if (typeof depth === 'number' && depth >= this.maxDepth) throw stormOf(type, depth, [])
  }

  unhandled(type: string, payload: unknown): void {
    const { onUnhandled, observer } = this.options
    attempt(() => onUnhandled?.({ type, payload }))
    attempt(() => observer?.unhandled?.({ type, payload }))
  }

  handled(type: string, payload: unknown, handler: string, start: number): void {
    const duration = performance.now() - start
    attempt(() => this.options.observer?.handled?.({ type, payload, handler, duration }))
  }

  /** Sends an error where the options say; one that the publisher gets anyway only to an `onError`. Never throws. */
  fail(error: unknown, type: string, payload: unknown, handler: string | undefined, collected = false): void {
    // Every publish that a storm refuses throws the same error: one report is enough.
    if (error instanceof EventStormError) {
      if (error === this.#told) return
      this.#told = error
    }
    const failure: Failure = { error, type, payload, handler }
    const { onError, observer } = this.options
    if (onError)
      attempt(
        () => onError(failure),
        () => report(failure),
      )
    else if (!collected) report(failure)
    attempt(() => observer?.failed?.(failure))
  }
}

/** Calls a hook of the user, whose own error must not stop an event; `instead` does what the hook has not done. */
function attempt(call: () => unknown, instead?: () => void): void {
  const lost = (error: unknown): void => {
    // oxlint-disable-next-line no-console -- the last place an error can go
    console.error('[tidings] a hook failed:', error)
    instead?.()
  }
  try {
    promiseOf(call())?.catch(lost)
  } catch (error) {
    lost(error)
  }
}

function report({ error, type, handler }: Failure): void {
  // oxlint-disable-next-line no-console -- the default that nothing is swallowed
  console.error(
    handler === undefined ? `[tidings] "${type}":` : `[tidings] handler "${handler}" failed on "${type}":`,
    error,
  )
}

/** The error for a chain of types, oldest first, that was to go on with `type`. */
export function stormOf(type: string, depth: number, trail: string[]): EventStormError {
  const again = trail.lastIndexOf(type)
  const cycle = [...trail.slice(Math.max(0, again)), type]
  return new EventStormError(
    `publish of "${type}" is refused: ${depth} publishes are nested, ${cycle.join(' → ')}\nEnd the cycle, or raise \`maxDepth\`.`,
    cycle,
  )
}
