import { isTidingsError } from '@tidings/core'
import { over } from '@tidings/core/tools'
import { describe, expect, expectTypeOf, onTestFinished, test, vi } from 'vitest'
import {
  commandTo,
  defineProcess,
  defineProjection,
  type EventStore,
  ProcessError,
  type ProcessFailure,
  type ProcessOptions,
  type Process,
  type Refusal,
  runProcess,
  type RunningProcess,
} from '../src/index.ts'
import { createStore, memoryRecorder, type Recorder } from '../src/recorder/index.ts'
import {
  Cancelled,
  catalog,
  fulfilment,
  type FulfilmentEvent,
  minute,
  Noted,
  order,
  Paid,
  Placed,
  settled,
  Shipped,
  storeAt,
  typesOf,
} from './support/fulfilment.ts'
import { HandClock } from './support/hand-clock.ts'
import { all, rejection } from './support/shop.ts'

type Store = EventStore<FulfilmentEvent>

/** A process at work, stopped behind the test. */
async function running<State>(
  store: Store,
  process: Process<State>,
  options: ProcessOptions<FulfilmentEvent> = {},
): Promise<RunningProcess<State>> {
  const started = await runProcess(store, process, options)
  onTestFinished(() => started.stop())
  return started
}

const about = (key: string) => ({ order: key })
const place = (store: Store, key: string) => store.append(`order-${key}`, [Placed.create(about(key))])
const pay = (store: Store, key: string) => store.append(`order-${key}`, [Paid.create(about(key))])

/** Waits for what comes of a timeout. */
const eventually = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, { interval: 1, timeout: 5000 })

/** Fulfilment that does something else with an event. */
const reacting = (react: Process<{ payments: number }, typeof fulfilment.on>['react']) =>
  defineProcess('fulfilment', { ...base(), react })

function base() {
  const { name: _, ...process } = fulfilment
  return process
}

