import type { AnyHandler, BatchContext, BatchHandler, Delivered, Handler, HandlerContext } from '@tidings/bus'
import { isThenable } from '@tidings/core/tools'
import type { AnyDefinedEvent, EventOf, TidingsEvent } from '@tidings/events'
import type { OrderedFailures } from './ordered-failures.ts'
import { type Call, realWork } from './real-work.ts'

/** One call of a handler with one event, as a test sees it. */
export interface Attempt<Event extends TidingsEvent = TidingsEvent> {
  readonly event: Event
  /** The consumer group, without the source of the bus. */
  readonly group: string
  /** The name of the handler. */
  readonly handler: string
  /** Which attempt it was, from 1. */
  readonly attempt: number
  /** When it began, milliseconds since 1970 on the clock of the test. */
  readonly at: number
  /** `running` until the bus has concluded it, and for good where its delivery was given back or lost. */
  readonly outcome: 'running' | 'handled' | 'failed'
  /** What it threw. */
  readonly error: unknown
}

/** One that the bus waits for. */
export interface RunningAttempt extends Attempt {
  readonly wholeGroup: string
  /** Those of a batch have the same. */
  readonly call: HandlerCall
}

interface HandlerCall extends Call {
  /** How often it has got on. */
  readonly progress: number
}

interface Entry {
  event: TidingsEvent
  group: string
  wholeGroup: string
  handler: string
  attempt: number
  at: number
  outcome: Attempt['outcome']
  error: unknown
  call: HandlerCall
  /** Whether the function of the handler is still under way, whatever the bus thinks of the attempt. */
  underWay: boolean
}

/** Notes every call of the handlers that it has wrapped. */
export class AttemptLog {
  readonly #now: () => number
  readonly #failures: OrderedFailures
  readonly #entries: Entry[] = []
  /** The attempts that the bus has not concluded, by group, event and number. */
  readonly #open = new Map<string, Entry>()
  /** Goes up with everything that happens. */
  changes = 0

  constructor(now: () => number, failures: OrderedFailures) {
    this.#now = now
    this.#failures = failures
  }

  wrap(handler: AnyHandler): AnyHandler {
    if (handler.batch) return this.#wrapBatch(handler)
    const handle = (event: TidingsEvent, context: HandlerContext): unknown =>
      this.#follow([this.#begin(handler, event, context.group, context.attempt, this.#call())], () => {
        this.#failures.throwIfOrdered(handler)
        return handler.handle(event, context)
      })
    return { ...handler, handle } satisfies Handler
  }

  /** The attempts at events of a definition, of one group (or handler, by its name) where it is given. */
  of<Definition extends AnyDefinedEvent>(definition: Definition, group?: string): Attempt<EventOf<Definition>>[] {
    const found: Attempt[] = []
    for (const { underWay: _, call: __, wholeGroup, ...attempt } of this.#entries) {
      if (attempt.event.type !== definition.type) continue
      if (group === undefined || [attempt.group, wholeGroup, attempt.handler].includes(group)) found.push(attempt)
    }
    // The bus read the events by the definition of this type.
    return found as Attempt<EventOf<Definition>>[]
  }

  /** The calls that the bus waits for. */
  running(): RunningAttempt[] {
    return this.#entries.filter(({ underWay, outcome }) => underWay && outcome === 'running')
  }

  handled(delivered: Delivered): void {
    this.#conclude(delivered, 'handled', undefined)
  }

  failed(delivered: Delivered, error: unknown): void {
    this.#conclude(delivered, 'failed', error)
  }

  #wrapBatch(handler: BatchHandler): BatchHandler {
    const handle = (events: readonly TidingsEvent[], context: BatchContext): unknown => {
      const call = this.#call()
      const entries = events.map((event) => {
        const before = this.#entries.filter(
          ({ wholeGroup, event: { id } }) => id === event.id && wholeGroup === context.group,
        )
        return this.#begin(handler, event, context.group, before.length + 1, call)
      })
      return this.#follow(entries, async () => {
        try {
          this.#failures.throwIfOrdered(handler)
          await handler.handle(events, context)
        } catch (error) {
          // Each event is then tried alone, within the same attempt of the bus.
          for (const entry of entries) conclude(entry, 'failed', error)
          throw error
        }
      })
    }
    return { ...handler, handle }
  }

  #call(): HandlerCall {
    const call = {
      progress: 0,
      gotOn: () => {
        call.progress++
        this.changes++
      },
    }
    return call
  }

  #begin(handler: AnyHandler, event: TidingsEvent, wholeGroup: string, attempt: number, call: HandlerCall): Entry {
    const { group, name } = handler
    const entry: Entry = {
      event,
      group,
      wholeGroup,
      handler: name,
      attempt,
      at: this.#now(),
      outcome: 'running',
      error: undefined,
      call,
      underWay: true,
    }
    this.#entries.push(entry)
    this.#open.set(keyOf(wholeGroup, event.id), entry)
    this.changes++
    return entry
  }

  #follow(entries: readonly Entry[], run: () => unknown): unknown {
    const ended = (): void => {
      this.changes++
      for (const entry of entries) entry.underWay = false
    }
    const { call } = entries[0]!
    let result: unknown
    try {
      result = realWork.of(call, run)
    } catch (error) {
      ended()
      throw error
    }
    if (!isThenable(result)) {
      ended()
      return result
    }
    const promised = result
    // Queries of some libraries begin only when their `then` is called.
    return realWork.of(call, () => Promise.resolve(promised)).finally(ended)
  }

  #conclude({ message, group }: Delivered, outcome: 'handled' | 'failed', error: unknown): void {
    this.changes++
    const key = keyOf(group, String(message.attributes['id']))
    const entry = this.#open.get(key)
    if (entry === undefined) return
    this.#open.delete(key)
    conclude(entry, outcome, error)
  }
}

function conclude(entry: Entry, outcome: 'handled' | 'failed', error: unknown): void {
  entry.outcome = outcome
  entry.error = error
}

function keyOf(group: string, id: string): string {
  return `${group} ${id}`
}
