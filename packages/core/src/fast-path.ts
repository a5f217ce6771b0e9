import { resume, watch } from './delivery.ts'
import type { Guard } from './guard.ts'
import type { Handler } from './keys.ts'
import type { Topic } from './topic.ts'

// Why this file looks odd, with the figures of docs/benchmarks.md: a publish costs a few nanoseconds, so each check
// and each load shows. Everything else of the package is written plainly.
//
// - A closure for each number of handlers, the handlers as its constants: the compiler inlines them into the
//   publisher. No code is generated, so it runs under a strict content security policy.
// - `topic.calls !== calls` after each handler: one load tells whether a subscription changed meanwhile, which only
//   the careful path can deal with.
// - `room` is counted without `finally`: nothing between the two can throw.

/**
 * The publish by definition. It serves all topics of all dispatchers, so nothing can be inlined: one handler is called
 * without a loop, others by one.
 */
export function publishBound(topic: Topic, payload: unknown): number {
  const { only, calls, guard } = topic
  if (guard.room <= 0 || calls === undefined) return topic.careful(payload) as number
  if (only === undefined) return publishPlain(topic, calls, payload)
  const entry = topic.snapshot?.[0]
  guard.room--
  try {
    const result = only(payload, topic.key)
    if (result !== undefined) watch(topic, entry!, only, payload, result)
  } catch (error) {
    guard.fail(error, topic.key, payload, entry!.nameOf(only))
  }
  guard.room++
  return 1
}

/** Calls every function of a topic whose `calls` are set, while there is room. */
export function publishPlain(topic: Topic, calls: readonly Handler[], payload: unknown): number {
  const { guard, key } = topic
  const entries = topic.snapshot!
  const { room } = guard
  guard.room = room - 1
  for (let i = 0; i < calls.length; i++) {
    try {
      const result = calls[i]!(payload, key)
      if (result !== undefined) watch(topic, entries[i]!, calls[i]!, payload, result)
    } catch (error) {
      guard.fail(error, key, payload, entries[i]!.nameOf(calls[i]!))
    }
    if (topic.calls !== calls) return resume(topic, entries, i + 1, payload)
  }
  leave(guard, room)
  return calls.length
}

/** A `publish` made for the handlers that a topic has now. */
export function specialise(topic: Topic, calls: readonly Handler[]): (payload: unknown) => unknown {
  const { guard, key, careful } = topic
  const entries = topic.snapshot!
  const [a, b, c] = calls as [Handler, Handler, Handler]
  const turn = (at: number, payload: unknown, result: unknown): boolean =>
    watch(topic, entries[at]!, calls[at]!, payload, result)
  const fail = (at: number, payload: unknown, error: unknown): void =>
    guard.fail(error, key, payload, entries[at]!.nameOf(calls[at]!))
  switch (calls.length) {
    case 0:
      return (payload) => (topic.calls !== calls || guard.room <= 0 ? careful(payload) : 0)
    case 1:
      return (payload) => {
        const { room } = guard
        if (topic.calls !== calls || room <= 0) return careful(payload)
        guard.room = room - 1
        try {
          const result = a(payload, key)
          if (result !== undefined) turn(0, payload, result)
        } catch (error) {
          fail(0, payload, error)
        }
        leave(guard, room)
        return 1
      }
    case 2:
      return (payload) => {
        const { room } = guard
        if (topic.calls !== calls || room <= 0) return careful(payload)
        guard.room = room - 1
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
        leave(guard, room)
        return 2
      }
    case 3:
      return (payload) => {
        const { room } = guard
        if (topic.calls !== calls || room <= 0) return careful(payload)
        guard.room = room - 1
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
        leave(guard, room)
        return 3
      }
    default:
      return (payload) => {
        if (topic.calls !== calls || guard.room <= 0) return careful(payload)
        return publishPlain(topic, calls, payload)
      }
  }
}

/** Gives back the room that a publish took. */
function leave(guard: Guard, room: number): void {
  if (guard.room === room - 1) guard.room = room
  else guard.room++
}