describe('a process', () => {
  test('gives commands to deciders and appends events, in one commit with its state and its timeouts', async () => {
    const clock = new HandClock()
    const log = memoryRecorder({ clock })
    const commits: number[] = []
    const watched = over<Recorder>(log, {
      commit: (commit) => (commits.push(commit.appends?.length ?? 0), log.commit(commit)),
    })
    const store = storeAt(clock, log)
    await place(store, 'a')
    const process = await running(storeAt(clock, watched), fulfilment, { clock })
    await settled(store, process)
    expect(await process.instance('a')).toEqual({
      state: { payments: 0 },
      timeouts: { payment: new Date(clock.now() + 15 * minute) },
    })
    await pay(store, 'a')
    await settled(store, process)
    expect(await typesOf(store, 'order-a')).toEqual(['order.placed', 'order.paid', 'order.shipped'])
    expect(await process.instance('a')).toBeUndefined()
    // One for each event, and what each has brought about is in it.
    expect(commits.filter((appends) => appends > 0)).toEqual([1])
    expect(commits).toHaveLength(2)
    expect(process.state).toBe('live')
    expectTypeOf(process).toEqualTypeOf<RunningProcess<{ payments: number }>>()
  })

  test('carries the correlation of an event on, of a timeout that of the event it was set at', async () => {
    const clock = new HandClock()
    const store = storeAt(clock)
    const [first, second] = [Placed.create(about('a')), Placed.create(about('b'), { correlationId: 'visit-7' })]
    await store.append('order-a', [first])
    await store.append('order-b', [second])
    const process = await running(store, fulfilment, { clock })
    const payment = Paid.create(about('a'), { correlationId: 'bank-1' })
    await store.append('order-a', [payment])
    await settled(store, process)
    clock.advance(15 * minute)
    await eventually(async () => expect(await typesOf(store, 'order-b')).toHaveLength(2))
    const [[shipped], [cancelled]] = [
      await all(store.readAll({ types: [Shipped.type] })),
      await all(store.readAll({ types: [Cancelled.type] })),
    ]
    expect(shipped!.event).toMatchObject({ causationId: payment.id, correlationId: 'bank-1', causationDepth: 1 })
    expect(cancelled!.event).toMatchObject({ causationId: second.id, correlationId: 'visit-7', causationDepth: 1 })
  })

  test('begins an instance only with what begins one, and passes over the rest', async () => {
    const clock = new HandClock()
    const store = storeAt(clock)
    await pay(store, 'a')
    await place(store, 'b')
    await pay(store, 'b')
    await pay(store, 'b')
    const process = await running(store, fulfilment, { clock })
    await settled(store, process)
    expect(await typesOf(store, 'order-a')).toEqual(['order.paid'])
    expect(await typesOf(store, 'order-b')).toEqual(['order.placed', 'order.paid', 'order.paid', 'order.shipped'])
    expect(await all(process.instances())).toEqual([])
  })

  test('decides several commands of one stream one behind the other, and appends its own events behind them', async () => {
    const store = storeAt(new HandClock())
    const counter = defineProcess('counter', {
      on: [Placed],
      key: ({ data }) => data.order,
      initial: () => ({ refusals: [] as string[] }),
      react: (_, { data }) => ({
        commands: [
          commandTo(order, 'order-x', { ship: data.order }),
          commandTo(order, 'order-x', { cancel: data.order, reason: 'too late' }),
        ],
        events: [{ stream: 'order-x', events: [Noted.create({ text: 'behind' })] }],
      }),
      refused: (state, { error }) => void state.refusals.push((error as Error).message),
    })
    await place(store, 'a')
    const process = await running(store, counter)
    await settled(store, process)
    expect(await typesOf(store, 'order-x')).toEqual(['order.shipped', 'note.taken'])
    expect((await process.instance('a'))!.state).toEqual({ refusals: ['it is shop.order.shipped already'] })
  })

  test('decides anew when somebody else has appended meanwhile', async () => {
    const clock = new HandClock()
    const log = memoryRecorder({ clock })
    const store = storeAt(clock, log)
    await place(store, 'a')
    await pay(store, 'a')
    let others = 0
    const contended = over<Recorder>(log, {
      async commit(commit) {
        if (commit.appends?.some(({ events }) => events.length > 0) === true && others < 7) {
          others++
          await store.append('order-a', [Noted.create({ text: `${others}` })] as never)
        }
        return log.commit(commit)
      },
    })
    const failures: ProcessFailure[] = []
    const process = await running(storeAt(clock, contended), fulfilment, {
      clock,
      failed: (failure) => failures.push(failure),
    })
    await settled(store, process)
    expect((await typesOf(store, 'order-a')).filter((type) => type === 'order.shipped')).toHaveLength(1)
    expect(others).toBe(7)
    // What others do is no failure; that it goes on for long is told.
    // The first one was with both events in one turn; then that of the order came through alone.
    const told = failures.map(({ next, attempt }) => `${next} ${attempt}`)
    expect(told).toEqual(['retry 4', 'retry 5', 'retry 6'])
  })

  test('inline projections count what it brings about, and one that throws undoes the whole reaction', async () => {
    const clock = new HandClock()
    const shipments = defineProjection('shipments', {
      on: [Shipped],
      initial: () => 0,
      evolve(count) {
        if (count === 1) throw new Error('one is enough')
        return count + 1
      },
    })
    const store = createStore(memoryRecorder({ clock }), { events: catalog, inline: [shipments] })
    for (const key of ['a', 'b']) {
      await place(store, key)
      await pay(store, key)
    }
    const options = { clock, onFailure: 'skip', failed: () => {}, retry: { attempts: 1 } } as const
    const process = await running(store, fulfilment, options)
    await settled(store, process)
    expect(await store.state(shipments)).toBe(1)
    expect(await typesOf(store, 'order-b')).toEqual(['order.placed', 'order.paid'])
    expect(await all(process.instances())).toMatchObject([['b', { state: { payments: 0 } }]])
  })

  test('goes on behind what it has reacted to, and begins where it was told only the first time', async () => {
    const clock = new HandClock()
    const store = storeAt(clock)
    await place(store, 'old')
    const first = await running(store, fulfilment, { clock, start: 'end' })
    await first.stop()
    await place(store, 'new')
    const again = await running(store, fulfilment, { clock, start: 'end' })
    await settled(store, again)
    expect((await all(again.instances())).map(([key]) => key)).toEqual(['new'])
  })

  test('reads the state of an earlier version by `upgrade`, and stops without it', async () => {
    const clock = new HandClock()
    const store = storeAt(clock)
    await place(store, 'a')
    const first = await running(store, fulfilment, { clock })
    await settled(store, first)
    await first.stop()
    await pay(store, 'a')
    const next = { ...base(), version: 2 }
    const blind = await running(store, defineProcess('fulfilment', next), {
      clock,
      failed: () => {},
      retry: { attempts: 1 },
    })
    expect(String(await rejection(blind.ended))).toContain('its state cannot be read')
    const seen: unknown[] = []
    const upgrade = (state: unknown, version: number) => (seen.push([state, version]), { payments: 10 })
    const mended = await running(store, defineProcess('fulfilment', { ...next, upgrade }), { clock })
    await settled(store, mended)
    expect(seen).toEqual([[{ payments: 0 }, 1]])
    expect(await typesOf(store, 'order-a')).toHaveLength(3)
    await mended.stop()
    await place(store, 'b')
    const newer = await running(store, defineProcess('fulfilment', { ...next, upgrade }), { clock })
    await settled(store, newer)
    await newer.stop()
    await pay(store, 'b')
    const older = await running(store, fulfilment, { clock, failed: () => {}, retry: { attempts: 1 } })
    expect(await rejection(older.ended)).toBeInstanceOf(ProcessError)
  })
})

