import { isTidingsError } from '@tidings/core'
import { over } from '@tidings/core/tools'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  type Failure,
  type Position,
  type Recorded,
  runSubscription,
  type SubscriptionOptions,
  waitFor,
  WaitTimeoutError,
} from '../src/index.ts'
import { createStore, memoryRecorder, type Recorder } from '../src/recorder/index.ts'
import { all, OrderPlaced, OrderShipped, placed, rejection, shop, type ShopEvent } from './support/shop.ts'

const place = ({ stream, version }: { stream: string; version: number }): string => `${stream}@${version}`

/** A subscription that notes what it is handed, stopped behind the test. */
async function noting(
  store: ReturnType<typeof shop>,
  options: SubscriptionOptions<ShopEvent> = {},
  handle: (recorded: Recorded<ShopEvent>, attempt: number) => unknown = () => {},
) {
  const seen: string[] = []
  const subscription = await runSubscription(store, 'notes', options, async (recorded, { attempt }) => {
    await handle(recorded, attempt)
    seen.push(place(recorded))
  })
  onTestFinished(() => subscription.stop())
  return { seen, subscription }
}

describe('subscribe', () => {
  test('INVARIANT: goes over from what was there to what comes, without a gap and without a double', async () => {
    const store = shop()
    for (let index = 0; index < 300; index++) await store.append('order-1', [placed()])
    const aborting = new AbortController()
    const versions: number[] = []
    const following = (async () => {
      for await (const { version } of store.subscribe({ signal: aborting.signal })) {
        if (versions.push(version) === 600) break
      }
    })()
    for (let index = 0; index < 300; index++) await store.append('order-1', [placed()])
    await following
    expect(versions).toEqual(Array.from({ length: 600 }, (_, index) => index + 1))
  })

  test('ends without an error when it is aborted, and leaves no timer behind', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const store = shop()
    const aborting = new AbortController()
    const following = all(store.subscribe({ signal: aborting.signal }))
    await vi.advanceTimersByTimeAsync(5000)
    await store.append('order-1', [placed()])
    await vi.advanceTimersByTimeAsync(0)
    aborting.abort()
    expect((await following).map(place)).toEqual(['order-1@1'])
    expect(vi.getTimerCount()).toBe(0)
    expect(await all(store.subscribe({ signal: aborting.signal }))).toEqual([])
  })

  test('begins behind a position, with what fits', async () => {
    const store = shop()
    await store.append('order-1', [placed()])
    const after = await store.end()
    await store.append('order-1', [placed(), OrderShipped.create({ carrier: 'Mail' })])
    for await (const recorded of store.subscribe({ after, types: ['shop.order.shipped'] })) {
      expect(place(recorded)).toBe('order-1@3')
      break
    }
  })
})

