import type { HandlerContext } from '../handler/context.ts'

/** A context with another `publish` or `reply`. What few handlers use is still made only when it is asked for. */
export function derivedContext(
  context: HandlerContext,
  changes: Partial<Pick<HandlerContext, 'publish' | 'reply'>>,
): HandlerContext {
  return {
    group: context.group,
    attempt: context.attempt,
    redelivered: context.redelivered,
    get signal() {
      return context.signal
    },
    get log() {
      return context.log
    },
    get publish() {
      return changes.publish ?? context.publish
    },
    get reply() {
      return changes.reply ?? context.reply
    },
    get request() {
      return context.request
    },
    get cancel() {
      return context.cancel
    },
  }
}
