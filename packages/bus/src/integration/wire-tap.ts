import { functionOption, knownOptions, whole } from '@tidings/core/tools'
import { isEvent, type TidingsEvent } from '@tidings/events'
import type { HandlerContext } from '../handler/context.ts'
import type { PublishOptions } from '../handler/publish-options.ts'
import { derivedContext } from './derived-context.ts'
import { type EventHandler, named } from './event-handler.ts'

export interface WireTapOptions {
  /** Calls of the tap under way at most. Beyond it events pass untapped, and the log says how many. Default 100. */
  readonly max?: number | undefined
}

/**
 * **Wire Tap**: shows each event to `tap` besides handling it, at every attempt. The tap cannot change the main flow:
 * events are immutable, its `reply` does nothing, what it publishes leaves at once, its errors go to `context.log`, nobody waits for it, and it is called
 * when the handler has begun. Only one thing nobody can take from it: code that computes for long holds up its process.
 *
 * It is for looking: best effort, not awaited when the bus closes, and lost with the process. What must see every event
 * is a handler with a `group` of its own; a second group needs no tap.
 *
 * @example
 * handler(OrderPlaced, { group: 'billing' }, wireTap((event, { log }) => log.info('seen', { id: event.id }), bill))
 */
export function wireTap<Event extends TidingsEvent>(
  tap: EventHandler<Event>,
  handler: EventHandler<Event>,
  options: WireTapOptions = {},
): EventHandler<Event> {
  functionOption(tap, 'tap')
  functionOption(handler, 'handler')
  knownOptions(options, ['max'], 'wireTap')
  const max = whole(options.max ?? 100, 1, 'max')
  let running = 0
  let missed = 0
  const follow = async (event: Event, context: HandlerContext): Promise<void> => {
    if (running === max) {
      if (missed++ === 0) context.log.warn('a wire tap is behind, and misses events', { max })
      return
    }
    const before = missed
    missed = 0
    if (before > 0) context.log.warn('a wire tap sees events again', { missed: before })
    running++
    try {
      await tap(event, derivedContext(context, { reply: async () => {}, publish: atOnce(context) }))
    } catch (error) {
      context.log.error('a wire tap failed', { error })
    } finally {
      running--
    }
  }
  return named(handler, (event: Event, context: HandlerContext) => {
    try {
      return handler(event, context)
    } finally {
      // Rejected only by a log that throws: then there is nobody left to tell.
      follow(event, context).catch(() => {})
    }
  })
}

/** Nobody waits for the tap, so that its effects cannot go with the settlement. */
function atOnce(context: HandlerContext): HandlerContext['publish'] {
  const publish = (what: unknown, input?: unknown, options?: PublishOptions): Promise<never> => {
    const published: Promise<TidingsEvent> = isEvent(what)
      ? context.publish(what, { ...(input as PublishOptions | undefined), immediate: true })
      : context.publish(what as never, input, { ...options, immediate: true })
    // What `Publish` says of the event, this cannot.
    return published as Promise<never>
  }
  return publish
}