describe('a timeout', () => {
  test('INVARIANT: fires once and soon after it is due, not before', async () => {
    const clock = new HandClock()
    const store = storeAt(clock)
    await place(store, 'a')
    const process = await running(store, fulfilment, { clock })
    await settled(store, process)
    clock.advance(15 * minute - 1)
    await pay(store, 'none')
    await settled(store, process)
    expect(await typesOf(store, 'order-a')).toEqual(['order.placed'])
    clock.advance(1)
    await eventually(async () => expect(await typesOf(store, 'order-a')).toEqual(['order.placed', 'order.cancelled']))
    clock.advance(60 * minute)
    await settled(store, process)
    expect(await typesOf(store, 'order-a')).toHaveLength(2)
    await process.stop()
    expect(clock.timers).toBe(0)
  })

  test('those that came due while nobody ran fire in the order of their times, and between events as if it had run', async () => {
    const clock = new HandClock()
    const store = storeAt(clock)
    const first = await running(store, fulfilment, { clock })
    for (const key of ['in-time', 'too-late', 'never']) {
      await place(store, key)
      await settled(store, first)
      clock.advance(minute)
    }
    await first.stop()
    clock.advance(12 * minute) // 'in-time' is due at this moment
    await pay(store, 'in-time')
    clock.advance(minute + 1)
    await pay(store, 'too-late')
    clock.advance(60 * minute)
    const again = await running(store, fulfilment, { clock })
    await eventually(async () => expect(await all(again.instances())).toEqual([]))
    const reactions = await all(store.readAll({ types: [Shipped.type, Cancelled.type] }))
    expect(reactions.map(({ event, stream }) => `${stream} ${event.type.slice(11)}`)).toEqual([
      'order-in-time shipped',
      'order-too-late cancelled',
      'order-never cancelled',
    ])
  })

  test('set again replaces the former; a date says when; one that is taken back or of an ended instance is gone', async () => {
    const clock = new HandClock()
    const store = storeAt(clock)
    const begin = clock.now()
    const fired: string[] = []
    const reminders = defineProcess('reminders', {
      on: [Placed, Paid, Cancelled],
      key: ({ data }) => data.order,
      initial: () => 0,
      react: (_, event) => {
        if (event.type === Placed.type) return { timeouts: { later: '10m', soon: new Date(begin + minute), gone: 1 } }
        return event.type === Paid.type ? { timeouts: { soon: '20m' }, cancel: ['gone', 'unknown'] } : { ends: true }
      },
      timedOut: (_, timeout, { key, now }) => void fired.push(`${key} ${timeout} ${now.getTime() - begin}`),
    })
    await place(store, 'a')
    await pay(store, 'a')
    await place(store, 'b')
    await store.append('order-b', [Cancelled.create({ order: 'b', reason: 'no' })])
    const process = await running(store, reminders, { clock })
    await settled(store, process)
    expect(Object.keys((await process.instance('a'))!.timeouts)).toEqual(['later', 'soon'])
    clock.advance(60 * minute)
    await eventually(async () => expect(fired).toHaveLength(2))
    expect(fired).toEqual([`a later ${60 * minute}`, `a soon ${60 * minute}`])
    const left = await store.recorder.listRecords({ prefix: 'process/', limit: 100 })
    expect(left.map(({ key }) => key)).toEqual(['process/"reminders"/checkpoint', 'process/"reminders"/instance/a'])
  })

  test('may set the next one; many of many instances come in the order of their times', async () => {
    const clock = new HandClock()
    const store = storeAt(clock)
    const fired: string[] = []
    const ticking = defineProcess('ticking', {
      on: [Placed],
      key: ({ data }) => data.order,
      initial: () => ({ left: 3 }),
      // The later the key, the earlier it is due.
      react: (_, { data }) => ({ timeouts: { tick: 10_000 - Number(data.order) } }),
      timedOut(state, _, { key }) {
        fired.push(key)
        return --state.left === 0 ? { ends: true } : { timeouts: { tick: '1h' } }
      },
    })
    const keys = Array.from({ length: 1500 }, (_, index) => `${index}`)
    for (const key of keys) await place(store, key)
    const process = await running(store, ticking, { clock })
    await settled(store, process)
    for (let round = 1; round <= 3; round++) {
      clock.advance(60 * minute)
      await vi.waitFor(() => expect(fired).toHaveLength(1500 * round), { timeout: 20_000 })
      if (round === 1) expect(fired).toEqual(keys.toReversed())
    }
    expect(new Set(fired).size).toBe(1500)
    expect(await all(process.instances())).toEqual([])
  })

  test('without `timedOut` it is a failure', async () => {
    const clock = new HandClock()
    const store = storeAt(clock)
    const deaf = defineProcess('deaf', {
      on: [Placed],
      key: ({ data }) => data.order,
      initial: () => 0,
      react: () => ({ timeouts: { now: 0 } }),
    })
    await place(store, 'a')
    const failures: ProcessFailure[] = []
    const process = await running(store, deaf, {
      clock,
      retry: { attempts: 1 },
      onFailure: 'skip',
      failed: (failure) => failures.push(failure),
    })
    await eventually(async () => expect((await process.instance('a'))?.timeouts).toEqual({}))
    expect(failures).toMatchObject([{ key: 'a', due: new Date(clock.now()), next: 'skip', stream: undefined }])
    expect(failures[0]!.error).toBeInstanceOf(ProcessError)
  })
})

