import { isEvent, type TidingsEvent } from '@tidings/events'
import type { Publish } from '../handler/publish.ts'
import type { PublishOptions } from '../handler/publish-options.ts'
import type { HandlerContext, HandlerLog } from '../handler/context.ts'
import { deliveryHeaders, type Message, replyGroupOf } from '../message/message.ts'
import type { Incoming } from '../middleware.ts'
import { EffectIds } from './effect-ids.ts'
import type { Runtime } from './runtime.ts'

const none: readonly [] = []

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
  /** Effects that are not confirmed yet. */
  #open = 0
  #failed: { readonly error: unknown } | undefined = undefined
  #whenConfirmed: (() => void) | undefined = undefined
  #left: readonly ((reason: unknown) => void)[] = none

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
        ? this.#runtime.publish(this.#event, what, undefined, input as PublishOptions | undefined)
        : this.#runtime.publish(this.#event, what, input, this.#withId(what, input, options))
      this.#follow(published)
      // What `Publish` says of the event, the runtime cannot.
      return published as Promise<never>
    }
    return publish
  }

  get reply(): HandlerContext['reply'] {
    return async (definition, input) => {
      const group = replyGroupOf(this.#message)
      if (group === undefined) return
      const inReplyTo = { [deliveryHeaders.inReplyTo]: this.#event.id }
      await this.#runtime.publish(this.#event, definition, input, undefined, inReplyTo, group)
    }
  }

  get hasEffects(): boolean {
    return this.#open > 0 || this.#failed !== undefined
  }

  /** Resolves when all effects are confirmed, also those that the handler did not wait for; undefined when they are. */
  effects(): Promise<void> | undefined {
    if (this.#failed) return Promise.reject(this.#failed.error)
    if (this.#open === 0) return undefined
    return new Promise((resolve, reject) => {
      this.#whenConfirmed = () => (this.#failed ? reject(this.#failed.error) : resolve())
    })
  }

  #follow(published: Promise<unknown>): void {
    this.#open++
    const settled = (): void => {
      if (--this.#open === 0) this.#whenConfirmed?.()
    }
    published.then(settled, (error: unknown) => {
      this.#failed ??= { error }
      settled()
    })
  }

  #withId(what: unknown, input: unknown, options: PublishOptions | undefined): PublishOptions | undefined {
    if (options?.id !== undefined) return options
    this.#ids ??= new EffectIds(this.#event, this.group)
    const id = this.#ids.next(String((what as { type?: unknown } | null)?.type), input)
    return id === undefined ? options : { ...options, id }
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
    for (const left of this.#left) left(reason)
  }

  /** Has `left` told when nobody waits for the handler any more. */
  whenLeft(left: (reason: unknown) => void): void {
    this.#left = [...this.#left, left]
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
