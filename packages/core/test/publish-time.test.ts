import { describe, expect, test } from 'vitest'
import { type EventDispatcher as Dispatcher, EventDispatcher, eventType, type Subscription } from '../src/index.ts'

// What a publish does while its own handlers change who is subscribed. The fast path has code of its own for 1, 2, 3 and
// more handlers, and each way to publish has its own road to it, so every promise is made for every one of them.

type Events = Record<string, number>
type Publish = (payload: number) => number

const Definition = eventType<number>()('a')
const WithoutIndex = { type: 'a' } as const

const ways: Record<string, (dispatcher: Dispatcher<Events>) => Publish> = {
  'by string': (dispatcher) => (payload) => dispatcher.publish('a', payload),
  'by definition': (dispatcher) => (payload) => dispatcher.publish(Definition, payload),
  'by a definition without index': (dispatcher) => (payload) => dispatcher.publish(WithoutIndex, payload),
  'on a handle': (dispatcher) => {
    const handle = dispatcher.topic('a')
    return (payload) => handle.publish(payload)
  },
}

/** Every number of handlers with every position in it. */
const places = [1, 2, 3, 4, 5, 7].flatMap((handlers) => Array.from({ length: handlers }, (_, at) => ({ handlers, at })))

/** The rest of a publish whose subscriptions are quiet is specialised from the second or third on. */
const warmUps = [0, 1, 2, 5]

interface Stage {
  dispatcher: Dispatcher<Events>
  publish: Publish
  subscriptions: Subscription[]
  /** What was called since the act began, as `handler:payload`. */
  called: string[]
}

/** Sets up handlers of which the one at `at` acts at the first publish after the warm-up. */
function stage(
  way: (dispatcher: Dispatcher<Events>) => Publish,
  { handlers, at }: { handlers: number; at: number },
  warmUp: number,
  act: (stage: Stage) => void,
): Stage {
  const dispatcher = new EventDispatcher<Events>()
  const set: Stage = { dispatcher, publish: way(dispatcher), subscriptions: [], called: [] }
  let armed = false
  for (let id = 0; id < handlers; id++) {
    const subscription = dispatcher.subscribe('a', (payload) => {
      set.called.push(`${id}:${payload}`)
      if (!armed || id !== at) return
      armed = false
      act(set)
    })
    set.subscriptions.push(subscription)
  }
  for (let i = 0; i < warmUp; i++) set.publish(-1)
  set.called = []
  armed = true
  return set
}

function ids(from: number, to: number, payload: number): string[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => `${from + i}:${payload}`)
}

