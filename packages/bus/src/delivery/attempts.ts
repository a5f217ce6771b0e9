import { EventStormError } from '@tidings/core'
import { type Inbox, invalidArgument, isThenable } from '@tidings/core/tools'
import type { AnyDefinedEvent, TidingsEvent } from '@tidings/events'
import type { Handler } from '../handler/handler.ts'
import type { Message } from '../message/message.ts'
import { readEvent } from '../message/read.ts'
import type { Incoming } from '../middleware.ts'
import { Deadlines } from './deadlines.ts'
import { type CallTimes, Promised } from './promised.ts'
import type { Job } from './job.ts'
import { JobContext } from './job-context.ts'
import { asked, failureOf, giveBack, type Outcome, unavailable } from './outcome.ts'
import { refusalByKey, refusalOf } from './refusal.ts'
import { type Runtime, throughReceivers } from './runtime.ts'
import type { Survivors } from './survivors.ts'
import { Twins } from './twins.ts'

/** The attempts of one group at its deliveries: whether a handler is to see them, and its call. */
export class Attempts implements CallTimes {
  readonly deadlines: Deadlines
  overdue = 0
  readonly twins: Twins = new Twins()
  readonly #runtime: Runtime
  readonly #group: string
  readonly #survivors: Survivors

  constructor(runtime: Runtime, group: string, survivors: Survivors) {
    this.deadlines = new Deadlines(runtime.clock)
    this.#runtime = runtime
    this.#group = group
    this.#survivors = survivors
  }

  /**
   * One attempt at one delivery. Neither throws nor rejects, and is a promise only where something has to be waited for:
   * promises that wait for nothing cost a trivial handler a third of its throughput. `onTwin` is told when it has to wait
   * for a duplicate to end.
   */
  make(job: Job, handler: Handler | undefined, onTwin?: () => void): Outcome | Promise<Outcome> {
    try {
      const deaths = this.#survivors.deathsOf(job)
      const refused = refusalOf(this.#runtime, this.#group, job, handler, deaths)
      if (refused instanceof Promise) return this.#makeLater(refused, job, handler, onTwin)
      return refused ?? this.#begin(job, handler!, onTwin, false)
    } catch (error) {
      return failureOf(error)
    }
  }

  // What waits stands in methods of its own here: a function with a closure in it makes room for what that sees each time
  // that it is called, a tenth of all that an event takes where none of it waits.

  #makeLater(
    refused: Promise<Outcome | undefined>,
    job: Job,
    handler: Handler | undefined,
    onTwin: (() => void) | undefined,
  ): Promise<Outcome> {
    return refused.then((is) => is ?? this.#begin(job, handler!, onTwin, true)).catch(failureOf)
  }

  /** `isLate`: something was waited for, so that even what ends at once is concluded only later. */
  #begin(job: Job, handler: Handler, onTwin: (() => void) | undefined, isLate: boolean): Outcome | Promise<Outcome> {
    if (!handler.policy.idempotent) return this.#unlessParked(job, handler)
    const twin = this.twins.endOf(job)
    if (twin !== undefined) return this.#behindTwin(twin, job, handler, onTwin)
    if (isLate) this.twins.begins(job)
    const outcome = this.#unlessKnown(job, handler)
    if (outcome instanceof Promise) this.twins.begins(job)
    return outcome
  }

  /** A duplicate waits for what becomes of its twin: left out after a success, handled after a failure. */
  #behindTwin(twin: Promise<boolean>, job: Job, handler: Handler, onTwin: (() => void) | undefined): Promise<Outcome> {
    onTwin?.()
    return twin
      .then((handled): Outcome | Promise<Outcome> => (handled ? 'duplicate' : this.#begin(job, handler, onTwin, true)))
      .catch(failureOf)
  }

  #unlessKnown(job: Job, handler: Handler): Outcome | Promise<Outcome> {
    const { inbox } = this.#runtime
    if (inbox !== undefined) return this.#unlessIn(inbox, job, handler)
    return job.delivery.handledBefore === true ? 'duplicate' : this.#unlessParked(job, handler)
  }

