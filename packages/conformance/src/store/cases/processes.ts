import { over } from '@tidings/core/tools'
import type { EventOf } from '@tidings/events'
import {
  commandTo,
  defineDecider,
  defineProcess,
  type EventStore,
  type Process,
  runProcess,
  waitFor,
} from '@tidings/store'
import { createStore, type Recorder } from '@tidings/store/recorder'
import { defineStoreCase, type StoreCase } from '../case.ts'
import { Happened, happenings, Noted } from '../happenings.ts'
import { collected, type StoreScene } from '../scene.ts'

/** Process managers: what follows from an event is written with the mark that it was reacted to, or not at all. */
export const processCases: readonly StoreCase[] = [
  defineStoreCase('S38', 'a process reacts to each event once, wherever it is cut off', async (scene) => {
    const { expect } = scene
    const store = await scene.open()
    const watching = watcher(scene, 'register')
    const start = await store.end()
    let deaths = 0
    const calls = scene.size(14, 40)
    for (let cut = 1; cut <= calls; cut++) {
      for (const isWritten of [false, true]) {
        for (let count = 0; count < 3; count++) await store.append(scene.stream(`${count}`), [scene.event()])
        const dying = createStore(cutOff(await scene.recorder(), cut, isWritten), { events: happenings })
        const options = { start, batch: 2, failed: () => {} }
        const running = await runProcess(dying, watching, options).catch(() => undefined)
        const end = await store.end()
        if (running === undefined) deaths++
        else
          await expect.inTime(
            waitFor(running, end).catch(() => deaths++),
            'a process comes to the end, or dies',
          )
        await running?.stop()
      }
    }
    const last = await runProcess(await scene.open(), watching, { start, failed: () => {} })
    await expect.inTime(waitFor(last, await store.end()), 'the last process comes to the end')
    await last.stop()
    expect.that(deaths >= calls, 'processes are cut off', deaths)
    const happened = await idsOf(store, scene.category, Happened.type)
    expect.equal(await register(store, scene, 'register'), happened, 'what it has reacted to')
    const keys = ['0', '1', '2'].map((name) => last.instance(scene.stream(name)))
    const counts = (await Promise.all(keys)).map((instance) => instance?.state)
    expect.equal(
      counts,
      Array.from({ length: 3 }, () => 2 * calls),
      'what its instances have counted',
    )
  }),

  defineStoreCase(
    'S39',
    'of two processes that are at work, one acts and the other one has done nothing',
    async (scene) => {
      const { expect } = scene
      const [store, one, other] = [await scene.open(), await scene.open(), await scene.open()]
      const start = await store.end()
      // Nothing but its mark keeps the other one from writing as well: no version is expected of the stream.
      const watching = defineProcess(scene.stream('noting'), {
        on: [Happened],
        key: (_, { stream }) => (stream.startsWith(`${scene.category}-`) ? stream : undefined),
        initial: () => 0,
        react: (count, { id }) => ({
          state: count + 1,
          events: [{ stream: scene.stream('register'), events: [Noted.create({ value: id })] }],
        }),
      })
      const options = { start, failed: () => {} }
      const both = await Promise.all([runProcess(one, watching, options), runProcess(other, watching, options)])
      for (let index = 0; index < scene.size(30, 300); index++) {
        await store.append(scene.stream(`${index % 3}`), [scene.event()])
      }
      const failed = Promise.race(both.map(({ ended }) => ended))
      await expect.inTime(scene.refused(failed, 'RECORD_CONFLICT', 'the commit of one of them'), 'one of them fails')
      const left = both.find(({ state }) => state !== 'failed')
      expect.that(
        left !== undefined,
        'one of them is left',
        both.map(({ state }) => state),
      )
      await expect.inTime(waitFor(left!, await store.end()), 'the one that is left comes to the end')
      await Promise.all(both.map((each) => each.stop()))
      const happened = await idsOf(store, scene.category, Happened.type)
      expect.equal(await register(store, scene, 'register'), happened, 'what they have reacted to')
    },
  ),

  defineStoreCase(
    'S40',
    'timeouts fire once, in the order of their times, also when nobody ran then',
    async (scene) => {
      const { expect } = scene
      const store = await scene.open()
      const start = await store.end()
      const clock = handMoved()
      const fired = scene.stream('fired')
      const keys = Array.from({ length: scene.size(30, 1200) }, (_, index) => scene.stream(`${index}`))
      const waiting = defineProcess(scene.stream('waiting'), {
        on: [Happened],
        key: (_, { stream }) => (stream.startsWith(`${scene.category}-`) ? stream : undefined),
        initial: () => 0,
        // A second event ends the instance, or sets its timeout later.
        react: (count, _, { key }) => {
          const index = keys.indexOf(key)
          if (count === 0) return { state: 1, timeouts: { turn: 10_000 - index } }
          return index % 2 === 0 ? { ends: true } : { timeouts: { turn: 20_000 - index } }
        },
        timedOut: (_, timeout, { key }) => ({
          events: [{ stream: fired, events: [Noted.create({ value: key })] }],
          ends: true,
        }),
      })
      const run = async (until: (count: number) => boolean): Promise<void> => {
        const running = await runProcess(await scene.open(), waiting, { clock, start, failed: () => {} })
        await expect.inTime(waitFor(running, await store.end()), 'it comes to the end')
        let count = 0
        await expect.eventually(
          async () => until((count = (await collected(running.instances())).length)),
          'what is due fires',
          () => count,
        )
        await running.stop()
      }
      for (const key of keys) await store.append(key, [scene.event()])
      await run((count) => count === keys.length)
      const again = keys.filter((_, index) => index % 3 === 0)
      for (const key of again) await store.append(key, [scene.event()])
      const ended = again.filter((key) => keys.indexOf(key) % 2 === 0)
      await run((count) => count === keys.length - ended.length)
      // All are due when it is begun again, but those that were set later.
      clock.advance(10_000)
      await run((count) => count === again.length - ended.length)
      clock.advance(10_000)
      await run((count) => count === 0)
      const notes = (await collected(store.read(fired))).map(({ event }) => (event.data as { value: unknown }).value)
      const later = again.filter((key) => !ended.includes(key))
      const expected = [...keys.filter((key) => !again.includes(key)).toReversed(), ...later.toReversed()]
      expect.equal(notes, expected, 'what has fired, in its order')
    },
  ),
]