describe('a command that is refused', () => {
  const refusing = (refused: (refusal: Refusal) => ReturnType<NonNullable<typeof fulfilment.timedOut>>) =>
    defineProcess('fulfilment', { ...base(), refused: (_, refusal) => refused(refusal) })

  test('goes to `refused`, whose reaction is part of the same commit; the instance is not over by itself', async () => {
    const clock = new HandClock()
    const store = storeAt(clock)
    await place(store, 'a')
    await store.append('order-a', [Shipped.create(about('a'))])
    await pay(store, 'a')
    const refusals: Refusal[] = []
    const process = await running(
      store,
      refusing((refusal) => {
        refusals.push(refusal)
        const text = (refusal.error as Error).message
        return { events: [{ stream: 'notes', events: [Noted.create({ text })] }], timeouts: { again: '1h' } }
      }),
      { clock },
    )
    await settled(store, process)
    expect(refusals).toMatchObject([{ stream: 'order-a', command: { ship: 'a' } }])
    expect(await typesOf(store, 'notes')).toEqual(['note.taken'])
    expect(await process.instance('a')).toMatchObject({ state: { payments: 1 }, timeouts: { again: {} } })
  })

  test('a stream that was ended refuses too', async () => {
    const clock = new HandClock()
    const store = storeAt(clock)
    await place(store, 'a')
    const codes: unknown[] = []
    const process = await running(
      store,
      refusing(({ error }) => (codes.push((error as { code?: unknown }).code), { ends: true })),
      { clock },
    )
    await settled(store, process)
    await store.tombstone('order-a')
    await store.append('payments', [Paid.create(about('a'))])
    await settled(store, process)
    expect(codes).toEqual(['STREAM_TOMBSTONED'])
    expect(await all(process.instances())).toEqual([])
  })

  test('without `refused` it is tried again, and then stops the process before the event', async () => {
    const clock = new HandClock()
    const store = storeAt(clock)
    await place(store, 'a')
    await store.append('order-a', [Shipped.create(about('a'))])
    await pay(store, 'a')
    await place(store, 'b')
    const failures: ProcessFailure<FulfilmentEvent>[] = []
    const options: ProcessOptions<FulfilmentEvent> = {
      clock,
      retry: { attempts: 2, delay: 1 },
      failed: (failure) => failures.push(failure),
    }
    const stopped = await running(store, fulfilment, options)
    const error = await rejection(stopped.ended)
    expect(error).toMatchObject({
      code: 'PROCESS_FAILED',
      key: 'a',
      cause: new Error('it is shop.order.shipped already'),
    })
    expect((error as Error).message).toMatch(
      /^process "fulfilment" failed at event \S+ \("shop.order.paid"\) of instance "a": stream "order-a" refused a command\n/,
    )
    expect(failures.map(({ next, stream, version, key }) => [next, stream, version, key])).toEqual([
      ['retry', 'order-a', 3, 'a'],
      ['stop', 'order-a', 3, 'a'],
    ])
    expect(failures[0]!.recorded?.event.type).toBe(Paid.type)
    const skipping = await running(store, fulfilment, { ...options, onFailure: 'skip' })
    await settled(store, skipping)
    // As if the event had not been; what comes behind it goes on.
    expect((await all(skipping.instances())).map(([key, { state }]) => [key, state])).toEqual([
      ['a', { payments: 0 }],
      ['b', { payments: 0 }],
    ])
  })

  test('refusals without end are a failure', async () => {
    const store = storeAt(new HandClock())
    await place(store, 'a')
    await store.append('order-a', [Shipped.create(about('a'))])
    await pay(store, 'a')
    const stubborn = refusing(({ decider, stream, command }) => ({ commands: [{ decider, stream, command }] }))
    const process = await running(store, stubborn, { retry: { attempts: 1 }, failed: () => {} })
    expect(await rejection(process.ended)).toBeInstanceOf(ProcessError)
  })
})

