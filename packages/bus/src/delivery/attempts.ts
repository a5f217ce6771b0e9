import { EventStormError } from '@tidings/core'
import { isThenable } from '@tidings/core/tools'
import type { AnyDefinedEvent, TidingsEvent } from '@tidings/events'
import type { Handler } from '../handler/handler.ts'
import type { Message } from '../message/message.ts'
import { readEvent } from '../message/read.ts'
import type { Incoming } from '../middleware.ts'
import { inTime, type Overdue } from './in-time.ts'
import type { Job } from './job.ts'
import { JobContext } from './job-context.ts'
import { OnceOnly } from './once-only.ts'
import { failureOf, giveBack, type Outcome, type Step } from './outcome.ts'
import { refusalOf } from './refusal.ts'
import { type Runtime, throughReceivers } from './runtime.ts'

/** The attempts of one group at its deliveries: whether a handler is to see them, and its call. */
export class Attempts implements Overdue {
  overdue = 0
  readonly #runtime: Runtime
  readonly #group: string
  readonly #onceOnly: OnceOnly

  /** `persist` does a step until it is done, or the delivery is ours no more. */
  constructor(runtime: Runtime, group: string, persist: (job: Job, step: () => unknown) => Step) {
    this.#runtime = runtime
    this.#group = group
    this.#onceOnly = new OnceOnly(runtime, group, { receive: (job, handler) => this.#receive(job, handler), persist })
  }

  /**
   * One attempt at one delivery. Neither throws nor rejects, and is a promise only where something has to be waited for:
   * promises that wait for nothing cost a trivial handler a third of its throughput. `onTwin` is told when it has to wait
   * for a duplicate to end.
   */
  make(job: Job, handler: Handler | undefined, onTwin?: () => void): Outcome | Promise<Outcome> {
    try {
      const refused = refusalOf(this.#runtime, this.#group, job, handler)
      const outcome =
        refused instanceof Promise
          ? refused.then((is) => is ?? this.#begin(job, handler!, onTwin))
          : (refused ?? this.#begin(job, handler!, onTwin))
      return outcome instanceof Promise ? outcome.catch(failureOf) : outcome
    } catch (error) {
      return failureOf(error)
    }
  }

  #begin(job: Job, handler: Handler, onTwin: (() => void) | undefined): Outcome | Promise<Outcome> {
    if (handler.policy.idempotent) return this.#onceOnly.handle(job, handler, onTwin)
    const received = this.#receive(job, handler)
    return received === undefined ? 'handled' : received.then(() => 'handled')
  }

  /** Reads the event and calls its handler, within the middleware. */
  #receive(job: Job, handler: Handler): Step {
    // Lost, or given back, while the inbox was waited for: the next member has it now.
    if (job.gone) throw giveBack
    const { message } = job.delivery
    if (this.#runtime.receivers.length === 0) return this.#handle(job, message, handler)
    // What a middleware passes on may differ from attempt to attempt.
    job.event = undefined
    return throughReceivers(this.#runtime, this.#incoming(job), async (last) =>
      this.#handle(job, last.message, handler),
    )
  }

  #incoming({ delivery, attempt }: Job): Incoming {
    return { message: delivery.message, group: this.#group, attempt }
  }

  #handle(job: Job, message: Message, handler: Handler): Step {
    if (job.gone) throw giveBack
    const runtime = this.#runtime
    const event = (job.event ??= readEvent(message, definitionFor(runtime, handler, message)))
    if (event.causationDepth > runtime.maxDepth) throw storm(event)
    const context = new JobContext(runtime, this.#incoming(job), event)
    job.context = context
    const result = handler.handle(event, context)
    const ended = isThenable(result) ? Promise.resolve(result).then(() => context.effects()) : context.effects()
    if (ended === undefined) return undefined
    const { timeout } = handler.policy
    const { clock } = runtime
    return inTime({ clock, group: this.#group, type: event.type, timeout, contexts: [context], overdue: this }, ended)
  }
}

/** The handler's own definition, where it has one for the type: another one may be of another version. */
function definitionFor({ events }: Runtime, { definitions }: Handler, message: Message): AnyDefinedEvent | undefined {
  const { type } = message.attributes
  return definitions.find((definition) => definition.type === type) ?? events.get(String(type))
}

function storm({ type, causationDepth }: TidingsEvent): EventStormError {
  return new EventStormError(
    `an event "${type}" is the effect of ${causationDepth} events, each caused by the one before\n` +
      'Find the cycle by their correlation id, or raise `maxDepth` of createBus.',
    [type],
  )
}
