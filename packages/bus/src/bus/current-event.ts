import { type AsyncStorage, asyncStorage, invalidArgument } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'
import type { AnyHandler } from '../handler/handler.ts'

/** Which event the running code handles, across its awaits, for what reaches the bus without a context in hand. */
export class CurrentEvent {
  readonly #storage: AsyncStorage<TidingsEvent> | undefined

  /** @throws TidingsError `INVALID_ARGUMENT` where it is wanted and the runtime cannot tell */
  constructor(isWanted: boolean) {
    this.#storage = isWanted ? asyncStorage() : undefined
    if (!isWanted || this.#storage !== undefined) return
    const fix = 'Leave it out, and correlate by the context of the handler.'
    throw invalidArgument('asyncContext', 'false where the runtime has no AsyncLocalStorage', true, fix)
  }

  get event(): TidingsEvent | undefined {
    return this.#storage?.getStore()
  }

  /** A handler of one event whose calls are told apart. A batch has no one event that causes what it does. */
  around(handler: AnyHandler): AnyHandler {
    const storage = this.#storage
    if (storage === undefined || handler.batch) return handler
    const handle: typeof handler.handle = (event, context) => storage.run(event, () => handler.handle(event, context))
    return { ...handler, handle }
  }
}
