import { defineEvent } from '@tidings/events'
import { z } from 'zod'
import { describe, expect, expectTypeOf, onTestFinished, test, vi } from 'vitest'
import {
  defineProjection,
  type Failure,
  type Projection,
  ProjectionError,
  type ProjectionOptions,
  runProjection,
  waitFor,
} from '../src/index.ts'
import { createStore, memoryRecorder, type Recorder } from '../src/recorder/index.ts'
import { over } from '@tidings/core/tools'
import { all, OrderPlaced, OrderShipped, placed, rejection, shop } from './support/shop.ts'

const sold = defineProjection('sold', {
  on: [OrderPlaced],
  key: ({ data }) => data.item,
  initial: () => 0,
  evolve: (count, { data }) => count + data.quantity,
})

const total = defineProjection('total', {
  on: [OrderPlaced, OrderShipped],
  initial: () => ({ placed: 0, shipped: 0 }),
  evolve: (state, event) => {
    if (event.type === 'shop.order.placed') state.placed++
    else state.shipped++
    return state
  },
})

async function running<State>(
  store: ReturnType<typeof shop>,
  projection: Projection<State>,
  options: ProjectionOptions = {},
) {
  const started = await runProjection(store, projection, options)
  onTestFinished(() => started.stop())
  return started
}

test('counts what was there and what comes, in one state or in one for each key', async () => {
  const store = shop()
  await store.append('order-1', [placed('Book'), placed('Pen'), OrderShipped.create({ carrier: 'Mail' })])
  const [items, sum] = [await running(store, sold), await running(store, total)]
  const { position } = await store.append('order-2', [OrderPlaced.create({ item: 'Book', quantity: 4 })])
  await Promise.all([waitFor(items, position), waitFor(sum, position)])
  expect(await items.get('Book')).toBe(5)
  expect(await items.get('Cup')).toBe(0)
  expect(await all(items.entries())).toEqual([
    ['Book', 5],
    ['Pen', 1],
  ])
  expect(await sum.get()).toEqual({ placed: 3, shipped: 1 })
  expectTypeOf(await items.get('Book')).toEqualTypeOf<number>()
  expect(sum.state).toBe('live')
})

test('INVARIANT: each event counts once, whatever crashes between two commits', async () => {
  const log = memoryRecorder()
  const store = createStore(log, { events: [OrderPlaced] })
  for (let index = 0; index < 600; index++) await store.append(`order-${index}`, [placed('Book')])
  let crashes = 0
  for (let crash = 0; crash < 6; crash++) {
    // The process ends before or behind its next commit: what it has in memory is lost either way.
    let commits = 0
    const dying: Recorder = over<Recorder>(log, {
      commit: async (commit) => {
        if (++commits > crash % 3) throw killed('before the commit')
        const done = await log.commit(commit)
        if (crash > 2) throw killed('behind the commit')
        return done
      },
    })
    const options = { failed: () => {} }
    const failed = await runProjection(createStore(dying, { events: [OrderPlaced] }), sold, options).catch(
      () => undefined,
    )
    await Promise.race([failed?.ended, failed && waitFor(failed, await store.end())]).catch(() => crashes++)
    await failed?.stop()
  }
  expect(crashes).toBeGreaterThan(2)
  const items = await runProjection(store, sold)
  await waitFor(items, await store.end())
  expect(await items.get('Book')).toBe(600)
  await items.stop()
})

/** What nobody tries again. */
const killed = (when: string): Error => Object.assign(new Error(`killed ${when}`), { retryable: false })

test('goes on behind its checkpoint', async () => {
  const store = shop()
  await store.append('order-1', [placed('Book')])
  const first = await running(store, sold)
  await waitFor(first, await store.end())
  await first.stop()
  await store.append('order-1', [placed('Book')])
  const evolve = vi.fn<(count: number) => number>((count) => count + 1)
  const again = await running(store, { ...sold, evolve })
  await waitFor(again, await store.end())
  expect(evolve).toHaveBeenCalledTimes(1)
  expect(await again.get('Book')).toBe(2)
})

