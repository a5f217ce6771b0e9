import { createBus, handler } from '@tidings/bus'
import { aggregator, claimCheck } from '@tidings/bus/integration'
import { type Child, spawnChild } from '@tidings/conformance/faults'
import { defineEvent } from '@tidings/events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { sqlite } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'
import { type Done, eventOf, perAggregation } from './fixtures/integration-programs.ts'

let tmp: ReturnType<typeof fileInTmp>
let child: Child | undefined

beforeEach(() => void (tmp = fileInTmp()))
afterEach(async () => {
  await child?.kill()
  tmp.remove()
})

test(
  'INVARIANT: what was gathered and kept for certain is there after kill -9, each once',
  { timeout: 60_000 },
  async () => {
    const done: Done[] = []
    for (let round = 0; round < 5; round++) {
      child = await spawnChild({
        module: new URL('./fixtures/integration-programs.ts', import.meta.url),
        options: { file: tmp.file, name: `round-${round}` },
      })
      await new Promise((resolve) => setTimeout(resolve, 150 + 100 * round))
      await child.kill()
      done.push(...(child.reports as readonly Done[]))
    }
    const file = sqlite({ file: tmp.file })
    await using _ = await file.store({ events: [] })
    const aggregations = file.aggregations()
    const claims = file.claimChecks()
    for (const what of done) {
      if ('put' in what) expect((await claims.get(what.put))?.byteLength).toBe(what.size)
      else if ('gathered' in what) {
        const { key, gathered } = what
        const again = await aggregations.add({
          key,
          aggregation: 'another',
          identity: gathered,
          event: eventOf(gathered),
          reopen: true,
          max: 100,
        })
        expect([again.outcome, again.aggregation, again.size <= perAggregation]).toEqual(['known', `of ${key}`, true])
      }
    }
    for (const what of done) {
      if (!('ended' in what)) continue
      const found = await aggregations.read(what.ended)
      expect(found?.reason).toBe('complete')
      // Closed perhaps, without its answer.
      if (what.as === 'closed') expect(found).toEqual({ state: 'closed', reason: 'complete', events: [] })
      else expect([0, perAggregation]).toContain(found?.events.length)
    }
    const count = (of: string): number => done.filter((what) => of in what).length
    console.log(`${count('gathered')} gathered, ${count('ended')} ended, ${count('put')} put, 5 kills`)
    expect(Math.min(count('gathered'), count('ended'), count('put'))).toBeGreaterThan(0)
  },
)

const LinePriced = defineEvent('test.line.priced', z.object({ order: z.string(), price: z.number() }))
const Picture = defineEvent('test.picture', z.object({ bytes: z.string() }))

test('an aggregation that one process has begun is completed by the next one', async () => {
  const totals: number[] = []
  const open = () => {
    const file = sqlite({ file: tmp.file })
    const total = handler(
      LinePriced,
      { group: 'totals' },
      aggregator(
        LinePriced,
        { store: file.aggregations(), correlate: ({ data }) => data.order, complete: 3 },
        (lines) => void totals.push(lines.reduce((sum, { data }) => sum + data.price, 0)),
      ),
    )
    return createBus({ source: '/test', transport: file, handlers: [total], log: false })
  }
  {
    await using bus = await open()
    await bus.publish(LinePriced, { order: '1', price: 1 })
    await bus.publish(LinePriced, { order: '1', price: 2 })
    await bus.idle()
  }
  expect(totals).toEqual([])
  await using bus = await open()
  await bus.publish(LinePriced, { order: '1', price: 4 })
  await bus.idle()
  expect(totals).toEqual([7])
})

test('large data waits in the file beside its event, and goes when its time is over', async () => {
  const sizes: number[] = []
  const open = (ttl: number, handlers = true) => {
    const file = sqlite({ file: tmp.file })
    const see = handler(Picture, { group: 'gallery' }, ({ data }) => void sizes.push(data.bytes.length))
    const middleware = [claimCheck({ store: file.claimChecks({ ttl }) })]
    return createBus({ source: '/test', transport: file, handlers: handlers ? [see] : [], middleware, log: false })
  }
  await (await open(60_000)).close()
  const publisher = await open(60_000, false)
  await publisher.publish(Picture, { bytes: 'x'.repeat(200_000) })
  await publisher.close()
  const reader = await open(60_000)
  await reader.idle()
  await reader.close()
  expect(sizes).toEqual([200_000])

  const claims = sqlite({ file: tmp.file }).claimChecks({ ttl: 1 })
  await claims.put('a', Uint8Array.of(1))
  await new Promise((resolve) => setTimeout(resolve, 5))
  // Whoever opens the file tidies it up.
  await expect.poll(() => claims.get('a')).toBeUndefined()
  expect(() => sqlite({ file: tmp.file }).claimChecks({ ttl: 0 })).toThrow(/`ttl` must be more than 0/)
})

test('what a closed aggregation had is known for the age of retention', async () => {
  const file = sqlite({ file: tmp.file, retention: { age: 0 } })
  const store = file.aggregations()
  const entry = { key: 'k', aggregation: 'a', identity: 'i', event: eventOf('i'), reopen: true, max: 10 }
  await store.add(entry)
  // Open ones have no age.
  expect((await store.add(entry)).outcome).toBe('known')
  await store.seal('a', 'complete')
  await store.close('a')
  await expect.poll(() => store.read('a')).toBeUndefined()
  expect(await store.add({ ...entry, aggregation: 'b' })).toMatchObject({ outcome: 'added', aggregation: 'b', size: 1 })
})
