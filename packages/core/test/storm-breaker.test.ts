import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  AsyncEventDispatcher,
  type Duration,
  EventDispatcher,
  EventStormError,
  type Failure,
  type StormOptions,
  type StormState,
} from '../src/index.ts'

type Events = Record<string, unknown>

interface Change {
  type: string
  state: StormState
  shed: number
}

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

function breaking(storm: Omit<StormOptions, 'onChange'>): {
  dispatcher: EventDispatcher<Events>
  changes: Change[]
  burst: (events: number, type?: string) => number
} {
  const changes: Change[] = []
  const dispatcher = new EventDispatcher<Events>({ storm: { ...storm, onChange: (change) => changes.push(change) } })
  dispatcher.subscribe('**', () => {})
  const burst = (events: number, type = 'a'): number => {
    let passed = 0
    for (let i = 0; i < events; i++) passed += dispatcher.publish(type, i)
    return passed
  }
  return { dispatcher, changes, burst }
}

describe('a closed breaker', () => {
  test('lets so many events pass in each period', () => {
    const { dispatcher, changes, burst } = breaking({ limit: 5 })
    for (let second = 0; second < 10; second++) {
      expect(burst(5)).toBe(5)
      vi.advanceTimersByTime(1000)
    }
    expect(changes).toEqual([])
    expect(dispatcher.shed).toBe(0)
  })

  test('counts by fixed periods that begin with an event', () => {
    const { changes, burst } = breaking({ limit: 2, per: 100 })
    vi.advanceTimersByTime(12_345)
    expect(burst(2)).toBe(2)
    vi.advanceTimersByTime(99)
    expect(burst(1)).toBe(0)
    expect(changes).toHaveLength(1)
  })

  test('counts each type by itself', () => {
    const { changes, burst } = breaking({ limit: 2 })
    expect([burst(2, 'a'), burst(2, 'b'), burst(2, 'c')]).toEqual([2, 2, 2])
    expect(burst(1, 'b')).toBe(0)
    expect(burst(1, 'a')).toBe(0)
    expect(changes.map(({ type }) => type)).toEqual(['b', 'a'])
  })

  test.for([
    [250, 250],
    ['250ms', 250],
    ['2s', 2000],
    ['1m', 60_000],
  ] as [Duration, number][])('takes the period as a duration: %s', ([per, ms]) => {
    const { burst } = breaking({ limit: 1, per })
    expect(burst(1)).toBe(1)
    vi.advanceTimersByTime(ms)
    expect(burst(1)).toBe(1)
    vi.advanceTimersByTime(ms - 1)
    expect(burst(1)).toBe(0)
  })
})

