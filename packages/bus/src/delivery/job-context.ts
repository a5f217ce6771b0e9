import { isEvent, type TidingsEvent } from '@tidings/events'
import { EffectTooLateError } from '../errors.ts'
import type { Publish } from '../handler/publish.ts'
import type { PublishOptions, RequestOptions } from '../handler/publish-options.ts'
import type { HandlerContext, HandlerLog, TransactionContext } from '../handler/context.ts'
import { deliveryHeaders, type Message, replyGroupOf } from '../message/message.ts'
import type { Incoming } from '../middleware.ts'
import type { Outgoing } from '../transport/transport.ts'
import type { Work } from '../transport/settlement.ts'
import { EffectIds } from './effect-ids.ts'
import { Effects } from './effects.ts'
import type { Runtime } from './runtime.ts'
import { asOneWork, checkedWork } from './works.ts'

/** Who waits for the end of a handler. */
interface Follower {
  isLeft(reason: unknown): void
}

/**
 * What a handler is given. Made for every attempt, so what few handlers use is made when it is asked for; getters that
 * hand out functions let a handler take its context apart.
 */
export class JobContext implements HandlerContext {
  readonly group: string
  readonly attempt: number
  readonly #runtime: Runtime
  /** As it was delivered. */
  readonly #message: Message
  readonly #event: TidingsEvent
  #controller: AbortController | undefined = undefined
  #aborted: { readonly reason: unknown } | undefined = undefined
  #ids: EffectIds | undefined = undefined
  #effects: Effects | undefined = undefined
  #work: Work[] | undefined = undefined
  /** Publishes that are on their way: through the middleware, or to the broker where they leave at once. */
  #open = 0
  #failed: { readonly error: unknown } | undefined = undefined
  #whenReady: (() => void) | undefined = undefined
  /** Which call of the handler it serves: what an earlier one still has under way is no effect of this one. */
  #call = 0
  #hasEnded = false
  #followers: Follower[] | undefined = undefined

  constructor(runtime: Runtime, { message, group, attempt }: Incoming, event: TidingsEvent) {
    this.#runtime = runtime
    this.group = group
    this.#message = message
    this.#event = event
    this.attempt = attempt
  }

