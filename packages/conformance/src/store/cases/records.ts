import { encodeEvent } from '@tidings/events'
import { defineStoreCase, type StoreCase } from '../case.ts'

/** The records beside the log: what checkpoints, snapshots and projections are kept in. */
export const recordCases: readonly StoreCase[] = [
  defineStoreCase('S29', 'a record is written under the revision that was read, by one of many', async (scene) => {
    const { expect } = scene
    const [recorder, other] = [await scene.recorder(), await scene.recorder()]
    const key = scene.stream('record')
    expect.equal(await recorder.readRecord(key), undefined, 'a record that there is not')
    const write = async (value: string | undefined, expected?: number): Promise<number> =>
      (await recorder.commit({ records: [{ key, value, expected }] })).revisions[0]!
    expect.equal(await write('one', 0), 1, 'the revision of a new one')
    expect.equal(await write('two', 1), 2, 'the revision of the next')
    for (const expected of [0, 1, 3]) {
      await scene.refused(write('wrong', expected), 'RECORD_CONFLICT', `a write at revision ${expected}`)
    }
    expect.equal(await write(' \u0000 ünï 🚀 ', undefined), 3, 'the revision of a write that expects nothing')
    const read = await other.readRecord(key)
    expect.equal([read?.key, read?.value, read?.revision], [key, ' \u0000 ünï 🚀 ', 3], 'the record')
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? recorder : other).commit({ records: [{ key, value: `${index}`, expected: 3 }] }),
      ),
    )
    expect.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1, 'writers of 20 that come through')
    expect.equal(await write(undefined, 4), 0, 'the revision of one that is removed')
    expect.equal(await other.readRecord(key), undefined, 'a record that was removed')
    expect.equal(await write('anew', 0), 1, 'the revision of one that begins anew')
  }),

  defineStoreCase('S30', 'records, appends and cuts of one commit are there together or not at all', async (scene) => {
    const { expect } = scene
    const [recorder, store] = [await scene.recorder(), await scene.open()]
    const [a, b] = [scene.stream('a'), scene.stream('b')]
    const key = scene.stream('record')
    const append = (stream: string, expected: number) => ({ stream, expected, events: [encodeEvent(scene.event())] })
    await store.append(b, scene.events(2))
    const done = await recorder.commit({
      appends: [append(a, 0)],
      cuts: [{ stream: b, before: 2, tombstone: false }],
      records: [{ key, value: 'one', expected: 0 }],
    })
    expect.equal(done.revisions, [1], 'the revisions')
    const record = await recorder.readRecord(key)
    expect.equal(record?.position, done.position, 'the position of the record is the end of the log at its commit')
    expect.that(done.position >= done.appends[0]!.position, 'the end is not before the event', done.position)
    const before = await scene.whole(store)
    const conflicts = [
      { appends: [append(a, 1)], cuts: [], records: [{ key, value: 'two', expected: 7 }] },
      { appends: [append(a, 9)], cuts: [], records: [{ key, value: 'two', expected: 1 }] },
      { appends: [append(a, 9)], cuts: [{ stream: b, before: 3, tombstone: true }], records: [] },
    ]
    for (const [index, commit] of conflicts.entries()) {
      const code = index === 0 ? 'RECORD_CONFLICT' : 'CONCURRENCY_CONFLICT'
      await scene.refused(recorder.commit(commit), code, `commit ${index}`)
    }
    expect.equal(await scene.whole(store), before, 'the log behind what was refused')
    expect.equal((await recorder.readRecord(key))?.value, 'one', 'the record behind what was refused')
    expect.equal((await store.info(b)).tombstoned, false, 'the stream behind what was refused')
  }),

  defineStoreCase(
    'S31',
    'records are listed by the beginning of their keys, in their order, page by page',
    async (scene) => {
      const { expect } = scene
      const recorder = await scene.recorder()
      const prefix = scene.stream('list/')
      const names = ['', '1', '10', '2', 'A', 'Z', '_', 'a', 'a%', 'ab', 'b', 'ä', '\uffee', '🚀']
      const others = [prefix.slice(0, -1), `${prefix.slice(0, -1)}0`, prefix.replace('list/', 'LIST/')]
      for (const key of [...names.toReversed().map((name) => prefix + name), ...others]) {
        await recorder.commit({ records: [{ key, value: key }] })
      }
      const whole = await recorder.listRecords({ prefix, limit: 100 })
      expect.equal(
        whole.map(({ key }) => key.slice(prefix.length)),
        names,
        'the keys',
      )
      expect.equal(
        whole.map(({ value }) => value),
        names.map((name) => prefix + name),
        'the values',
      )
      const paged: string[] = []
      for (let after: string | undefined; ;) {
        const page = await recorder.listRecords({ prefix, after, limit: 4 })
        paged.push(...page.map(({ key }) => key.slice(prefix.length)))
        if (page.length < 4) break
        after = page.at(-1)!.key
      }
      expect.equal(paged, names, 'the keys, page by page')
    },
  ),
]