describe('the breaker', () => {
  test('opens at the first event beyond the limit, sheds, tries again half open, and closes', () => {
    const { dispatcher, changes, burst } = breaking({ limit: 3, per: '1s', cooldown: '10s' })
    expect(burst(10)).toBe(3)
    expect(changes).toEqual([{ type: 'a', state: 'open', shed: 0 }])
    expect(dispatcher.shed).toBe(7)
    vi.advanceTimersByTime(9_999)
    expect(burst(5)).toBe(0)
    expect(dispatcher.shed).toBe(12)
    vi.advanceTimersByTime(1)
    expect(burst(1)).toBe(1)
    expect(changes.at(-1)).toEqual({ type: 'a', state: 'half-open', shed: 12 })
    expect(burst(2)).toBe(2)
    vi.advanceTimersByTime(1000)
    expect(burst(3)).toBe(3)
    expect(changes.at(-1)).toEqual({ type: 'a', state: 'closed', shed: 12 })
    expect(dispatcher.shed).toBe(12)
    expect(changes).toHaveLength(3)
  })

  test('opens again from half open when the storm goes on', () => {
    const { changes, burst } = breaking({ limit: 2, per: '1s' })
    burst(3)
    vi.advanceTimersByTime(1000)
    expect(burst(5)).toBe(2)
    expect(changes.map(({ state }) => state)).toEqual(['open', 'half-open', 'open'])
    expect(burst(5)).toBe(0)
  })

  test('cools down for one period by default', () => {
    const { burst } = breaking({ limit: 1, per: 500 })
    burst(2)
    vi.advanceTimersByTime(499)
    expect(burst(1)).toBe(0)
    vi.advanceTimersByTime(1)
    expect(burst(1)).toBe(1)
  })

  test('keeps no timer', () => {
    const { burst } = breaking({ limit: 1 })
    burst(5)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('judges events however they are published', () => {
    const { dispatcher, burst } = breaking({ limit: 2 })
    burst(2)
    const handle = dispatcher.topic('a')
    const Creating = { type: 'a', create: (input: number): number => input }
    const counts = [
      handle.publish(1),
      dispatcher.publish({ type: 'a' }, 1),
      dispatcher.publish({ type: 'a' }),
      dispatcher.publish(Creating, 1),
      dispatcher.topic(Creating).publish(1),
    ]
    expect(counts).toEqual([0, 0, 0, 0, 0])
    expect(dispatcher.shed).toBe(5)
  })

  test('judges events that nobody listens to as well', () => {
    const onUnhandled = vi.fn()
    const dispatcher = new EventDispatcher<Events>({ onUnhandled, storm: { limit: 2, onChange: () => {} } })
    for (let i = 0; i < 10; i++) dispatcher.publish('unheard', i)
    expect(dispatcher.shed).toBe(8)
    expect(onUnhandled).toHaveBeenCalledTimes(2)
  })

  test('what is shed is neither handled nor unhandled: publish returns 0 and the observer is told', () => {
    const told: string[] = []
    const note = (what: string) => (event: { type: string; payload: unknown }) =>
      told.push(`${what} ${String(event.payload)}`)
    const dispatcher = new EventDispatcher<Events>({
      storm: { limit: 1, onChange: ({ state }) => told.push(state) },
      onUnhandled: note('unhandled'),
      observer: {
        published: note('published'),
        handled: note('handled'),
        shed: note('shed'),
        unhandled: note('unhandled'),
      },
    })
    dispatcher.subscribe('a', () => {})
    for (let i = 1; i <= 3; i++) dispatcher.publish('a', i)
    expect(told).toEqual(['published 1', 'handled 1', 'open', 'shed 2', 'shed 3'])
  })

  test('a handler may publish its own type until it sheds', () => {
    const onChange = vi.fn()
    const dispatcher = new EventDispatcher<Events>({ storm: { limit: 10, onChange } })
    const handler = vi.fn(() => dispatcher.publish('a', 1))
    dispatcher.subscribe('a', handler)
    dispatcher.publish('a', 1)
    expect(handler).toHaveBeenCalledTimes(10)
    expect(onChange).toHaveBeenCalledOnce()
  })
})

describe('the opening of a breaker', () => {
  test('goes to onError where nobody asked for changes', () => {
    const told: Failure[] = []
    const dispatcher = new EventDispatcher<Events>({
      storm: { limit: 2, per: '5s' },
      onError: (failure) => told.push(failure),
    })
    dispatcher.subscribe('a', () => {})
    for (let i = 0; i < 10; i++) dispatcher.publish('a', i)
    expect(told).toMatchObject([{ type: 'a', handler: undefined }])
    const { error } = told[0]!
    expect(error).toBeInstanceOf(EventStormError)
    expect(String(error)).toMatch(/"a".*more than 2.*5s/)
    vi.advanceTimersByTime(5000)
    for (let i = 0; i < 10; i++) dispatcher.publish('a', i)
    expect(told).toHaveLength(2)
  })

  test('names its period with a unit, also when that was given as a number', () => {
    const told: Failure[] = []
    const dispatcher = new EventDispatcher<Events>({
      storm: { limit: 1, per: 250 },
      onError: (failure) => told.push(failure),
    })
    dispatcher.subscribe('a', () => {})
    for (let i = 0; i < 2; i++) dispatcher.publish('a', i)
    expect(String(told[0]!.error)).toMatch(/250 ?ms/)
  })

  test('is written to console.error by default', () => {
    const write = vi.spyOn(console, 'error').mockImplementation(() => {})
    const dispatcher = new EventDispatcher<Events>({ storm: { limit: 1 } })
    dispatcher.subscribe('a', () => {})
    for (let i = 0; i < 5; i++) dispatcher.publish('a', i)
    expect(write).toHaveBeenCalledOnce()
  })

  test('may be met by publishing: the hook may use the dispatcher', () => {
    const alarms = vi.fn()
    const dispatcher: EventDispatcher<Events> = new EventDispatcher<Events>({
      storm: { limit: 2, onChange: (change) => dispatcher.publish('alarm', change) },
    })
    dispatcher.subscribe('a', () => {})
    dispatcher.subscribe('alarm', alarms)
    for (let i = 0; i < 5; i++) dispatcher.publish('a', i)
    expect(alarms).toHaveBeenCalledExactlyOnceWith({ type: 'a', state: 'open', shed: 0 }, 'alarm')
  })
})

test('the asynchronous dispatcher sheds in the same way', async () => {
  const changes: Change[] = []
  const dispatcher = new AsyncEventDispatcher<Events>({
    concurrency: 2,
    storm: { limit: 3, per: '1s', onChange: (change) => changes.push(change) },
  })
  dispatcher.subscribe('a', async () => {})
  const counts = await Promise.all([1, 2, 3, 4, 5].map((payload) => dispatcher.publish('a', payload)))
  expect(counts).toEqual([1, 1, 1, 0, 0])
  expect(dispatcher.shed).toBe(2)
  expect(changes).toEqual([{ type: 'a', state: 'open', shed: 0 }])
})

test.for([0, '0s'] as const)('a period of %s, in which nothing could be counted, is refused', (per) => {
  expect(() => new EventDispatcher({ storm: { limit: 1, per } })).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('`storm.per`') }),
  )
})
