import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  compose,
  type LateEvent,
  limit,
  resequenced,
  type ResequencedOptions,
  type SequenceGap,
  type SignalContext,
} from '../src/index.ts'
import { outcome } from './helpers.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

interface Event {
  source: string
  sequence?: number
  id?: string
}

function recorder(options: ResequencedOptions = {}) {
  const [seen, gaps, late]: [string[], string[], LateEvent[]] = [[], [], []]
  const wrapped = resequenced({
    onGap: ({ source, from, to, reason }: SequenceGap) => void gaps.push(`${source} ${from}-${to} ${reason}`),
    onLate: (event) => void late.push(event),
    ...options,
  })(function apply(event: Event, ..._rest: unknown[]) {
    seen.push(`${event.source}${event.sequence ?? ''}${event.id ?? ''}`)
    return event.sequence
  })
  const send = (...sequences: number[]) => sequences.map((sequence) => wrapped({ source: 'a', sequence }))
  return { seen, gaps, late, wrapped, send }
}

test('events in order pass at once', () => {
  const { seen, send } = recorder()
  void send(1, 2, 3)
  expect(seen).toEqual(['a1', 'a2', 'a3'])
  expect(vi.getTimerCount()).toBe(0)
})

test('an event that comes early is held until those before it have come', async () => {
  const { seen, gaps, send } = recorder()
  const results = send(3, 2)
  expect(seen).toEqual([])
  expect(vi.getTimerCount()).toBe(1)
  results.push(...send(1))
  expect(seen).toEqual(['a1', 'a2', 'a3'])
  expect(await Promise.all(results)).toEqual([3, 2, 1])
  expect(vi.getTimerCount()).toBe(0)
  expect(gaps).toEqual([])
})

test('sources do not wait for one another, and events without a sequence for nobody', () => {
  const { seen, wrapped } = recorder()
  void wrapped({ source: 'a', sequence: 2 })
  void wrapped({ source: 'b', sequence: 1 })
  void wrapped({ source: 'a' })
  expect(seen).toEqual(['b1', 'a'])
})

test('INVARIANT: any permutation of a sequence comes out in order, duplicates of what is held once', async () => {
  const events = fc.integer({ min: 1, max: 30 }).chain((length) => {
    const numbers = Array.from({ length }, (_, index) => index + 1)
    return fc.tuple(
      fc.shuffledSubarray(numbers, { minLength: length, maxLength: length }),
      fc.array(fc.integer({ min: 0, max: length - 1 }), { maxLength: 10 }),
    )
  })
  await fc.assert(
    fc.asyncProperty(events, fc.constantFrom(0, 1, -5), async ([order, repeats], first) => {
      const { seen, gaps, wrapped } = recorder({ first, late: 'drop' })
      const shifted = order.map((sequence) => sequence - 1 + first)
      // Each repeated right behind its event: then it is either held (and shares the call) or late (and is dropped).
      const sent = shifted.flatMap((sequence, index) => (repeats.includes(index) ? [sequence, sequence] : [sequence]))
      const results = sent.map((sequence) => wrapped({ source: 's', sequence }))
      expect(seen).toEqual(shifted.toSorted((a, b) => a - b).map((sequence) => `s${sequence}`))
      await Promise.all(results)
      expect(gaps).toEqual([])
      expect(vi.getTimerCount()).toBe(0)
    }),
    { numRuns: 200 },
  )
})

