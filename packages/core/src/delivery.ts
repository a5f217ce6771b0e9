import { EventStormError } from './dispatch-errors.ts'
import type { Handler } from './keys.ts'
import { promiseOf } from './thenable.ts'
import type { Entry } from './subscription.ts'
import type { Topic } from './topic.ts'

/** Calls the entries from `at`, asking each whether it is still to be called, and ends the publish. */
export function resume(topic: Topic, entries: readonly Entry[], at: number, payload: unknown): number {
  const { guard, key } = topic
  const errors: unknown[] = []
  let called = at
  for (let i = at; i < entries.length; i++) {
    const entry = entries[i]!
    const handler = entry.take()
    if (!handler) continue
    called++
    const start = guard.options.observer && performance.now()
    try {
      const result = handler(payload, key)
      if (!watch(topic, entry, handler, payload, result, start) && start !== undefined) {
        guard.handled(key, payload, entry.nameOf(handler), start)
      }
    } catch (error) {
      errors.push(error)
      guard.fail(error, key, payload, entry.nameOf(handler), guard.collects)
    }
  }
  guard.depth--
  if (errors.length > 0 && guard.collects) throw together(errors, key, called)
  return called
}

/** Follows the promise that a handler returned, if it did; false when it did not. `start` is for an observer. */
export function watch(
  topic: Topic,
  entry: Entry,
  handler: Handler,
  payload: unknown,
  result: unknown,
  start?: number,
): boolean {
  const promise = promiseOf(result)
  if (!promise) return false
  const { guard, key } = topic
  promise.then(
    () => start !== undefined && guard.handled(key, payload, entry.nameOf(handler), start),
    (error: unknown) => guard.fail(error, key, payload, entry.nameOf(handler)),
  )
  return true
}

/** The errors of one publish as one. A storm stays itself, or each level of the nesting would wrap it once more. */
export function together(errors: readonly unknown[], type: string, called: number): unknown {
  const [first] = errors
  if (first instanceof EventStormError && errors.every((error) => error === first)) return first
  return new AggregateError(errors, `${errors.length} of ${called} handlers failed on "${type}"`)
}
