import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { AsyncEventDispatcher, EventDispatcher, type Observer } from '../src/index.ts'

type Events = Record<string, unknown>

/** Notes every hook that is told, in order. */
function recorder(): { observer: Observer; told: [string, object][] } {
  const told: [string, object][] = []
  const note = (hook: string) => (event: object) => void told.push([hook, event])
  const observer: Observer = {
    published: note('published'),
    handled: note('handled'),
    failed: note('failed'),
    unhandled: note('unhandled'),
    shed: note('shed'),
  }
  return { observer, told }
}

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

describe('an observer of the synchronous dispatcher', () => {
  test('is told each publish, then each handler with its name and duration', () => {
    const { observer, told } = recorder()
    const dispatcher = new EventDispatcher<Events>({ observer })
    dispatcher.subscribe('a', () => vi.advanceTimersByTime(30), { name: 'slow' })
    dispatcher.subscribe('*', () => {}, { name: 'fast' })
    expect(dispatcher.publish('a', 1)).toBe(2)
    expect(told).toEqual([
      ['published', { type: 'a', payload: 1 }],
      ['handled', { type: 'a', payload: 1, handler: 'slow', duration: 30 }],
      ['handled', { type: 'a', payload: 1, handler: 'fast', duration: 0 }],
    ])
  })

  test('is told each time, however often and by whatever way it is published', () => {
    const { observer, told } = recorder()
    const dispatcher = new EventDispatcher<Events>({ observer })
    for (let i = 0; i < 3; i++) dispatcher.subscribe('a', () => {})
    for (let i = 0; i < 4; i++) {
      dispatcher.publish('a', i)
      dispatcher.topic('a').publish(i)
      dispatcher.publish({ type: 'a' }, i)
    }
    expect(told.filter(([hook]) => hook === 'published')).toHaveLength(12)
    expect(told.filter(([hook]) => hook === 'handled')).toHaveLength(36)
  })

  test('is told a failure instead of a handling, beside onError', () => {
    const { observer, told } = recorder()
    const onError = vi.fn()
    const dispatcher = new EventDispatcher<Events>({ observer, onError })
    const error = new Error('broken')
    dispatcher.subscribe(
      'a',
      () => {
        throw error
      },
      { name: 'broken' },
    )
    dispatcher.publish('a', 1)
    const failure = { error, type: 'a', payload: 1, handler: 'broken' }
    expect(told.slice(1)).toEqual([['failed', failure]])
    expect(onError.mock.calls).toEqual([[failure]])
  })

  test('is told a promise when it settles, with the time until then', async () => {
    const { observer, told } = recorder()
    const dispatcher = new EventDispatcher<Events>({ observer, onError: () => {} })
    dispatcher.subscribe('a', () => later(50), { name: 'resolves' })
    dispatcher.subscribe('a', () => later(20).then(() => Promise.reject(new Error('broken'))), { name: 'rejects' })
    dispatcher.publish('a', 1)
    expect(told.map(([hook]) => hook)).toEqual(['published'])
    await vi.advanceTimersByTimeAsync(50)
    expect(told.slice(1)).toEqual([
      ['failed', { error: new Error('broken'), type: 'a', payload: 1, handler: 'rejects' }],
      ['handled', { type: 'a', payload: 1, handler: 'resolves', duration: 50 }],
    ])
  })

  test('is told an event that nobody takes, published and unhandled', () => {
    const { observer, told } = recorder()
    const dispatcher = new EventDispatcher<Events>({ observer })
    dispatcher.publish('a', 1)
    dispatcher.topic('a').publish(2)
    expect(told).toEqual([
      ['published', { type: 'a', payload: 1 }],
      ['unhandled', { type: 'a', payload: 1 }],
      ['published', { type: 'a', payload: 2 }],
      ['unhandled', { type: 'a', payload: 2 }],
    ])
  })

  test('is told nothing of a publish that is refused', () => {
    const { observer, told } = recorder()
    const dispatcher = new EventDispatcher<Events>({ observer })
    const pattern: string = 'a.*'
    expect(() => dispatcher.publish(pattern, 1)).toThrow(pattern)
    dispatcher.close()
    expect(() => dispatcher.publish('a', 1)).toThrow('closed')
    expect(told).toEqual([])
  })

  test('sees nested publishes where they happen', () => {
    const { observer, told } = recorder()
    const dispatcher = new EventDispatcher<Events>({ observer })
    dispatcher.subscribe('outer', () => dispatcher.publish('inner', 1))
    dispatcher.subscribe('inner', () => {})
    dispatcher.publish('outer', 1)
    expect(told.map(([hook, event]) => `${hook} ${(event as { type: string }).type}`)).toEqual([
      'published outer',
      'published inner',
      'handled inner',
      'handled outer',
    ])
  })

  test('is called with its own `this`', () => {
    class Counter implements Observer {
      count = 0
      published(): void {
        this.count++
      }
      handled(): void {
        this.count++
      }
    }
    const observer = new Counter()
    const dispatcher = new EventDispatcher<Events>({ observer })
    dispatcher.subscribe('a', () => {})
    dispatcher.publish('a', 1)
    expect(observer.count).toBe(2)
  })

  test.for(['published', 'handled', 'failed', 'unhandled', 'shed'] as const)('may have no hook but %s', (hook) => {
    const told = vi.fn()
    const dispatcher = new EventDispatcher<Events>({
      observer: { [hook]: told },
      onError: () => {},
      storm: { limit: 1, onChange: () => {} },
    })
    dispatcher.subscribe('a', () => {})
    dispatcher.subscribe('a', () => {
      throw new Error('broken')
    })
    dispatcher.publish('a', 1)
    dispatcher.publish('a', 2)
    dispatcher.publish('b', 3)
    expect(told).toHaveBeenCalledTimes(hook === 'published' ? 2 : 1)
  })
})