test('INVARIANT: with gaps, each source comes out in order, nothing is lost, and nothing held longer than gapTimeout', async () => {
  const arrivals = fc.array(
    fc.record({ source: fc.constantFrom('a', 'b'), sequence: fc.integer({ min: 1, max: 12 }), pause: fc.nat(40) }),
    { maxLength: 25 },
  )
  await fc.assert(
    fc.asyncProperty(arrivals, async (list) => {
      const events = list.filter(
        ({ source, sequence }, index) =>
          list.findIndex((each) => each.source === source && each.sequence === sequence) === index,
      )
      const [released, late]: [{ source: string; sequence: number }[], LateEvent[]] = [[], []]
      const wrapped = resequenced({ gapTimeout: 100, onLate: (event) => void late.push(event) })((event: {
        source: string
        sequence: number
        at: number
      }) => {
        expect(performance.now() - event.at).toBeLessThanOrEqual(100)
        released.push(event)
      })
      const results: Promise<unknown>[] = []
      for (const { source, sequence, pause } of events) {
        results.push(wrapped({ source, sequence, at: performance.now() }))
        await vi.advanceTimersByTimeAsync(pause)
      }
      await vi.runAllTimersAsync()
      await Promise.all(results)
      expect(released).toHaveLength(events.length)
      for (const source of ['a', 'b']) {
        const lateOnes = new Set(late.filter((each) => each.source === source).map(({ sequence }) => sequence))
        const inOrder = released.filter((each) => each.source === source && !lateOnes.has(each.sequence))
        expect(inOrder).toEqual(inOrder.toSorted((x, y) => x.sequence - y.sequence))
      }
    }),
    { numRuns: 150 },
  )
})