describe('runSubscription', () => {
  test('hands over what was there and what comes, and goes on behind its checkpoint', async () => {
    const store = shop()
    await store.append('order-1', [placed(), placed()])
    const { seen, subscription } = await noting(store)
    const { position } = await store.append('order-2', [placed()])
    await waitFor(subscription, position)
    expect(seen).toEqual(['order-1@1', 'order-1@2', 'order-2@1'])
    expect(subscription.state).toBe('live')
    await subscription.stop()
    expect(subscription.state).toBe('stopped')
    await subscription.ended
    const later = await store.append('order-3', [placed()])
    const again = await noting(store)
    await waitFor(again.subscription, later.position)
    expect(again.seen).toEqual(['order-3@1'])
  })

  test('a new one begins where it is told; one with a checkpoint does not ask', async () => {
    const store = shop()
    const { position } = await store.append('order-1', [placed()])
    await store.append('order-1', [placed()])
    const middle = await noting(store, { start: position })
    await waitFor(middle.subscription, await store.end())
    expect(middle.seen).toEqual(['order-1@2'])
    await middle.subscription.stop()
    const again = await noting(store, { start: 'beginning' })
    await waitFor(again.subscription, await store.end())
    expect(again.seen).toEqual([])
    const end = await runSubscription(store, 'late', { start: 'end' }, () => {})
    expect(end.position).toBe(await store.end())
    await end.stop()
  })

  test('INVARIANT: with many handlers at once, the events of a stream come in order and one at a time', async () => {
    const store = shop()
    for (let index = 0; index < 200; index++) await store.append(`order-${index % 7}`, [placed()])
    const running = new Set<string>()
    let most = 0
    const { seen, subscription } = await noting(store, { concurrency: 4, batch: 50 }, async ({ stream }) => {
      expect(running.has(stream)).toBe(false)
      running.add(stream)
      most = Math.max(most, running.size)
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 2))
      running.delete(stream)
    })
    await waitFor(subscription, await store.end())
    expect(most).toBeGreaterThan(1)
    expect(seen).toHaveLength(200)
    for (let index = 0; index < 7; index++) {
      const versions = seen
        .filter((each) => each.startsWith(`order-${index}@`))
        .map((each) => Number(each.split('@')[1]))
      expect(versions).toEqual(versions.toSorted((a, b) => a - b))
    }
  })

  test('an event that fails is tried again, and holds up what comes behind it', async () => {
    const store = shop()
    await store.append('order-1', [placed(), placed()])
    const failures: string[] = []
    const options: SubscriptionOptions<ShopEvent> = {
      retry: { delay: 1 },
      failed: ({ attempt, next }) => failures.push(`${attempt} ${next}`),
    }
    const { seen, subscription } = await noting(store, options, ({ version }, attempt) => {
      if (version === 1 && attempt < 3) throw new Error('busy')
    })
    await waitFor(subscription, await store.end())
    expect(failures).toEqual(['1 retry', '2 retry'])
    expect(seen).toEqual(['order-1@1', 'order-1@2'])
  })

  test('INVARIANT: it never stops in silence, and loses nothing when it goes on', async () => {
    const store = shop()
    await store.append('order-1', [placed(), placed(), placed()])
    const told = vi.spyOn(console, 'error').mockImplementation(() => {})
    onTestFinished(() => told.mockRestore())
    const broken = await noting(store, { retry: { attempts: 2, delay: 1 } }, ({ version }) => {
      if (version === 2) throw new Error('poison')
    })
    expect(await rejection(broken.subscription.ended)).toEqual(new Error('poison'))
    expect(broken.subscription.state).toBe('failed')
    expect(told.mock.calls).toEqual([['[tidings] "notes" stops before order-1@2:', new Error('poison')]])
    expect(await rejection(waitFor(broken.subscription, await store.end()))).toEqual(new Error('poison'))
    const mended = await noting(store)
    await waitFor(mended.subscription, await store.end())
    expect([...broken.seen, ...mended.seen]).toEqual(['order-1@1', 'order-1@2', 'order-1@3'])
  })

  test('with `skip` it leaves out what fails for good, and what cannot be read', async () => {
    const store = shop()
    await store.append('order-1', [placed(), placed(), placed()])
    const failures: Failure<ShopEvent>[] = []
    const options: SubscriptionOptions<ShopEvent> = { onFailure: 'skip', failed: (failure) => failures.push(failure) }
    const { seen, subscription } = await noting(store, options, ({ version }) => {
      if (version === 2) throw Object.assign(new Error('poison'), { retryable: false })
    })
    await waitFor(subscription, await store.end())
    expect(seen).toEqual(['order-1@1', 'order-1@3'])
    expect(failures).toMatchObject([{ follower: 'notes', attempt: 1, next: 'skip', stream: 'order-1', version: 2 }])
  })

  test('INVARIANT: of two under one name, the one that was overtaken writes no checkpoint', async () => {
    const store = shop()
    let release = (): void => {}
    const paused = new Promise<void>((resolve) => (release = resolve))
    await store.append('order-1', [placed()])
    const failures: unknown[] = []
    const slow = await noting(store, { failed: ({ next }) => failures.push(next) }, () => paused)
    const quick = await noting(store)
    await waitFor(quick.subscription, await store.end())
    await quick.subscription.stop()
    await store.append('order-1', [placed()])
    release()
    expect(isTidingsError(await rejection(slow.subscription.ended), 'RECORD_CONFLICT')).toBe(true)
    expect(failures).toEqual(['stop'])
    const next = await noting(store)
    await waitFor(next.subscription, await store.end())
    expect(next.seen).toEqual(['order-1@2'])
  })

  test('where the log or the checkpoint fails it begins anew behind the checkpoint, and tells', async () => {
    const log = memoryRecorder()
    const store = createStore(log, { events: [OrderPlaced] })
    await store.append('order-1', [placed(), placed(), placed()])
    let broken = 2
    const breaking = over<Recorder>(log, {
      readLog: (query) =>
        broken === 2 && broken-- > 0 ? Promise.reject(new Error('unreachable')) : log.readLog(query),
      async commit(commit) {
        const done = await log.commit(commit)
        if (broken === 1 && broken-- > 0) throw new Error('the answer was lost')
        return done
      },
    })
    const seen: number[] = []
    const failures: string[] = []
    const failed = ({ error, next }: Failure): unknown => failures.push(`${next}: ${(error as Error).message}`)
    const options = { retry: { delay: 1 }, batch: 2, failed }
    const shaken = createStore(breaking, { events: [OrderPlaced] })
    const subscription = await runSubscription(shaken, 'notes', options, ({ version }) => seen.push(version))
    await waitFor(subscription, await store.end())
    await subscription.stop()
    expect(seen).toEqual([1, 2, 3])
    expect(failures).toEqual(['retry: unreachable', 'retry: the answer was lost'])
  })

  test('tells why it ends where no event is to blame', async () => {
    const store = shop()
    const told = vi.spyOn(console, 'error').mockImplementation(() => {})
    onTestFinished(() => told.mockRestore())
    const { subscription } = await noting(store)
    await store.close()
    expect(await rejection(subscription.ended)).toMatchObject({ code: 'STORE_CLOSED' })
    expect(told.mock.calls.map(([line]) => line as unknown)).toEqual(['[tidings] "notes" stops behind position 0:'])
  })

  test('stops by its signal, also while it waits for a retry', async () => {
    const store = shop()
    await store.append('order-1', [placed()])
    const aborting = new AbortController()
    let failed = (): void => {}
    const failing = new Promise<void>((resolve) => (failed = resolve))
    const options: SubscriptionOptions<ShopEvent> = { signal: aborting.signal, retry: { delay: '1h' }, failed }
    const { subscription } = await noting(store, options, () => {
      throw new Error('busy')
    })
    await failing
    aborting.abort()
    await subscription.ended
    expect(subscription.state).toBe('stopped')
    const before = await noting(store, { signal: aborting.signal })
    await before.subscription.ended
    expect(before.seen).toEqual([])
  })

  test('moves on over what does not fit', async () => {
    const store = shop()
    await store.append(
      'order-1',
      Array.from({ length: 1200 }, () => placed()),
    )
    const { seen, subscription } = await noting(store, { types: ['shop.order.shipped'] })
    await waitFor(subscription, await store.end())
    expect(seen).toEqual([])
    await subscription.stop()
    expect((await store.recorder.readRecord('subscription/notes'))?.value).toBe('1200')
  })

  test.for<object>([{ concurrency: 0 }, { batch: 0 }, { start: 'middle' }, { onFailure: 'ignore' }, { retries: 3 }])(
    'refuses %j',
    async (options) => {
      const error = await rejection(runSubscription(shop(), 'notes', options, () => {}))
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' })
    },
  )
})

describe('waitFor', () => {
  test('says where the follower is when it comes too late', async () => {
    const store = shop()
    const { subscription } = await noting(store)
    const error = await rejection(waitFor(subscription, 7 as Position, { timeout: 5 }))
    expect(error).toBeInstanceOf(WaitTimeoutError)
    expect((error as Error).message).toMatch(/^"notes" did not come to position 7 within 5ms: it is .+, at 0\n/)
    await waitFor(subscription, 0 as Position)
    const pending = rejection(waitFor(subscription, 7 as Position))
    await subscription.stop()
    expect(await pending).toMatchObject({ code: 'FOLLOWER_STOPPED' })
    expect(await rejection(waitFor(subscription, 7 as Position))).toMatchObject({ code: 'FOLLOWER_STOPPED' })
  })
})