describe.for(Object.entries(ways))('published %s', ([, way]) => {
  const everywhere = (check: (place: { handlers: number; at: number }, warmUp: number) => void): void => {
    for (const place of places) for (const warmUp of warmUps) check(place, warmUp)
  }

  test('INVARIANT: a handler added during a publish is called from the next publish on', () => {
    everywhere((place, warmUp) => {
      const set = stage(way, place, warmUp, ({ dispatcher, called }) => {
        dispatcher.subscribe('a', (payload) => called.push(`added:${payload}`))
      })
      expect(set.publish(1)).toBe(place.handlers)
      expect(set.called).toEqual(ids(0, place.handlers, 1))
      expect(set.publish(2)).toBe(place.handlers + 1)
      expect(set.called.slice(place.handlers)).toEqual([...ids(0, place.handlers, 2), 'added:2'])
    })
  })

  test('INVARIANT: a handler added in front by priority, or by a pattern, waits for the next publish too', () => {
    everywhere((place, warmUp) => {
      const set = stage(way, place, warmUp, ({ dispatcher, called }) => {
        dispatcher.subscribe('a', (payload) => called.push(`first:${payload}`), { priority: 9 })
        dispatcher.subscribe('*', (payload) => called.push(`last:${payload}`))
      })
      set.publish(1)
      expect(set.called).toEqual(ids(0, place.handlers, 1))
      set.publish(2)
      expect(set.called.slice(place.handlers)).toEqual(['first:2', ...ids(0, place.handlers, 2), 'last:2'])
    })
  })

  test('INVARIANT: a handler removed during a publish is not called any more', () => {
    everywhere((place, warmUp) => {
      for (let victim = 0; victim < place.handlers; victim++) {
        const set = stage(way, place, warmUp, ({ subscriptions }) => subscriptions[victim]!.unsubscribe())
        const spared = victim <= place.at
        const expected = ids(0, place.handlers, 1).filter((_, id) => spared || id !== victim)
        expect(set.publish(1)).toBe(expected.length)
        expect(set.called).toEqual(expected)
        set.called.length = 0
        expect(set.publish(2)).toBe(place.handlers - 1)
        expect(set.called).toEqual(ids(0, place.handlers, 2).filter((_, id) => id !== victim))
      }
    })
  })

  test('a handler may remove itself', () => {
    everywhere((place, warmUp) => {
      const set = stage(way, place, warmUp, ({ subscriptions }) => subscriptions[place.at]!.unsubscribe())
      expect(set.publish(1)).toBe(place.handlers)
      expect(set.publish(2)).toBe(place.handlers - 1)
    })
  })

  test('a handler that removes all, in either order, is the last one called', () => {
    everywhere((place, warmUp) => {
      for (const order of [(all: Subscription[]) => all, (all: Subscription[]) => all.toReversed()]) {
        const set = stage(way, place, warmUp, ({ subscriptions }) => {
          for (const subscription of order(subscriptions)) subscription.unsubscribe()
        })
        expect(set.publish(1)).toBe(place.at + 1)
        expect(set.called).toEqual(ids(0, place.at + 1, 1))
        expect(set.publish(2)).toBe(0)
        expect(set.dispatcher.size).toBe(0)
      }
    })
  })

  test('a handler that was replaced meanwhile is not called, nor is its replacement', () => {
    everywhere((place, warmUp) => {
      const set = stage(way, place, warmUp, ({ dispatcher, subscriptions, called }) => {
        subscriptions.at(-1)!.unsubscribe()
        dispatcher.subscribe('a', (payload) => called.push(`new:${payload}`))
      })
      set.publish(1)
      expect(set.called).not.toContain('new:1')
      set.publish(2)
      expect(set.called.at(-1)).toBe('new:2')
    })
  })

  test('INVARIANT: a nested publish sees the change, the one that is under way keeps its own rules', () => {
    everywhere((place, warmUp) => {
      const set = stage(way, place, warmUp, ({ dispatcher, subscriptions, called, publish }) => {
        subscriptions.at(-1)!.unsubscribe()
        dispatcher.subscribe('a', (payload) => called.push(`added:${payload}`))
        publish(2)
      })
      const rest = place.handlers - 1
      const last = place.at === rest
      set.publish(1)
      expect(set.called).toEqual([
        ...ids(0, place.at + 1, 1),
        ...ids(0, rest, 2),
        'added:2',
        ...ids(place.at + 1, rest, 1),
      ])
      expect(set.called.includes(`${rest}:1`)).toBe(last)
    })
  })

  test('a change made in a nested publish holds for the outer one', () => {
    everywhere((place, warmUp) => {
      const set = stage(way, place, warmUp, ({ dispatcher, subscriptions }) => {
        dispatcher.subscribe('inner', () => {
          for (const subscription of subscriptions) subscription.unsubscribe()
        })
        dispatcher.publish('inner', 0)
      })
      expect(set.publish(1)).toBe(place.at + 1)
      expect(set.called).toEqual(ids(0, place.at + 1, 1))
    })
  })

  test('a nested publish of the same type without any change calls everybody twice', () => {
    everywhere((place, warmUp) => {
      const set = stage(way, place, warmUp, ({ publish }) => publish(2))
      expect(set.publish(1)).toBe(place.handlers)
      expect(set.called).toEqual([
        ...ids(0, place.at + 1, 1),
        ...ids(0, place.handlers, 2),
        ...ids(place.at + 1, place.handlers, 1),
      ])
    })
  })

  test('INVARIANT: a change does not undo isolation: who throws after it stops nobody', () => {
    everywhere((place, warmUp) => {
      const dispatcher = new EventDispatcher<Events>({ onError: () => {} })
      const publish = way(dispatcher)
      let armed = false
      const called: number[] = []
      for (let id = 0; id < place.handlers; id++) {
        dispatcher.subscribe('a', () => {
          called.push(id)
          if (armed && id === place.at) dispatcher.subscribe('a', () => {})
          if (armed && id >= place.at) throw new Error(`${id}`)
        })
      }
      for (let i = 0; i < warmUp; i++) publish(-1)
      called.length = 0
      armed = true
      expect(publish(1)).toBe(place.handlers)
      expect(called).toHaveLength(place.handlers)
    })
  })

  test('INVARIANT: once is at most once, when its handler publishes the same type again', () => {
    everywhere((place, warmUp) => {
      const dispatcher = new EventDispatcher<Events>()
      const publish = way(dispatcher)
      const called: string[] = []
      const subscribe = (id: number, once: boolean, act?: () => void): void => {
        dispatcher.subscribe(
          'a',
          (payload) => {
            called.push(`${id}:${payload}`)
            act?.()
          },
          { once },
        )
      }
      // The others warm the path up; then the one-time handler joins them.
      for (let id = 0; id < place.handlers - 1; id++) subscribe(id, false)
      for (let i = 0; i < warmUp; i++) publish(-1)
      called.length = 0
      const one = place.handlers - 1
      subscribe(one, true, () => publish(2))
      expect(publish(1)).toBe(place.handlers)
      expect(called).toEqual([...ids(0, one, 1), `${one}:1`, ...ids(0, one, 2)])
      expect(publish(3)).toBe(one)
    })
  })

  test('INVARIANT: a one-time handler that an earlier handler removes is not called at all', () => {
    everywhere((place, warmUp) => {
      const set = stage(way, place, warmUp, () => {
        for (const subscription of once) subscription.unsubscribe()
      })
      const once = [0, 1].map(() =>
        set.dispatcher.subscribe('a', (payload) => set.called.push(`once:${payload}`), { once: true }),
      )
      expect(set.publish(1)).toBe(place.handlers)
      expect(set.called).toEqual(ids(0, place.handlers, 1))
    })
  })

  test('INVARIANT: a one-time handler taken by a nested publish is not called by the outer one', () => {
    everywhere((place, warmUp) => {
      const set = stage(way, place, warmUp, ({ publish }) => publish(2))
      set.dispatcher.subscribe('a', (payload) => set.called.push(`once:${payload}`), { once: true })
      set.publish(1)
      expect(set.called.filter((call) => call.startsWith('once'))).toEqual(['once:2'])
    })
  })
})

