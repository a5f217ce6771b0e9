import { createCatalog, type EventOf } from '@tidings/events'
import {
  defineDecider,
  defineProjection,
  type EventStore,
  exportTo,
  importFrom,
  load,
  runProjection,
  runSubscription,
  snapshotsIn,
  waitFor,
} from '@tidings/store'
import { createStore, memoryRecorder } from '@tidings/store/recorder'
import { defineStoreCase, type StoreCase } from '../case.ts'
import { Happened, happenings } from '../happenings.ts'
import { collected, type StoreScene } from '../scene.ts'

/** What is made of streams, log and records once for all stores, and must be right on each. */
export const featureCases: readonly StoreCase[] = [
  defineStoreCase(
    'S32',
    'a subscription goes on behind its checkpoint, and one that was overtaken writes none',
    async (scene) => {
      const { expect, category } = scene
      const [store, other] = [await scene.open(), await scene.open()]
      const seen: string[] = []
      const options = { category, start: 'end', failed: () => {} } as const
      const start = (on: EventStore, handle: (place: string) => unknown) =>
        runSubscription(on, scene.stream('follower'), options, async (recorded) => {
          await handle(scene.place(recorded))
          seen.push(scene.place(recorded))
        })
      const first = await start(store, () => {})
      const { position } = await store.append(scene.stream('a'), scene.events(5))
      await expect.inTime(waitFor(first, position), 'a subscription comes to what was appended')
      await first.stop()
      await store.append(scene.stream('a'), [scene.event()])
      let release = (): void => {}
      const held = new Promise<void>((resolve) => (release = resolve))
      const slow = await start(store, () => held)
      const quick = await start(other, () => {})
      await expect.inTime(
        waitFor(quick, await store.end()),
        'one that is opened elsewhere goes on behind the checkpoint',
      )
      await quick.stop()
      release()
      await expect.inTime(
        scene.refused(slow.ended, 'RECORD_CONFLICT', 'the checkpoint of the one that was overtaken'),
        'the one that was overtaken ends',
      )
      expect.equal(seen.slice(0, 6), ['a@1', 'a@2', 'a@3', 'a@4', 'a@5', 'a@6'], 'what was handled')
    },
  ),

  defineStoreCase('S33', 'a projection counts each event once, through restarts and a rebuild', async (scene) => {
    const { expect } = scene
    const sum = defineProjection(scene.stream('sum'), {
      on: [Happened],
      key: (_, { stream }) => (stream.startsWith(`${scene.category}-`) ? stream : undefined),
      initial: () => 0,
      evolve: (count) => count + 1,
    })
    const count = scene.size(300, 3000)
    for (let begun = 0; begun < 3; begun++) {
      const store = await scene.open()
      for (let index = 0; index < count / 3; index++) await store.append(scene.stream(`${index % 4}`), [scene.event()])
      const running = await runProjection(store, sum, { failed: () => {} })
      await expect.inTime(waitFor(running, await store.end(), { timeout: '1m' }), 'a projection comes to the end')
      expect.equal(await total(running.entries()), ((begun + 1) * count) / 3, 'what it has counted')
      if (begun === 2) {
        await expect.inTime(running.rebuild(), 'a rebuild ends')
        expect.equal(await total(running.entries()), count, 'what is counted anew')
      }
      await running.stop()
    }
  }),

  defineStoreCase(
    'S34',
    'an inline projection is never behind; what is refused is not counted, by whichever',
    async (scene) => {
      const { expect } = scene
      const inline = defineProjection(scene.stream('inline'), {
        on: [Happened],
        key: (_, { stream }) => stream,
        initial: () => 0,
        evolve: (count, { data }) => {
          if (data.number === -1) throw new Error('an event that cannot be counted')
          return count + 1
        },
      })
      const open = async () => createStore(await scene.recorder(), { events: happenings, inline: [inline] })
      const stores = [await open(), await open()]
      const stream = scene.stream('a')
      await Promise.all(Array.from({ length: 10 }, (_, index) => stores[index % 2]!.append(stream, [scene.event()])))
      for (const store of stores) expect.equal(await store.state(inline, stream), 10, 'what is counted of ten at once')
      const [store] = stores
      const late = store!.append(stream, [scene.event()], { expectedVersion: 3 })
      await scene.refused(late, 'CONCURRENCY_CONFLICT', 'an append at another version')
      const poison = store!.append(stream, [scene.event(), Happened.create({ number: -1 })])
      await scene.refused(poison, 'PROJECTION_FAILED', 'an append that the projection cannot count')
      expect.equal((await store!.info(stream)).version, 10, 'the version of the stream')
      expect.equal(await store!.state(inline, stream), 10, 'what is counted behind what was refused')
    },
  ),

  defineStoreCase(
    'S35',
    'a snapshot beside the log and what came since is the state of a full replay',
    async (scene) => {
      const { expect } = scene
      const store = await scene.open()
      let shown = 0
      const sum = defineDecider({
        initial: () => 0,
        evolve: (state, { data }: EventOf<typeof Happened>) => (shown++, state + data.number),
        decide: (): [] => [],
        snapshot: { name: 'sum', schema: 1, every: 1 },
      })
      for (const cut of [1, 3, 7]) {
        const stream = scene.stream(`${cut}`)
        await store.append(stream, scene.events(cut))
        await load(store, sum, stream, { snapshots: snapshotsIn(store) })
        await store.append(stream, scene.events(7 - cut))
        const { state } = await load(store, sum, stream)
        shown = 0
        const other = await scene.open()
        expect.equal((await load(other, sum, stream, { snapshots: snapshotsIn(other) })).state, state, 'the state')
        expect.equal(shown, 7 - cut, `events that were read behind a snapshot at ${cut}`)
      }
    },
  ),

  defineStoreCase('S36', 'an export of another log comes back with its ids, times and versions', async (scene) => {
    const { expect } = scene
    let now = Date.parse('2001-01-01T00:00:00Z')
    const source = createStore(memoryRecorder({ clock: { now: () => (now += 1000) } }), { events: happenings })
    for (let index = 0; index < 30; index++) {
      await source.append(scene.stream(`${index % 3}`), scene.events(1 + (index % 4)))
    }
    await source.truncate(scene.stream('1'), { before: 4 })
    await source.tombstone(scene.stream('2'))
    const lines: string[] = []
    await exportTo(source, (line) => lines.push(line))
    const store = createStore(await scene.recorder(), { events: createCatalog(happenings.definitions) })
    await store.append(scene.stream('before'), [scene.event()])
    const name = scene.stream('import')
    await importFrom(store, lines.slice(0, 10), { name })
    const { skipped } = await importFrom(store, lines, { name })
    expect.equal(skipped, 9, 'events that the second import left out')
    for (const part of ['0', '1', '2']) {
      const stream = scene.stream(part)
      expect.equal(await whole(scene, store, stream), await whole(scene, source, stream), `stream ${part}`)
    }
  }),
]

async function total(entries: AsyncIterable<readonly [string, number]>): Promise<number> {
  return (await collected(entries)).reduce((sum, [, count]) => sum + count, 0)
}

async function whole(scene: StoreScene, store: EventStore, stream: string): Promise<unknown> {
  const events = await collected(store.read(stream))
  const places = events.map((each) => [each.event.id, scene.place(each), each.recordedAt])
  return [places, await store.info(stream)]
}