describe('what goes wrong', () => {
  test('is told where nobody listens, and never stops in silence', async () => {
    const told = vi.spyOn(console, 'error').mockImplementation(() => {})
    onTestFinished(() => told.mockRestore())
    const store = storeAt(new HandClock())
    await place(store, 'a')
    const broken = reacting(() => {
      throw new Error('poison')
    })
    const process = await running(store, broken, { retry: { attempts: 2, delay: 1 } })
    expect(await rejection(process.ended)).toMatchObject({ cause: new Error('poison') })
    expect(told.mock.calls).toEqual([['[tidings] "fulfilment" stops before order-a@1:', expect.any(ProcessError)]])
    expect(process.state).toBe('failed')
  })

  test.for<[string, unknown]>([
    ['a promise', Promise.resolve()],
    ['a state that is none', { payments: 1 }],
    ['a single command', { commands: commandTo(order, 'order-a', { ship: 'a' }) }],
    ['a timeout that is no time', { timeouts: { payment: 'soon' } }],
    ['a date that is none', { timeouts: { payment: new Date('soon') } }],
    ['events of nobody', { events: [{ stream: 'order-a', events: [{ type: 'shop.order.lost' }] }] }],
    ['a stream without a name', { events: [{ stream: '', events: [] }] }],
    ['a state that is no JSON', { state: 1n }],
  ])('a reaction that is %s is refused, and nothing of it is written', async ([, reaction]) => {
    const store = storeAt(new HandClock())
    await place(store, 'a')
    const wrong = reacting(() => reaction as undefined)
    const process = await running(store, wrong, { retry: { attempts: 1 }, failed: () => {} })
    expect(await rejection(process.ended)).toBeInstanceOf(ProcessError)
    expect(await typesOf(store, 'order-a')).toEqual(['order.placed'])
    expect(await store.recorder.listRecords({ prefix: 'process/', limit: 9 })).toEqual([])
  })

  test('one of many fails: what was before it is written, and what is behind it goes on', async () => {
    const store = storeAt(new HandClock())
    for (let index = 0; index < 250; index++) await place(store, `${index}`)
    const failures: (string | undefined)[] = []
    const picky = reacting((_, { data }) => {
      if (Number(data.order) % 70 === 69) throw Object.assign(new Error('poison'), { retryable: false })
      return { events: [{ stream: 'notes', events: [Noted.create({ text: data.order })] }] }
    })
    const process = await running(store, picky, { onFailure: 'skip', failed: ({ key }) => failures.push(key) })
    await settled(store, process)
    expect(failures).toEqual(['69', '139', '209'])
    const notes = (await all(store.read('notes'))).map(({ event }) => (event.data as { text: string }).text)
    expect(notes).toEqual(
      Array.from({ length: 250 }, (_, index) => `${index}`).filter((text) => Number(text) % 70 !== 69),
    )
  })

  test('an event whose key is no name, and one that is in the log already, fail alone', async () => {
    const store = storeAt(new HandClock())
    for (const key of ['a', 'b\n', 'c']) await store.append(`order-${key[0]}`, [Placed.create(about(key))])
    const [first] = await all(store.readAll())
    const copying = reacting((_, event, { key }) => ({
      events: [{ stream: 'notes', events: [key === 'c' ? first!.event : Noted.create({ text: event.id })] }],
    }))
    const codes: unknown[] = []
    const process = await running(store, copying, {
      retry: { attempts: 1 },
      onFailure: 'skip',
      failed: ({ error, version }) => codes.push([(error as { code?: unknown }).code, version]),
    })
    await settled(store, process)
    expect(codes).toEqual([
      ['PROCESS_FAILED', 1],
      ['EVENT_EXISTS', 1],
    ])
    expect(await typesOf(store, 'notes')).toEqual(['note.taken'])
  })

  test('events that are in their place already are not written again, and the reaction counts', async () => {
    const store = storeAt(new HandClock())
    // With a cause of its own, so that it is not made another one.
    const note = Noted.create({ text: 'the same' }, { causationId: 'elsewhere' })
    await store.append('notes', [note])
    await place(store, 'a')
    const noting = reacting(() => ({ state: { payments: 7 }, events: [{ stream: 'notes', events: [note] }] }))
    const process = await running(store, noting)
    await settled(store, process)
    expect(await typesOf(store, 'notes')).toEqual(['note.taken'])
    expect((await process.instance('a'))!.state).toEqual({ payments: 7 })
  })

  test('a storm is refused: events that lead to one another, and timeouts that do not wait', async () => {
    const store = storeAt(new HandClock())
    const echo = defineProcess('echo', {
      on: [Noted],
      key: () => 'all',
      initial: () => 0,
      react: (count) => ({ state: count + 1, events: [{ stream: 'notes', events: [Noted.create({ text: '' })] }] }),
    })
    const restless = defineProcess('restless', {
      on: [Placed],
      key: () => 'all',
      initial: () => 0,
      react: () => ({ timeouts: { again: 0 } }),
      timedOut: (count) => ({ state: count + 1, timeouts: { again: 0 } }),
    })
    await store.append('notes', [Noted.create({ text: '' })])
    await place(store, 'a')
    for (const [process, least] of [
      [echo, 10],
      [restless, 10],
    ] as const) {
      const clock = new HandClock()
      const storming = await running<number>(store, process, { clock, maxDepth: 10, failed: () => {} })
      expect(isTidingsError(((await rejection(storming.ended)) as Error).cause, 'EVENT_STORM')).toBe(true)
      expect((await storming.instance('all'))!.state).toBeGreaterThanOrEqual(least)
    }
  })

  test('what waits is no storm: a timeout may set the next one for ever', async () => {
    const clock = new HandClock()
    const store = storeAt(clock)
    const hourly = defineProcess('hourly', {
      on: [Placed, Noted],
      begins: [Placed],
      key: () => 'all',
      initial: () => 0,
      react: (_, { type }) => (type === Placed.type ? { timeouts: { tick: '1h' } } : undefined),
      timedOut: (count) => ({
        state: count + 1,
        timeouts: { tick: '1h' },
        events: [{ stream: 'notes', events: [Noted.create({ text: 'tick' })] }],
      }),
    })
    await place(store, 'a')
    const process = await running(store, hourly, { clock, maxDepth: 2 })
    await settled(store, process)
    for (let hour = 1; hour <= 10; hour++) {
      clock.advance(60 * minute)
      await eventually(async () => expect((await process.instance('all'))!.state).toBe(hour))
    }
  })

  test.for<object>([
    { batch: 0 },
    { start: 'middle' },
    { onFailure: 'ignore' },
    { clock: {} },
    { maxDepth: 0 },
    { retries: 3 },
  ])('refuses %j', async (options) => {
    expect(await rejection(runProcess(storeAt(new HandClock()), fulfilment, options))).toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
  })

  test.for<object>([
    { on: [] },
    { begins: [Cancelled] },
    { key: 'order' },
    { react: undefined },
    { refused: 1 },
    { evolve: () => 0 },
    { version: 0 },
  ])('defineProcess refuses %j', (part) => {
    const define = (): unknown => defineProcess('fulfilment', { ...base(), ...part })
    expect(define).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })
})

