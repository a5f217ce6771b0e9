import {
  defineProjection,
  type EventStore,
  readProjection,
  runProjection,
  type RunningProjection,
  waitFor,
} from '@tidings/store'
import { defineStoreCase, type StoreCase } from '../case.ts'
import { Happened } from '../happenings.ts'
import { collected } from '../scene.ts'

/** A projection that several compute together. */
export const partCases: readonly StoreCase[] = [
  defineStoreCase(
    'S42',
    'parts of a projection count each event once between them, whoever runs which, in the order of each stream',
    async (scene) => {
      const { expect } = scene
      const [store, one, other] = [await scene.open(), await scene.open(), await scene.open()]
      const numbers = defineProjection(scene.stream('numbers'), {
        on: [Happened],
        key: (_, { stream }) => (stream.startsWith(`${scene.category}-`) ? stream : undefined),
        initial: () => [] as number[],
        evolve: (list, { data }) => [...list, data.number],
      })
      const start = (on: EventStore, index: number): Promise<RunningProjection<number[]>> =>
        runProjection(on, numbers, { part: { index, of: 3 }, failed: () => {} })
      const running = [await start(one, 0), await start(one, 1), await start(other, 2)]
      const expected = new Map<string, number[]>()
      for (let index = 0; index < scene.size(60, 900); index++) {
        const [stream, event] = [scene.stream(`${index % 7}`), scene.event()]
        await store.append(stream, [event])
        expected.set(stream, [...(expected.get(stream) ?? []), (event.data as { number: number }).number])
        if (index % 20 !== 10) continue
        // One after the other goes over to the other one.
        const moved = Math.floor(index / 20) % 3
        await running[moved]!.stop()
        running[moved] = await start(index % 40 < 20 ? other : one, moved)
      }
      const end = await store.end()
      await expect.inTime(Promise.all(running.map((each) => waitFor(each, end))), 'all parts come to the end')
      await Promise.all(running.map(({ ready }) => ready))
      const reader = readProjection(await scene.open(), numbers, { parts: 3 })
      const states = await collected(reader.entries())
      await Promise.all(running.map((each) => each.stop()))
      const wanted = [...expected].toSorted(([a], [b]) => (a < b ? -1 : 1))
      expect.equal(states, wanted, 'what was counted of each stream')
      for (const [key, list] of wanted) expect.equal(await reader.get(key), list, 'what is read of one')
    },
  ),
]
