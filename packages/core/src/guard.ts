import { atLeast, hook, invalidArgument, knownOptions, oneOf } from './check.ts'
import { DispatcherClosedError, EventStormError } from './dispatch-errors.ts'
import type { DispatcherOptions, Failure } from './options.ts'
import { type Breaker, StormBreaker } from './storm-breaker.ts'
import { promiseOf } from './thenable.ts'

/** How many types of a chain are kept to name the cycle. */
export const trailLength = 16

const dispatcherOptions = ['onError', 'onUnhandled', 'errors', 'maxDepth', 'storm', 'observer']

/**
 * What all topics of a dispatcher share: how deep publishes are nested, what may pass, and where errors go.
 *
 * The fast path asks one question, `depth < open`. Whatever else is wanted (an observer, the storm breaker, collected
 * errors, the end of the trail that names a cycle, closing) lowers `open`, so that it costs nothing while unused.
 */
export class Guard {
  /** Publishes under way, each nested in the one before. */
  depth = 0
  /** The depth from which on every publish has to be looked at; now and then lower than the options say. */
  open = 0
  closed = false
  /** Events dropped by the storm breaker. */
  shed = 0
  readonly options: DispatcherOptions
  readonly maxDepth: number
  /** Whether the errors of one publish are thrown together. */
  readonly collects: boolean
  readonly #fullyOpen: number
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
    this.collects = oneOf(options.errors, ['report', 'throw'], 'errors') === 'throw'
    this.maxDepth = atLeast(options.maxDepth ?? 64, 1, 'maxDepth')
    // Small integers to the engine, and more than publishes can ever nest.
    const deepest = Math.min(this.maxDepth, 2 ** 29)
    this.#fullyOpen = options.observer || storm || this.collects ? 0 : Math.max(0, deepest - trailLength)
    this.open = this.#fullyOpen
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

  close(): void {
    this.closed = true
    this.open = 0
  }

  /** Throws where a handler cannot be taken in. */
  checkHandler(type: string, handler: unknown): void {
    if (this.closed) throw new DispatcherClosedError(`subscribe to "${type}"`)
    if (typeof handler !== 'function') {
      throw invalidArgument(`handler of "${type}"`, 'a function', handler, 'Pass a function.')
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
    this.open = 0
    // By then the stack is empty: even where it overflowed, so that a publish did not come to its end.
    queueMicrotask(() => {
      this.depth = 0
      this.#calm()
    })
    return storm
  }

  #calm(): void {
    this.#storm = undefined
    if (!this.closed) this.open = this.#fullyOpen
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