  #unlessIn(inbox: Inbox, job: Job, handler: Handler): Outcome | Promise<Outcome> {
    const known = asked(() => inbox.has(identityOf(job), this.#group))
    const decided = (is: boolean): Outcome | Promise<Outcome> => {
      // Whatever else stands for true or false there: to take it for either may lose the event, or repeat it.
      if (typeof is !== 'boolean') return unavailable(noAnswer(is))
      return is ? 'duplicate' : this.#unlessParked(job, handler)
    }
    return known instanceof Promise ? known.then(decided).catch(failureOf) : decided(known)
  }

  #unlessParked(job: Job, handler: Handler): Outcome | Promise<Outcome> {
    const refused = refusalByKey(this.#runtime, this.#group, job, handler)
    return refused instanceof Promise
      ? this.#receiveLater(refused, job, handler)
      : (refused ?? this.#receive(job, handler))
  }

  #receiveLater(refused: Promise<Outcome | undefined>, job: Job, handler: Handler): Promise<Outcome> {
    return refused.then((is) => is ?? this.#receive(job, handler)).catch(failureOf)
  }

  /** Reads the event and calls its handler, within the middleware. */
  #receive(job: Job, handler: Handler): Outcome | Promise<Outcome> {
    // Lost, or given back, while the inbox was waited for: the next member has it now.
    if (!job.isOurs) throw giveBack
    if (this.#runtime.receivers.length > 0) return this.#receiveThrough(job, handler)
    return outcomeOf(this.#handle(job, job.delivery.message, handler))
  }

  #receiveThrough(job: Job, handler: Handler): Promise<Outcome> {
    // What a middleware passes on may differ from attempt to attempt; where it passes nothing on, the effects of the attempt
    // before are none of this one.
    job.event = undefined
    job.context = undefined
    const handle = async ({ message: last }: Incoming): Promise<void> => {
      try {
        await this.#handle(job, last, handler)?.ended()
      } catch (error) {
        // A middleware may keep it to itself: what has failed has no effects all the same.
        job.context?.startsOver()
        throw error
      }
    }
    return throughReceivers(this.#runtime, this.#incoming(job), handle).then(succeeded, failureOf)
  }

  #incoming({ delivery, attempt }: Job): Incoming {
    return { message: delivery.message, group: this.#group, attempt, purpose: 'handle' }
  }

  /** Calls the handler; undefined where it has ended, and nothing of it is to be waited for. */
  #handle(job: Job, message: Message, handler: Handler): Promised | undefined {
    if (!job.isOurs) throw giveBack
    const runtime = this.#runtime
    const event = (job.event ??= readEvent(message, definitionFor(runtime, handler, message)))
    if (event.causationDepth > runtime.maxDepth) throw storm(event)
    const context = new JobContext(runtime, this.#incoming(job), event)
    job.context = context
    const result = handler.handle(event, context)
    const ended = isThenable(result) ? result : context.ready()
    if (ended === undefined) return undefined
    const call = {
      group: this.#group,
      type: event.type,
      timeout: handler.policy.timeout,
      contexts: [context],
      times: this,
    }
    return new Promised(call, ended, ended === result ? context : undefined)
  }
}

/** No `then` for it: a promise more for each event shows in the throughput of a trivial handler. */
function outcomeOf(promised: Promised | undefined): Outcome | Promise<Outcome> {
  return promised === undefined ? 'handled' : outcomeLater(promised)
}

function outcomeLater(promised: Promised): Promise<Outcome> {
  return new Promise((resolve) =>
    promised.follow(
      () => resolve('handled'),
      (error) => resolve(failureOf(error)),
    ),
  )
}

function succeeded(): Outcome {
  return 'handled'
}

/** As it stands in the message, which is not read yet; one without id or source is found out when it is. */
export function identityOf({ delivery }: Job): { readonly source: string; readonly id: string } {
  const { source, id } = delivery.message.attributes
  return { source: String(source), id: String(id) }
}

function noAnswer(answer: unknown): Error {
  return invalidArgument(
    'inbox',
    'an object whose has(event, group) answers true or false',
    answer,
    'Let it return a boolean, or a promise of one.',
  )
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