describe('rebuild', () => {
  test('INVARIANT: what is served goes on while all is computed anew, and then the new one is served', async () => {
    const store = shop()
    for (let index = 0; index < 600; index++) await store.append(`order-${index}`, [placed('Book')])
    const first = await running(store, sold)
    await waitFor(first, await store.end())
    await first.stop()
    // The same version, mended: what is kept is wrong until it is computed anew.
    const doubled = await running(store, { ...sold, evolve: (count) => count + 2 })
    const seen = new Set<number>()
    const rebuilding = Promise.all([doubled.rebuild(), doubled.rebuild()])
    for (let served = 600; served === 600;) {
      seen.add((served = await doubled.get('Book')))
      await new Promise((resolve) => setTimeout(resolve, 0))
    }
    await rebuilding
    expect([...seen].filter((count) => count !== 600 && count !== 1200)).toEqual([])
    expect(await doubled.get('Book')).toBe(1200)
    const { position } = await store.append('order-1', [placed('Book')])
    await waitFor(doubled, position)
    expect(await doubled.get('Book')).toBe(1202)
    // Nothing is left of the first one.
    const records = await store.recorder.listRecords({ prefix: 'projection/"sold"/1/', limit: 100 })
    expect(records.map(({ key }) => key)).toEqual([
      'projection/"sold"/1/2/checkpoint',
      'projection/"sold"/1/2/state/Book',
    ])
    expect(doubled.state).toBe('live')
  })

  test('a new version is served when it has come to the end, and the old one goes on beside it', async () => {
    const store = shop()
    for (let index = 0; index < 300; index++) await store.append(`order-${index}`, [placed('Book')])
    const old = await running(store, sold)
    await old.ready
    const next = await running(store, { ...sold, version: 2, evolve: (count) => count + 10 })
    expect(await next.get('Book')).toBe(3000)
    expect(await old.get('Book')).toBe(300)
    const { position } = await store.append('order-1', [placed('Book')])
    await Promise.all([waitFor(old, position), waitFor(next, position)])
    expect([await old.get('Book'), await next.get('Book')]).toEqual([301, 3010])
  })

  test('who reads all states while they are replaced gets each key once', async () => {
    const store = shop()
    for (let index = 0; index < 600; index++) await store.append('order-1', [placed(`item-${index}`)])
    const items = await running(store, sold)
    await items.ready
    const keys: string[] = []
    for await (const [key] of items.entries()) {
      if (keys.push(key) === 100) await items.rebuild()
    }
    expect(keys).toHaveLength(600)
    expect(new Set(keys).size).toBe(600)
  })

  test('one that fails leaves what is served as it is', async () => {
    const store = shop()
    await store.append('order-1', [placed('Book')])
    let fails = false
    const evolve = (count: number): number => {
      if (fails) throw new Error('worse')
      return count + 1
    }
    const items = await running(store, { ...sold, evolve }, { failed: () => {} })
    await items.ready
    fails = true
    expect(await rejection(items.rebuild())).toMatchObject({ code: 'PROJECTION_FAILED' })
    fails = false
    expect([items.state, await items.get('Book')]).toEqual(['live', 1])
    await items.rebuild()
    expect(await items.get('Book')).toBe(1)
  })

  test('one that was interrupted goes on', async () => {
    const store = shop()
    await store.append('order-1', [placed('Book')])
    const key = 'projection/"sold"/1'
    const first = await running(store, sold)
    await first.ready
    await first.stop()
    await store.recorder.commit({ records: [{ key, value: JSON.stringify({ serving: 1, building: 2 }) }] })
    const again = await running(store, sold)
    await again.rebuild()
    expect((await store.recorder.readRecord(key))?.value).toBe('{"serving":2}')
    expect(await again.get('Book')).toBe(1)
  })
})