/** Counts the events of each stream of the case, and enters each into a stream that all instances share. */
function watcher(scene: StoreScene, name: string): Process<number> {
  const entries = defineDecider<number, string, EventOf<typeof Noted>>({
    initial: () => 0,
    evolve: (count) => count + 1,
    decide: (value) => Noted.create({ value }),
  })
  return defineProcess(scene.stream('watching'), {
    on: [Happened],
    key: (_, { stream }) => (stream.startsWith(`${scene.category}-`) ? stream : undefined),
    initial: () => 0,
    react: (count, { id }) => ({ state: count + 1, commands: [commandTo(entries, scene.stream(name), id)] }),
  })
}

async function register(store: EventStore, scene: StoreScene, name: string): Promise<unknown[]> {
  return (await collected(store.read(scene.stream(name)))).map(({ event }) => (event.data as { value: unknown }).value)
}

async function idsOf(store: EventStore, category: string, type: string): Promise<string[]> {
  return (await collected(store.readAll({ category, types: [type] }))).map(({ event }) => event.id)
}

/** A log that answers no more from its n-th call on; the n-th itself is done, or not. */
function cutOff(log: Recorder, calls: number, isDone: boolean): Recorder {
  let left = calls
  const cut =
    <Asked, Answer>(call: (asked: Asked) => Promise<Answer>) =>
    async (asked: Asked): Promise<Answer> => {
      const ended = Object.assign(new Error('the process has ended'), { retryable: false })
      if (--left > 0) return call(asked)
      if (left === 0 && isDone) await call(asked)
      throw ended
    }
  return over<Recorder>(log, {
    commit: cut((commit) => log.commit(commit)),
    readLog: cut((query) => log.readLog(query)),
    readStream: cut((query) => log.readStream(query)),
    readRecord: cut((key) => log.readRecord(key)),
    listRecords: cut((query) => log.listRecords(query)),
  })
}

/** A clock that the case moves, by itself only between runs. */
function handMoved(): {
  now(): number
  after(delay: number, callback: () => void): () => void
  advance(time: number): void
} {
  // Far behind the time of any log, so that no event is taken for a later one than what is due.
  let now = Date.now() + 10 * 365 * 86_400_000
  return { now: () => now, after: () => () => {}, advance: (time) => void (now += time) }
}
