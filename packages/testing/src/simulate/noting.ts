import type { BatchContext, HandlerContext } from '@tidings/bus'
import { isEvent, type TidingsEvent } from '@tidings/events'
import type { Call } from './account.ts'
import type { EffectBooks } from './effect-books.ts'

/** The context of a handler, whose effects are noted down. */
export function noting<Context extends HandlerContext>(books: EffectBooks, context: Context, call: Call): Context {
  const publish = (what: unknown, ...rest: unknown[]): Promise<TidingsEvent> => {
    const published = (context.publish as (...all: unknown[]) => Promise<TidingsEvent>)(what, ...rest)
    note(books, call, published, isEvent(what) ? rest[0] : rest[1])
    return published
  }
  return new Proxy(context, {
    get: (_context, name) => (name === 'publish' ? publish : (Reflect.get(context, name, context) as unknown)),
  })
}

/** The same of a batch, each of whose effects belongs to one of its events. */
export function notingBatch(
  books: EffectBooks,
  context: BatchContext,
  events: readonly TidingsEvent[],
  calls: readonly Call[],
): BatchContext {
  const publish = (cause: TidingsEvent, ...rest: unknown[]): Promise<TidingsEvent> => {
    const published = (context.publish as (...all: unknown[]) => Promise<TidingsEvent>)(cause, ...rest)
    const call = calls[events.indexOf(cause)]
    if (call) note(books, call, published, rest[2])
    return published
  }
  return { ...context, publish: publish as BatchContext['publish'] }
}

/** What leaves at once is no part of what follows from the attempt. */
function note(books: EffectBooks, call: Call, published: Promise<TidingsEvent>, options: unknown): void {
  if ((options as { readonly immediate?: boolean } | undefined)?.immediate === true) return
  // Who is refused hears of it where it was called.
  published.then(
    (event) => books.note(call, event),
    () => {},
  )
}
