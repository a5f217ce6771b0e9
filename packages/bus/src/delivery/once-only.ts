import type { TidingsError } from '@tidings/core'
import { type EventIdentity, invalidArgument } from '@tidings/core/tools'
import type { Handler } from '../handler/handler.ts'
import type { Job } from './job.ts'
import { asked, type Outcome, type Step, unavailable } from './outcome.ts'
import type { Runtime } from './runtime.ts'

/** What {@link OnceOnly} needs of the attempts of its group. */
export interface Receiver {
  /** Reads the event of a job and calls its handler. */
  receive(job: Job, handler: Handler): Step
  /** Does a step until it is done, or the delivery is ours no more. */
  persist(job: Job, step: () => unknown): Step
}

/** Has an event handled where the inbox does not know it, one delivery of it at a time. */
export class OnceOnly {
  readonly #runtime: Runtime
  readonly #group: string
  readonly #receiver: Receiver
  /** The events that are being handled, each with its end. What ends at once is not among them: no twin can meet it. */
  readonly #busy = new Map<string, End>()

  constructor(runtime: Runtime, group: string, receiver: Receiver) {
    this.#runtime = runtime
    this.#group = group
    this.#receiver = receiver
  }

  /** `onTwin` is told when it has to wait for a duplicate to end. */
  handle(job: Job, handler: Handler, onTwin: (() => void) | undefined): Outcome | Promise<Outcome> {
    const event = identityOf(job)
    const twin = this.#busy.size > 0 ? this.#busy.get(nameOf(event)) : undefined
    if (twin !== undefined) {
      onTwin?.()
      // A duplicate waits for the outcome of its twin: left out after a success, handled after a failure.
      return twin.wait().then(() => this.handle(job, handler, onTwin))
    }
    const outcome = this.#unlessKnown(job, handler, event)
    return outcome instanceof Promise ? this.#whileBusy(event, outcome) : outcome
  }

  /** Asks the inbox, handles, and tells the inbox. */
  #unlessKnown(job: Job, handler: Handler, event: EventIdentity): Outcome | Promise<Outcome> {
    const known = asked(() => this.#runtime.inbox!.has(event, this.#group))
    return known instanceof Promise
      ? known.then((is) => this.#decided(is, job, handler, event))
      : this.#decided(known, job, handler, event)
  }

  #decided(isKnown: boolean, job: Job, handler: Handler, event: EventIdentity): Outcome | Promise<Outcome> {
    // Whatever else stands for true or false there: to take it for either may lose the event, or repeat it.
    if (typeof isKnown !== 'boolean') return unavailable(noAnswer(isKnown))
    if (isKnown) return 'duplicate'
    const handled = this.#receiver.receive(job, handler)
    const noted = handled === undefined ? this.#note(job, event) : handled.then(() => this.#note(job, event))
    return noted === undefined ? 'handled' : noted.then(() => 'handled')
  }

  /** Once it is handled: that the inbox is away now must not have it handled again. */
  #note(job: Job, event: EventIdentity): Step {
    return this.#receiver.persist(job, () => this.#runtime.inbox!.add(event, this.#group))
  }

  #whileBusy(event: EventIdentity, outcome: Promise<Outcome>): Promise<Outcome> {
    const name = nameOf(event)
    const end = new End()
    this.#busy.set(name, end)
    return outcome.finally(() => {
      this.#busy.delete(name)
      end.come()
    })
  }
}

/** As it stands in the message, which is not read yet; one without id or source is found out when it is. */
function identityOf({ delivery }: Job): EventIdentity {
  const { source, id } = delivery.message.attributes
  return { source: String(source), id: String(id) }
}

function noAnswer(answer: unknown): TidingsError {
  return invalidArgument(
    'inbox',
    'an object whose has(event, group) answers true or false',
    answer,
    'Let it return a boolean, or a promise of one.',
  )
}

/** Two events with one name only wait for each other. */
function nameOf({ source, id }: EventIdentity): string {
  return `${source} ${id}`
}

/** The end of something, with a promise only where somebody waits for it. */
class End {
  #coming: Promise<void> | undefined
  #resolve: (() => void) | undefined

  wait(): Promise<void> {
    return (this.#coming ??= new Promise((resolve) => (this.#resolve = resolve)))
  }

  come(): void {
    this.#resolve?.()
  }
}
