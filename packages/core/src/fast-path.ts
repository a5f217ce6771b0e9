import { resume, watch } from './delivery.ts'
import type { Handler } from './keys.ts'
import type { Topic } from './topic.ts'

// Why this file looks odd, with the figures of docs/benchmarks.md: a publish costs a few nanoseconds, so each check
// and each load shows. Everything else of the package is written plainly. Topics of four handlers or more, and those
// that are published to by definition or string, take the loop of `Topic.publishPlain`.
//
// - A closure for each number of handlers, the handlers as its constants: the compiler inlines them into the
//   publisher. No code is generated, so it runs under a strict content security policy.
// - `topic.calls !== calls` after each handler: one load tells whether a subscription changed meanwhile, which only
//   the careful path can deal with.
// - `depth` is counted without `finally`: nothing between the two can throw. It is restored to what it was, not counted
//   down: to read it again costs 0.3 ns of 3.3, and whatever a handler did to it would stay.

/** A `publish` made for the handlers that a topic has now. */
export function specialise(topic: Topic, calls: readonly Handler[]): (payload: unknown) => unknown {
  const { guard, key, careful } = topic
  const entries = topic.snapshot!
  // A copy, as a change empties `calls`.
  const handlers = [...calls]
  const [a, b, c] = handlers as [Handler, Handler, Handler]
  const turn = (at: number, payload: unknown, result: unknown): boolean =>
    watch(topic, entries[at]!, handlers[at]!, payload, result)
  const fail = (at: number, payload: unknown, error: unknown): void =>
    guard.fail(error, key, payload, entries[at]!.nameOf(handlers[at]!))
  switch (calls.length) {
    case 0:
      return (payload) => (topic.calls !== calls || guard.depth >= guard.open ? careful(payload) : 0)
    case 1:
      return (payload) => {
        const { depth } = guard
        if (topic.calls !== calls || depth >= guard.open) return careful(payload)
        guard.depth = depth + 1
        try {
          const result = a(payload, key)
          if (result !== undefined) turn(0, payload, result)
        } catch (error) {
          fail(0, payload, error)
        }
        guard.depth = depth
        return 1
      }
    case 2:
      return (payload) => {
        const { depth } = guard
        if (topic.calls !== calls || depth >= guard.open) return careful(payload)
        guard.depth = depth + 1
        try {
          const result = a(payload, key)
          if (result !== undefined) turn(0, payload, result)
        } catch (error) {
          fail(0, payload, error)
        }
        if (topic.calls !== calls) return resume(topic, entries, 1, payload)
        try {
          const result = b(payload, key)
          if (result !== undefined) turn(1, payload, result)
        } catch (error) {
          fail(1, payload, error)
        }
        guard.depth = depth
        return 2
      }
    case 3:
      return (payload) => {
        const { depth } = guard
        if (topic.calls !== calls || depth >= guard.open) return careful(payload)
        guard.depth = depth + 1
        try {
          const result = a(payload, key)
          if (result !== undefined) turn(0, payload, result)
        } catch (error) {
          fail(0, payload, error)
        }
        if (topic.calls !== calls) return resume(topic, entries, 1, payload)
        try {
          const result = b(payload, key)
          if (result !== undefined) turn(1, payload, result)
        } catch (error) {
          fail(1, payload, error)
        }
        if (topic.calls !== calls) return resume(topic, entries, 2, payload)
        try {
          const result = c(payload, key)
          if (result !== undefined) turn(2, payload, result)
        } catch (error) {
          fail(2, payload, error)
        }
        guard.depth = depth
        return 3
      }
    default:
      return (payload) => topic.publishPlain(payload)
  }
}
