import { functionOption, invalidArgument } from '@tidings/core/tools'
import { isEvent, type TidingsEvent } from '@tidings/events'
import { Effects } from '../delivery/effects.ts'
import { asOneWork, checkedWork } from '../delivery/works.ts'
import { CapabilityMissingError, EffectTooLateError } from '../errors.ts'
import type { TransactionsOf } from '../handler/options.ts'
import type { PublishOptions } from '../handler/publish-options.ts'
import type { Work } from '../transport/settlement.ts'
import type { Transport } from '../transport/transport.ts'
import type { Publisher } from './publisher.ts'
import type { OutboxContext } from './types.ts'

/** What the function of one transaction publishes and writes, held back until it has ended. */
export class OpenTransaction implements OutboxContext<never> {
  readonly effects: Effects = new Effects(undefined)
  readonly #publisher: Publisher
  readonly #cause: TidingsEvent | undefined
  readonly #works: Work[] = []
  /** Publishes on their way through the middleware, also those that the function does not wait for. */
  readonly #published: Promise<TidingsEvent>[] = []
  #hasEnded = false

  /** `cause`: the event that is handled where this is asked for, as far as it is known. */
  constructor(publisher: Publisher, cause: TidingsEvent | undefined) {
    this.#publisher = publisher
    this.#cause = cause
  }

  // Getters that hand out functions: the context can be taken apart.
  get publish(): OutboxContext<never>['publish'] {
    const publish = (what: unknown, input?: unknown, options?: PublishOptions): Promise<never> => {
      const published = isEvent(what)
        ? this.#send(what, undefined, input as PublishOptions | undefined)
        : this.#send(what, input, options)
      // What `Publish` says of the event, the publisher cannot.
      return published as Promise<never>
    }
    return publish
  }

  get transaction(): OutboxContext<never>['transaction'] {
    return (work) => {
      if (this.#hasEnded) throw new EffectTooLateError('a write')
      this.#works.push(checkedWork(work))
    }
  }

  /** Runs the function, and waits for all that it publishes. Rejects as the first of these does. */
  async run<Result>(run: (context: OutboxContext<never>) => Result | Promise<Result>): Promise<Result> {
    try {
      const result = await run(this)
      for (let at = 0; at < this.#published.length; at++) await this.#published[at]
      return result
    } finally {
      this.#hasEnded = true
    }
  }

  /** What is written in its commit; undefined for nothing. */
  get work(): Work | undefined {
    return this.#works.length === 0 ? undefined : asOneWork(this.#works)
  }

  #send(what: unknown, input: unknown, options: PublishOptions | undefined): Promise<TidingsEvent> {
    const request = { cause: this.#cause }
    if (options?.immediate === true) return this.#publisher.publish(what, input, options, request)
    // As loud as any publish that is refused: nobody waits for the function any more.
    if (this.#hasEnded) return Promise.reject(new EffectTooLateError('an event'))
    const published = this.#publisher.effect(what, input, options, request, (event, outgoing) => {
      if (this.#hasEnded) throw new EffectTooLateError(`the event "${event.type}"`)
      this.effects.add(event, outgoing)
    })
    // It fails the transaction, awaited or not.
    published.catch(() => {})
    this.#published.push(published)
    return published
  }
}

/**
 * Whether such a transaction can be had of a transport.
 *
 * @throws TidingsError `INVALID_ARGUMENT`; CapabilityMissingError
 */
export function checkTransaction(of: TransactionsOf<unknown>, run: unknown, { name, capabilities }: Transport): void {
  if (typeof (of as Partial<typeof of> | undefined)?.transport !== 'string') {
    throw invalidArgument('of', 'what an adapter exports for it', of, 'Such as sqliteTransaction of @tidings/sqlite.')
  }
  functionOption(run, 'run')
  if (capabilities.transactions && of.transport === name) return
  throw new CapabilityMissingError(name, [
    { capability: 'transactions', wantedBy: `bus.transaction: a transaction of ${of.transport}` },
  ])
}