describe('a projection that throws', () => {
  const picky = defineProjection('picky', {
    on: [OrderPlaced],
    initial: (): string[] => [],
    evolve: (items, { data }) => {
      items.push(data.item)
      if (data.item === 'Poison') throw new Error('poison')
      return items
    },
  })

  test('INVARIANT: stops before the event and says so, with all before it counted', async () => {
    const store = shop()
    await store.append('order-1', [placed('Book'), placed('Pen'), placed('Poison'), placed('Cup')])
    const told = vi.spyOn(console, 'error').mockImplementation(() => {})
    onTestFinished(() => told.mockRestore())
    const failing = await running(store, picky)
    const error = await rejection(failing.ended)
    expect(error).toBeInstanceOf(ProjectionError)
    expect((error as Error).message).toMatch(
      /^projection "picky" failed at event \S+ \("shop.order.placed"\) of stream "order-1"\n/,
    )
    expect(told.mock.calls).toEqual([['[tidings] "picky" stops before order-1@3:', error]])
    expect(failing.state).toBe('failed')
    expect(await rejection(failing.get())).toBe(error)
    const mended = await running(store, {
      ...picky,
      evolve: (items, { data }) => [...items, (data as { item: string }).item],
    })
    expect(await mended.get()).toEqual(['Book', 'Pen', 'Poison', 'Cup'])
  })

  test('with `skip` it leaves the event out, and nothing of it stays in the state', async () => {
    const store = shop()
    const failures: Failure[] = []
    await store.append('order-1', [placed('Poison'), placed('Book'), placed('Poison'), placed('Cup'), placed('Poison')])
    const skipping = await running(store, picky, { onFailure: 'skip', failed: (failure) => failures.push(failure) })
    await waitFor(skipping, await store.end())
    expect(await skipping.get()).toEqual(['Book', 'Cup'])
    expect(failures.map(({ next, version }) => `${next} ${version}`)).toEqual(['skip 1', 'skip 3', 'skip 5'])
  })

  test('treats an event that it cannot read as one at which it throws', async () => {
    const recorder = memoryRecorder()
    const Newer = defineEvent('shop.order.placed', {
      version: 2,
      schema: z.object({ item: z.string() }),
      upcast: { 1: (old) => old },
    })
    const newer = createStore(recorder, { events: [Newer] })
    const store = createStore(recorder, { events: [OrderPlaced] })
    await store.append('order-1', [placed('Poison'), placed('Book')])
    await newer.append('order-1', [Newer.create({ item: 'Pen' })])
    await store.append('order-1', [placed('Cup')])
    const failures: unknown[] = []
    const failed = ({ next, version, error }: Failure): unknown =>
      failures.push([next, version, (error as Error).cause])
    const skipping = await runProjection(store, picky, { onFailure: 'skip', failed })
    await waitFor(skipping, await store.end())
    await skipping.stop()
    expect(await skipping.get()).toEqual(['Book', 'Cup'])
    expect(failures).toMatchObject([
      ['skip', 1, { message: 'poison' }],
      ['skip', 3, { code: 'EVENT_VERSION_UNKNOWN' }],
    ])
  })
})

test('INVARIANT: of two on one version, one fails, and no event counts twice', async () => {
  const store = shop()
  const failures: unknown[] = []
  const options = { failed: ({ next }: Failure) => failures.push(next) }
  const [one, other] = [await running(store, sold, options), await running(store, sold, options)]
  for (let index = 0; index < 20; index++) await store.append('order-1', [placed('Book')])
  const end = await store.end()
  const outcomes = await Promise.allSettled([waitFor(one, end), waitFor(other, end)])
  const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []))
  expect(errors).toMatchObject([{ code: 'RECORD_CONFLICT' }])
  expect(failures).toEqual(['stop'])
  const again = await running(store, sold)
  await waitFor(again, end)
  expect(await again.get('Book')).toBe(20)
})

test('stops by its signal', async () => {
  const store = shop()
  const aborting = new AbortController()
  const stopped = await running(store, sold, { signal: aborting.signal })
  await stopped.ready
  aborting.abort()
  await stopped.ended
  expect(stopped.state).toBe('stopped')
})

test.for<object>([
  { on: [] },
  { on: OrderPlaced },
  { version: 0 },
  { evolve: undefined },
  { key: 'item' },
  { keys: [] },
])('refuses %j', (wrong) => {
  const right = { on: [OrderPlaced], initial: () => 0, evolve: (count: number) => count }
  expect(() => defineProjection('wrong', { ...right, ...wrong })).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
  )
})