describe('two at work on one process', () => {
  test('INVARIANT: only one of them acts; the other one fails, and has done nothing', async () => {
    const clock = new HandClock()
    const store = storeAt(clock)
    const failures: string[] = []
    const both = await Promise.all(
      ['first', 'second'].map((name) =>
        running(store, fulfilment, { clock, failed: ({ error }) => failures.push(`${name} ${(error as Error).name}`) }),
      ),
    )
    for (let index = 0; index < 20; index++) await place(store, `${index}`)
    for (let index = 0; index < 20; index += 2) await pay(store, `${index}`)
    const ended = await Promise.race(both.map((each) => rejection(each.ended)))
    expect(isTidingsError(ended, 'RECORD_CONFLICT')).toBe(true)
    const left = both.find(({ state }) => state !== 'failed')!
    await settled(store, left)
    clock.advance(15 * minute)
    await eventually(async () => expect(await all(left.instances())).toEqual([]))
    for (let index = 0; index < 20; index++) {
      const what =
        index % 2 === 0 ? ['order.placed', 'order.paid', 'order.shipped'] : ['order.placed', 'order.cancelled']
      expect(await typesOf(store, `order-${index}`)).toEqual(what)
    }
    expect(failures).toHaveLength(1)
    expect(failures[0]).toMatch(/RecordConflictError$/)
  })

  test('one that was paused and overtaken does not blame the events that the other one has handled', async () => {
    const clock = new HandClock()
    const log = memoryRecorder({ clock })
    let release = (): void => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    const slow = over<Recorder>(log, { readLog: async (query) => (await held, log.readLog(query)) })
    const store = storeAt(clock, log)
    await place(store, 'a')
    await pay(store, 'a')
    const failures: unknown[] = []
    const paused = await running(storeAt(clock, slow), fulfilment, {
      clock,
      retry: { attempts: 1 },
      failed: ({ error }) => failures.push(error),
    })
    await new Promise((resolve) => setTimeout(resolve, 5))
    const quick = await running(store, fulfilment, { clock })
    await settled(store, quick)
    await quick.stop()
    release()
    expect(isTidingsError(await rejection(paused.ended), 'RECORD_CONFLICT')).toBe(true)
    expect(failures).toHaveLength(1)
    expect(await typesOf(store, 'order-a')).toEqual(['order.placed', 'order.paid', 'order.shipped'])
  })
})