test('a handler removed during the publish of a pattern is not called any more either', () => {
  const dispatcher = new EventDispatcher<Events>()
  const called: string[] = []
  dispatcher.subscribe('a.*', () => {
    called.push('first')
    second.unsubscribe()
  })
  const second = dispatcher.subscribe('**', () => called.push('second'))
  expect(dispatcher.publish('a.b', 1)).toBe(1)
  expect(dispatcher.publish('a.c', 1)).toBe(1)
  expect(called).toEqual(['first', 'first'])
})

test('handlers that unsubscribe each other and come back in nested publishes never double or vanish', () => {
  const dispatcher = new EventDispatcher<Events>({ maxDepth: 8 })
  const active = new Map<number, Subscription>()
  let calls = 0
  const join = (id: number): void => {
    const subscription = dispatcher.subscribe('a', (depth) => {
      calls++
      const other = (id + 1) % 5
      active.get(other)!.unsubscribe()
      if (depth < 4) dispatcher.publish('a', depth + 1)
      if (!active.get(other)!.active) join(other)
    })
    active.set(id, subscription)
  }
  for (let id = 0; id < 5; id++) join(id)
  for (let i = 0; i < 20; i++) dispatcher.publish('a', 0)
  expect(calls).toBeGreaterThan(100)
  expect(dispatcher.size).toBe(5)
  expect(dispatcher.handlers('a')).toHaveLength(5)
  expect(new Set(dispatcher.handlers('a'))).toEqual(new Set(active.values()))
})

test('a subscription made and ended within one publish is never called', () => {
  const dispatcher = new EventDispatcher<Events>()
  const never: number[] = []
  for (let i = 0; i < 4; i++) {
    dispatcher.subscribe('a', () => dispatcher.subscribe('a', () => never.push(i)).unsubscribe())
  }
  for (let i = 0; i < 5; i++) expect(dispatcher.publish('a', i)).toBe(4)
  expect(never).toEqual([])
  expect(dispatcher.size).toBe(4)
})