describe('a gap', () => {
  test('is passed over when its time is up: what is there comes out in order, and the hook is told', async () => {
    const { seen, gaps, send } = recorder({ gapTimeout: '5s' })
    const results = send(1, 5, 4)
    await vi.advanceTimersByTimeAsync(4999)
    expect(seen).toEqual(['a1'])
    await vi.advanceTimersByTimeAsync(1)
    expect(seen).toEqual(['a1', 'a4', 'a5'])
    expect(gaps).toEqual(['a 2-3 timeout'])
    expect(await Promise.all(results)).toEqual([1, 5, 4])
    void send(6)
    expect(seen.at(-1)).toBe('a6')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('behind another one has its own time, counted from the event behind it', async () => {
    const { seen, gaps, send } = recorder({ gapTimeout: 1000 })
    void send(2)
    await vi.advanceTimersByTimeAsync(600)
    void send(4)
    await vi.advanceTimersByTimeAsync(400)
    expect(seen).toEqual(['a2'])
    await vi.advanceTimersByTimeAsync(599)
    expect(seen).toEqual(['a2'])
    await vi.advanceTimersByTimeAsync(1)
    expect(seen).toEqual(['a2', 'a4'])
    expect(gaps).toEqual(['a 1-1 timeout', 'a 3-3 timeout'])
  })

  test('takes lower events along that came later', async () => {
    const { seen, gaps, send } = recorder({ gapTimeout: 1000 })
    void send(5)
    await vi.advanceTimersByTimeAsync(900)
    void send(3)
    await vi.advanceTimersByTimeAsync(100)
    expect(seen).toEqual(['a3', 'a5'])
    expect(gaps).toEqual(['a 1-2 timeout', 'a 4-4 timeout'])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a hook that throws changes nothing', async () => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => {})
    const { seen, send } = recorder({
      onGap: () => {
        throw new Error('hook')
      },
    })
    void send(2)
    await vi.runAllTimersAsync()
    expect(seen).toEqual(['a2'])
    expect(error).toHaveBeenCalledWith('the hook `onGap` failed', expect.any(Error))
    error.mockRestore()
  })
})

describe('late events', () => {
  test('are handled at once, out of order, and the hook is told', async () => {
    const { seen, late, send } = recorder()
    const results = send(1, 2, 1)
    expect(seen).toEqual(['a1', 'a2', 'a1'])
    expect(await results[2]).toBe(1)
    expect(late).toEqual([{ handler: 'apply', source: 'a', sequence: 1, expected: 3 }])
  })

  test('are left out with late: drop', async () => {
    const { seen, late, send } = recorder({ late: 'drop' })
    expect(await Promise.all(send(1, 2, 1))).toEqual([1, 2, undefined])
    expect(seen).toEqual(['a1', 'a2'])
    expect(late).toHaveLength(1)
  })
})

describe('duplicates of a held event', () => {
  test('with the same id share its one call', async () => {
    const { seen, wrapped, send } = recorder()
    const held = [1, 2].map(() => wrapped({ source: 'a', sequence: 2, id: 'x' }))
    void send(1)
    expect(seen).toEqual(['a1', 'a2x'])
    expect(await Promise.all(held)).toEqual([2, 2])
  })

  test('with another id are other events, released beside it', () => {
    const { seen, wrapped, send } = recorder()
    for (const id of ['x', 'y', 'x']) void wrapped({ source: 'a', sequence: 2, id })
    void send(3, 1)
    expect(seen).toEqual(['a1', 'a2x', 'a2y', 'a3'])
  })
})

describe('INVARIANT: memory is bounded', () => {
  test('beyond maxHeld the gap of the newest event is passed over', () => {
    const { seen, gaps, send, wrapped } = recorder({ maxHeld: 3 })
    void wrapped({ source: 'b', sequence: 9 })
    void send(10, 5)
    expect(seen).toEqual([])
    void send(6)
    expect(seen).toEqual(['a5', 'a6'])
    expect(gaps).toEqual(['a 1-4 overflow'])
    void send(20)
    expect(seen).toEqual(['a5', 'a6'])
    void send(21)
    expect(seen).toEqual(['a5', 'a6', 'a10'])
  })

  test('beyond maxSources the source not seen for longest is forgotten, unless it holds something', () => {
    const { seen, late, wrapped } = recorder({ maxSources: 2 })
    for (const source of ['a', 'b']) void wrapped({ source, sequence: 1 })
    void wrapped({ source: 'a', sequence: 3 })
    void wrapped({ source: 'b', sequence: 2 })
    void wrapped({ source: 'c', sequence: 1 })
    // b was forgotten and begins again; a was not, though it was not seen for longer.
    void wrapped({ source: 'b', sequence: 1 })
    void wrapped({ source: 'a', sequence: 2 })
    expect(late).toEqual([])
    expect(seen).toEqual(['a1', 'b1', 'b2', 'c1', 'b1', 'a2', 'a3'])
  })
})

describe('what is held', () => {
  test('is released in order by flush, which waits for it', async () => {
    const { seen, gaps, send, wrapped } = recorder()
    const results = send(7, 3)
    await wrapped.flush()
    expect(seen).toEqual(['a3', 'a7'])
    expect(gaps).toEqual(['a 1-2 flush', 'a 4-6 flush'])
    expect(await Promise.all(results)).toEqual([7, 3])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('is rejected by cancel, and no timer stays; the place is kept', async () => {
    const { seen, send, wrapped } = recorder()
    const held = send(2, 3).map(outcome)
    wrapped.cancel()
    for (const result of await Promise.all(held)) expect(result).toHaveProperty('error.code', 'HANDLER_CANCELLED')
    expect(vi.getTimerCount()).toBe(0)
    void send(1, 2)
    expect(seen).toEqual(['a1', 'a2'])
  })

  test('leaves when the signal of its context aborts', async () => {
    const { seen, send, wrapped } = recorder()
    const controller = new AbortController()
    const context: SignalContext = { signal: controller.signal }
    const held = outcome(wrapped({ source: 'a', sequence: 2 }, context))
    const reason = new Error('gone')
    controller.abort(reason)
    expect(await held).toEqual({ error: reason })
    expect(vi.getTimerCount()).toBe(0)
    expect(await outcome(wrapped({ source: 'a', sequence: 3 }, { signal: AbortSignal.abort(reason) }))).toEqual({
      error: reason,
    })
    void send(1)
    expect(seen).toEqual(['a1'])
  })

  test('does not keep others back when one fails', async () => {
    const seen: number[] = []
    const wrapped = resequenced()((event: { source: string; sequence: number }) => {
      seen.push(event.sequence)
      if (event.sequence === 2) throw new Error('failed')
    })
    const results = [3, 2, 1].map((sequence) => outcome(wrapped({ source: 'a', sequence })))
    expect(await Promise.all(results)).toEqual([
      { value: undefined },
      { error: new Error('failed') },
      { value: undefined },
    ])
    expect(seen).toEqual([1, 2, 3])
  })
})

test('handlers that send events themselves do not upset the order, and no call is forgotten', async () => {
  const seen: number[] = []
  const results: Promise<unknown>[] = []
  const send = (...sequences: number[]) => {
    for (const sequence of sequences) results.push(wrapped({ source: 'a', sequence }))
  }
  const wrapped = resequenced()((event: { source: string; sequence: number }) => {
    seen.push(event.sequence)
    if (event.sequence === 1) send(3, 2, 5)
    if (event.sequence === 2) send(3)
  })
  send(4, 1)
  expect(seen).toEqual([1, 2, 3, 4, 5])
  expect(vi.getTimerCount()).toBe(0)
  expect(await Promise.all(results)).toHaveLength(6)
})

test('with limit(1) inside, each handler ends before the next one starts', async () => {
  const seen: string[] = []
  const wrapped = compose(
    resequenced(),
    limit(1),
  )(async ({ sequence }: { source: string; sequence: number }) => {
    seen.push(`start ${sequence}`)
    await new Promise((resolve) => setTimeout(resolve, 10 - sequence))
    seen.push(`end ${sequence}`)
  })
  for (const sequence of [2, 3, 1]) void wrapped({ source: 'a', sequence })
  await vi.runAllTimersAsync()
  expect(seen).toEqual(['start 1', 'end 1', 'start 2', 'end 2', 'start 3', 'end 3'])
})

test('place says where an event stands that says it otherwise', async () => {
  interface Recorded {
    stream: string
    version: number
  }
  const seen: number[] = []
  const wrapped = resequenced({ place: ({ stream, version }: Recorded) => ({ source: stream, sequence: version }) })(
    (event: Recorded) => void seen.push(event.version),
  )
  for (const version of [3, 1, 2]) void wrapped({ stream: 'order-42', version })
  expect(seen).toEqual([1, 2, 3])
})

test('what is no event is left to the handler', async () => {
  const echo = resequenced()((event: Event) => [event]) as (event: unknown) => Promise<unknown>
  expect(await Promise.all([echo(undefined), echo('text')])).toEqual([[undefined], ['text']])
})

test('an event whose place cannot be told is refused', async () => {
  const wrapped = recorder().wrapped as (event: unknown) => Promise<unknown>
  await expect(wrapped({ source: 'a', sequence: 1.5 })).rejects.toThrow(
    '`sequence of an event for resequenced handler apply` must be a whole number, received 1.5',
  )
  await expect(wrapped({ source: 'a', sequence: '1' })).rejects.toThrow('received "1"')
  await expect(wrapped({ sequence: 1 })).rejects.toThrow(
    '`source of an event for resequenced handler apply` must be a string',
  )
})

test('options are refused by name', () => {
  const loose = resequenced as (options: unknown) => unknown
  expect(() => loose({ place: 'stream' })).toThrow('`place` must be a function')
  expect(() => loose({ gapTimeout: -1 })).toThrow('`gapTimeout`')
  expect(() => loose({ maxHeld: 0 })).toThrow('`maxHeld`')
  expect(() => loose({ maxSources: 0 })).toThrow('`maxSources`')
  expect(() => loose({ first: 0.5 })).toThrow('`first` must be a whole number, received 0.5')
  expect(() => loose({ late: 'keep' })).toThrow('`late` must be one of handle, drop, received "keep"')
  expect(() => loose({ onGap: 1 })).toThrow('`onGap`')
  expect(() => loose({ onLate: 1 })).toThrow('`onLate`')
})