  get redelivered(): boolean {
    return this.attempt > 1
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#aborted) this.#controller.abort(this.#aborted.reason)
    }
    return this.#controller.signal
  }

  get log(): HandlerLog {
    const { type, id } = this.#event
    return boundLog(this.#runtime.log, { type, group: this.group, id, attempt: this.attempt })
  }

  get publish(): Publish {
    // One function for both forms: the first argument tells them apart, as on the bus.
    const publish = (what: unknown, input?: unknown, options?: PublishOptions): Promise<never> => {
      // Who was told to stop is not to have effects any more: the next attempt has them.
      if (this.#aborted) return refused(this.#aborted.reason)
      const published = isEvent(what)
        ? this.#send(what, undefined, input as PublishOptions | undefined)
        : this.#send(what, input, this.#withId(what, input, options))
      // What `Publish` says of the event, the runtime cannot.
      return published as Promise<never>
    }
    return publish
  }

  get reply(): HandlerContext['reply'] {
    const reply = async (definition: unknown, input: unknown): Promise<void> => {
      const group = replyGroupOf(this.#message)
      if (group === undefined) return
      if (this.#aborted) throw this.#aborted.reason
      const headers = { [deliveryHeaders.inReplyTo]: this.#event.id }
      await this.#send(definition, input, undefined, headers, group)
    }
    return reply
  }

  get request(): HandlerContext['request'] {
    const request = (
      definition: unknown,
      input: unknown,
      options?: RequestOptions<TidingsEvent>,
    ): Promise<TidingsEvent> => {
      if (this.#aborted) return refused(this.#aborted.reason)
      // Its own signal ends the wait too, not instead.
      const signal = options?.signal ? AbortSignal.any([this.signal, options.signal]) : this.signal
      return this.#runtime.request(this.#event, definition, input, { ...options, signal })
    }
    return request as HandlerContext['request']
  }

  get cancel(): HandlerContext['cancel'] {
    return async (event) => {
      const isHeldBack = this.#effects?.cancel(typeof event === 'string' ? event : event.id) === true
      return isHeldBack || this.#runtime.cancel(event)
    }
  }

  get transaction(): TransactionContext<never>['transaction'] {
    return (work) => {
      if (this.#hasEnded) throw this.#tooLate('a transaction')
      ;(this.#work ??= []).push(checkedWork(work))
    }
  }

  get hasEffects(): boolean {
    return this.#open > 0 || this.#failed !== undefined
  }

  /** Resolves when all that was published is ready to go, also what the handler did not wait for; undefined when it is. */
  ready(): Promise<void> | undefined {
    if (this.#failed) return Promise.reject(this.#failed.error)
    if (this.#open === 0) return undefined
    return new Promise((resolve, reject) => {
      this.#whenReady = () => (this.#failed ? reject(this.#failed.error) : resolve())
    })
  }

  /** What goes out with the settlement. */
  get effects(): Pick<Effects, 'events' | 'outgoing'> | undefined {
    return this.#effects
  }

  /** What the handler writes in the commit of its settlement. */
  get work(): Work | undefined {
    return this.#work && asOneWork(this.#work)
  }

  #send(
    what: unknown,
    input: unknown,
    options: PublishOptions | undefined,
    headers?: Readonly<Record<string, string>>,
    group?: string,
  ): Promise<TidingsEvent> {
    const request = { cause: this.#event, headers, group }
    const call = this.#call
    const collect = (event: TidingsEvent, outgoing: Outgoing): void => this.#collect(call, event, outgoing)
    if (options?.immediate !== true && this.#hasEnded) return refused(this.#tooLate('an effect'))
    const published =
      options?.immediate === true
        ? this.#runtime.publish(what, input, options, request)
        : this.#runtime.effect(what, input, options, request, collect)
    this.#follow(published)
    return published
  }

  #collect(call: number, event: TidingsEvent, outgoing: Outgoing): void {
    if (this.#aborted) throw this.#aborted.reason
    if (this.#hasEnded || call !== this.#call) throw this.#tooLate(`the effect "${event.type}"`)
    ;(this.#effects ??= new Effects(this.group)).add(event, outgoing)
  }

  #follow(published: Promise<unknown>): void {
    const call = this.#call
    this.#open++
    const settled = (): void => {
      if (call === this.#call && --this.#open === 0) this.#whenReady?.()
    }
    published.then(settled, (error: unknown) => {
      if (call === this.#call) this.#failed ??= { error }
      settled()
    })
  }

  /** Whoever does not wait for it would not hear of it. */
  #tooLate(what: string): EffectTooLateError {
    const error = new EffectTooLateError(what, { group: this.group, type: this.#event.type })
    this.log.error('a handler had an effect after it had ended, which is refused', { error })
    return error
  }

  #withId(what: unknown, input: unknown, options: PublishOptions | undefined): PublishOptions | undefined {
    if (options?.id !== undefined) return options
    this.#ids ??= new EffectIds(this.#event, this.group)
    const id = this.#ids.next(String((what as { type?: unknown } | null)?.type), input)
    return id === undefined ? options : { ...options, id }
  }

  /** The attempt has ended: what is published from now on would go nowhere. */
  ends(): void {
    this.#hasEnded = true
  }

  /** The handler is called once more for the same attempt: what it has published so far has no effect. */
  startsOver(): void {
    this.#call++
    this.#open = 0
    this.#ids = this.#effects = this.#work = this.#failed = this.#whenReady = undefined
  }

  /** Tells the handler to stop. Only the first reason counts. */
  abort(reason: unknown): void {
    this.#aborted ??= { reason }
    this.#controller?.abort(this.#aborted.reason)
  }

  get isAborted(): boolean {
    return this.#aborted !== undefined
  }

  get abortReason(): unknown {
    return this.#aborted?.reason
  }

  /** Tells the handler to stop, and waits for it no longer. */
  leave(reason: unknown): void {
    this.abort(reason)
    if (this.#followers !== undefined) for (const each of this.#followers) each.isLeft(reason)
  }

  /** Has `follower` told when nobody waits for the handler any more. */
  isFollowedBy(follower: Follower): void {
    ;(this.#followers ??= []).push(follower)
  }
}

/** A rejection that is nobody's surprise: who does not await it has been told by the signal. */
function refused(reason: unknown): Promise<never> {
  const promise = Promise.reject(reason)
  promise.catch(() => {})
  return promise
}

/** A log that adds the same facts to every line. */
function boundLog(log: HandlerLog, bound: Readonly<Record<string, unknown>>): HandlerLog {
  return {
    debug: (message, facts) => log.debug(message, { ...bound, ...facts }),
    info: (message, facts) => log.info(message, { ...bound, ...facts }),
    warn: (message, facts) => log.warn(message, { ...bound, ...facts }),
    error: (message, facts) => log.error(message, { ...bound, ...facts }),
  }
}
