import { over } from '@tidings/core/tools'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  commandTo,
  defineDecider,
  defineProcess,
  type EventStore,
  runProcess,
  type RunningProcess,
} from '../src/index.ts'
import { memoryRecorder, type Recorder } from '../src/recorder/index.ts'
import { type FulfilmentEvent, minute, Noted, Paid, Placed, settled, Shipped, storeAt } from './support/fulfilment.ts'
import { HandClock } from './support/hand-clock.ts'
import { all } from './support/shop.ts'

/** Answers every command with an event, in a stream that all instances share. */
const register = defineDecider({
  initial: () => 0,
  evolve: (count) => count + 1,
  decide: (entry: string) => Shipped.create({ order: entry }),
})

const note = (text: string) => [{ stream: 'notes', events: [Noted.create({ text })] }]

/** Notes what it reacts to in every way there is. */
const watching = defineProcess('watching', {
  on: [Placed, Paid],
  key: ({ data }) => data.order,
  initial: () => ({ seen: [] as string[] }),
  react(state, { id, type }) {
    state.seen.push(id)
    return {
      events: note(`saw ${id}`),
      commands: [commandTo(register, 'register', id)],
      ...(type === Placed.type ? { timeouts: { payment: '15m' } } : { cancel: ['payment'] }),
    }
  },
  timedOut: ({ seen }) => ({ events: note(`fired ${seen.at(-1)}`) }),
})

/** A log that answers no more from its n-th call on; a commit that is the n-th may have been written. */
function dying(log: Recorder, calls: number, isWritten: boolean): Recorder {
  let left = calls
  const killed = Object.assign(new Error('killed'), { retryable: false })
  const cut =
    <Asked, Answer>(call: (asked: Asked) => Promise<Answer>) =>
    async (asked: Asked): Promise<Answer> => {
      if (--left < 0) throw killed
      if (left > 0) return call(asked)
      if (isWritten) await call(asked)
      throw killed
    }
  return over<Recorder>(log, {
    commit: cut((commit) => log.commit(commit)),
    readLog: cut((query) => log.readLog(query)),
    readStream: cut((query) => log.readStream(query)),
    readRecord: cut((key) => log.readRecord(key)),
    listRecords: cut((query) => log.listRecords(query)),
  })
}

/** Resolves when it has seen all, and nothing is due. */
async function quiet(store: EventStore, clock: HandClock, process: RunningProcess<unknown>): Promise<void> {
  while (true) {
    await settled(store, process)
    const [due] = await store.recorder.listRecords({ prefix: 'process/"watching"/due/', limit: 1 })
    if (due === undefined || Number(due.key.split('/')[3]) > clock.now()) return
    await new Promise((resolve) => setTimeout(resolve, 0))
  }
}

type Step =
  | { readonly kind: 'append'; readonly paid: boolean; readonly key: string }
  | { readonly kind: 'wait'; readonly minutes: number }
  | { readonly kind: 'run'; readonly calls: number; readonly isWritten: boolean; readonly batch: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      paid: fc.boolean(),
      key: fc.constantFrom('a', 'b', 'c'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), minutes: fc.integer({ min: 1, max: 20 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('run' as const),
      calls: fc.integer({ min: 1, max: 14 }),
      isWritten: fc.boolean(),
      batch: fc.constantFrom(1, 3, 100),
    }),
  },
)

test('INVARIANT: each event and each timeout has its reaction exactly once, wherever the process is cut off', async () => {
  let deaths = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const clock = new HandClock()
      const log = memoryRecorder({ clock })
      const store = storeAt(clock, log)
      const run = async (recorder: Recorder, batch: number): Promise<void> => {
        const started = await runProcess(storeAt(clock, recorder), watching, { clock, batch, failed: () => {} })
        const ended = started.ended.catch(() => void deaths++)
        await Promise.race([quiet(store, clock, started).catch(() => undefined), ended])
        await started.stop()
      }
      for (const each of steps) {
        if (each.kind === 'append') {
          const event = (each.paid ? Paid : Placed).create({ order: each.key })
          await store.append(`order-${each.key}`, [event])
        } else if (each.kind === 'wait') clock.advance(each.minutes * minute)
        else await run(dying(log, each.calls, each.isWritten), each.batch).catch(() => void deaths++)
      }
      await run(log, 100)
      clock.advance(60 * minute)
      await run(log, 100)
      await check(store)
    }),
    { numRuns: 300 },
  )
  expect(deaths).toBeGreaterThan(100)
})

async function check(store: EventStore<FulfilmentEvent>): Promise<void> {
  const happened = (await all(store.readAll({ types: [Placed.type, Paid.type] }))).map(({ event }) => event)
  const notes = (await all(store.read('notes'))).map(({ event }) => (event.data as { text: string }).text)
  const entries = (await all(store.read('register'))).map(({ event }) => (event.data as { order: string }).order)
  const ids = happened.map(({ id }) => id)
  // The process takes what happened in the order of the log, and so does whatever it brings about.
  expect(notes.filter((text) => text.startsWith('saw'))).toEqual(ids.map((id) => `saw ${id}`))
  expect(entries).toEqual(ids)
  for (const key of ['a', 'b', 'c']) {
    const own = happened.filter(({ data }) => (data as { order: string }).order === key)
    const kept = await store.recorder.readRecord(`process/"watching"/instance/${key}`)
    const { state } = JSON.parse(kept?.value ?? '{"state":{"seen":[]}}') as { state: { seen: string[] } }
    expect(state.seen).toEqual(own.map(({ id }) => id))
    for (const [index, { id, type }] of own.entries()) {
      const fired = notes.flatMap((text, at) => (text === `fired ${id}` ? [at] : []))
      const next = own[index + 1]
      if (type === Paid.type) expect(fired).toEqual([])
      else if (next === undefined) expect(fired).toHaveLength(1)
      else {
        // It was replaced or taken back by what came next, or fired before that.
        expect(fired.length).toBeLessThanOrEqual(1)
        if (fired.length === 1) expect(fired[0]).toBeLessThan(notes.indexOf(`saw ${next.id}`))
      }
    }
  }
}