describe.for([
  ['unbounded', {}],
  ['bounded', { concurrency: 2 }],
  ['serial', { mode: 'serial' }],
] as const)('an observer of the asynchronous dispatcher, %s', ([kind, options]) => {
  test('is told each handler when it has settled, with its duration', async () => {
    const { observer, told } = recorder()
    const dispatcher = new AsyncEventDispatcher<Events>({ ...options, observer })
    dispatcher.subscribe('a', () => later(50), { name: 'slow' })
    dispatcher.subscribe('a', () => later(20), { name: 'fast' })
    dispatcher.subscribe('a', () => {}, { name: 'at once' })
    const done = dispatcher.publish('a', 1)
    await vi.advanceTimersByTimeAsync(100)
    expect(await done).toBe(3)
    const expected = [
      { type: 'a', payload: 1, handler: 'slow', duration: 50 },
      { type: 'a', payload: 1, handler: 'fast', duration: 20 },
      { type: 'a', payload: 1, handler: 'at once', duration: 0 },
    ]
    expect(told[0]).toEqual(['published', { type: 'a', payload: 1 }])
    const order = kind === 'serial' ? [0, 1, 2] : kind === 'bounded' ? [1, 2, 0] : [2, 1, 0]
    expect(told.slice(1)).toEqual(order.map((at) => ['handled', expected[at]]))
  })

  test('is told failures, unhandled events and refusals', async () => {
    const { observer, told } = recorder()
    const dispatcher = new AsyncEventDispatcher<Events>({ ...options, observer, onError: () => {} })
    dispatcher.subscribe('a', () => Promise.reject(new Error('rejected')), { name: 'rejects' })
    dispatcher.subscribe(
      'a',
      () => {
        throw new Error('thrown')
      },
      { name: 'throws' },
    )
    await dispatcher.publish('a', 1)
    await dispatcher.publish('b', 2)
    await dispatcher.close()
    await expect(dispatcher.publish('c', 3)).rejects.toThrow('closed')
    const hooks = told.map(([hook, event]) => `${hook} ${(event as { handler?: string }).handler ?? ''}`.trim())
    expect(hooks.toSorted()).toEqual([
      'failed',
      'failed rejects',
      'failed throws',
      'published',
      'published',
      'unhandled',
    ])
  })
})
