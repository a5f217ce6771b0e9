import { defineEvent } from '@tidings/events'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type EventStore, exportTo, importFrom, memoryStore } from '../src/index.ts'
import { all, OrderPlaced, placed, places, rejection } from './support/shop.ts'

const Photographed = defineEvent('shop.photo', { schema: z.instanceof(Uint8Array), dataContentType: 'image/png' })
const events = [OrderPlaced, Photographed] as const
const fresh = () => memoryStore({ events })

/** A log with several streams, one that is cut, one that is cut to its end, and one with a tombstone. */
async function filled() {
  let now = Date.parse('2020-01-01T00:00:00Z')
  const store = memoryStore({ events, clock: { now: () => (now += 1000) } })
  for (let index = 0; index < 30; index++) {
    await store.append(
      `order-${index % 3}`,
      Array.from({ length: 1 + (index % 4) }, () => placed(`ünï ${index}\n🚀`)),
    )
  }
  await store.append('photo-1', [Photographed.create(Uint8Array.of(0, 128, 255))])
  await store.append('ended-1', [placed(), placed()])
  await store.append('emptied-1', [placed(), placed(), placed()])
  await store.truncate('order-1', { before: 5 })
  await store.truncate('emptied-1', { before: 4 })
  await store.tombstone('ended-1')
  return store
}

async function exported(store: EventStore, after?: Parameters<typeof exportTo>[2]): Promise<string[]> {
  const lines: string[] = []
  await exportTo(store, (line) => lines.push(line), after)
  return lines
}

/** All that a log has, but for the positions. */
async function contents(store: ReturnType<typeof fresh>): Promise<unknown> {
  const log = (await all(store.readAll())).map((recorded) => ({ ...recorded, position: undefined }))
  const streams = ['order-0', 'order-1', 'photo-1', 'ended-1', 'emptied-1']
  return [log, await Promise.all(streams.map((stream) => store.info(stream)))]
}

describe('exportTo and importFrom', () => {
  test('INVARIANT: a log comes back with its ids, times, versions, bytes and cuts, at new positions', async () => {
    const store = await filled()
    const copy = fresh()
    await copy.append('before-1', [placed()])
    const { events: count, skipped } = await importFrom(copy, await exported(store))
    expect([count, skipped]).toEqual([(await all(store.readAll())).length, 0])
    const [[, ...log], streams] = (await contents(copy)) as [unknown[], unknown]
    expect([log, streams]).toEqual(await contents(store))
    expect(await rejection(copy.append('ended-1', [placed()]))).toMatchObject({ code: 'STREAM_TOMBSTONED', version: 2 })
    expect(await copy.append('emptied-1', [placed()], { expectedVersion: 3 })).toMatchObject({ firstVersion: 4 })
    const [first] = await all(copy.read('order-0'))
    expect(first!.position).toBe(2)
  })

  test('an import goes on where it broke off, whatever the pieces it comes in', async () => {
    const store = await filled()
    const lines = await exported(store)
    const bytes = new TextEncoder().encode(lines.join(''))
    const copy = fresh()
    async function* broken() {
      yield lines.slice(0, 31).join('')
      throw new Error('the network broke')
    }
    expect(await rejection(importFrom(copy, broken()))).toEqual(new Error('the network broke'))
    const pieces = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, index) =>
      bytes.slice(7 * index, 7 * index + 7),
    )
    const { events: added, skipped } = await importFrom(copy, pieces)
    expect(skipped).toBeGreaterThan(0)
    expect(added + skipped).toBe((await all(store.readAll())).length)
    expect(await contents(copy)).toEqual(await contents(store))
    expect(await importFrom(copy, lines)).toMatchObject({ events: 0 })
    expect(await contents(copy)).toEqual(await contents(store))
  })

  test('what came since is exported and imported behind it', async () => {
    const store = await filled()
    const copy = fresh()
    const lines: string[] = []
    const { position } = await exportTo(store, (line) => lines.push(line))
    await importFrom(copy, lines)
    await store.append('order-1', [placed()])
    const more = await exported(store, { after: position })
    expect(await importFrom(copy, more)).toMatchObject({ events: 1, skipped: 0 })
    expect(await contents(copy)).toEqual(await contents(store))
  })

  test.for<[string, string[], string]>([
    ['no header', ['{}'], 'line 1 of an import is refused: it is not {"tidings"'],
    ['no JSON', ['{"tidings":"event-log","format":1}\n', '{'], 'line 2 of an import is refused: it is no JSON'],
    ['no object', ['{"tidings":"event-log","format":1}\n', '7'], 'line 2 of an import is refused: it is no object'],
    ['no event', ['{"tidings":"event-log","format":1}\n', '{}'], 'its event cannot be read'],
  ])('refuses a file with %s, and says where', async ([, lines, told]) => {
    const error = await rejection(importFrom(fresh(), lines))
    expect(error).toMatchObject({ code: 'IMPORT_INVALID', message: expect.stringContaining(told) as string })
  })

  test('keeps what stands before a line that it refuses', async () => {
    const store = fresh()
    await store.append('order-1', [placed()])
    await store.append('order-2', [placed()])
    const lines = await exported(store)
    const copy = fresh()
    const wrong = [...lines.slice(0, 2), lines[2]!.replace('"version":1', '"version":0')]
    expect(await rejection(importFrom(copy, wrong))).toMatchObject({ line: 3 })
    expect(await importFrom(copy, lines)).toMatchObject({ events: 2 })
    expect(await places(copy.readAll())).toEqual(['order-1@1', 'order-2@1'])
  })

  test('does not write into a stream that goes on otherwise', async () => {
    const store = fresh()
    await store.append('order-1', [placed()])
    const copy = fresh()
    await copy.append('order-1', [placed()])
    expect(await rejection(importFrom(copy, await exported(store)))).toMatchObject({ code: 'CONCURRENCY_CONFLICT' })
  })
})
