import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createBus } from '@tidings/bus'
import { type Child, type ModuleFunction, spawnChild, startBroker } from '@tidings/conformance/faults'
import { afterEach, expect, test } from 'vitest'
import { sqlite } from '../src/index.ts'
import { consumerOn } from './fixtures/moving-programs.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'

const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as typeof import('node:sqlite')
const module = new URL('../src/index.ts', import.meta.url)
const opened: { end(): unknown }[] = []

afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each.end()
})

/** A place to move to: how a process reaches it. */
interface Target {
  readonly reached: ModuleFunction
}

/** A broker in a process of its own, behind a socket. */
async function broker(folder: string): Promise<Target> {
  const options = { file: join(folder, 'broker.db'), synchronous: 'normal' }
  const served = await startBroker({ transport: { module, name: 'sqlite', options } })
  opened.push({ end: () => served.kill() })
  const { port, capabilities } = served
  const options2 = { port, capabilities, timeout: 5000 }
  return {
    reached: {
      module: new URL(import.meta.resolve('@tidings/conformance/faults')),
      name: 'socketTransport',
      options: options2,
    },
  }
}

async function otherFile(folder: string): Promise<Target> {
  return { reached: { module, name: 'sqlite', options: { file: join(folder, 'other.db'), synchronous: 'normal' } } }
}

interface Confirmed {
  readonly key: string
  readonly n: number
}

test.for([
  ['a broker', broker, { publishers: 2, kills: 3 }],
  ['another file', otherFile, { publishers: 1, kills: 1 }],
] as const)(
  'INVARIANT: an application moves to %s while it runs, as the how-to says, and its relay is killed on the way: each confirmed event is handled once, each key in order',
  { timeout: 180_000 },
  async ([, made, { publishers: count, kills }]) => {
    const { file, folder, remove } = fileInTmp('shop.db')
    opened.push({ end: remove })
    const target = await made(folder)
    const here = { module, name: 'sqlite', options: { file, synchronous: 'normal' } }
    const ledger = join(folder, 'ledger.db')
    const tables = new DatabaseSync(ledger)
    tables.exec('PRAGMA journal_mode = WAL')
    for (const table of ['orders', 'bookings']) {
      // Nothing in it denies an event a second row.
      tables.exec(`CREATE TABLE ${table} (row INTEGER PRIMARY KEY, key TEXT NOT NULL, n INTEGER NOT NULL)`)
    }
    opened.push({ end: () => tables.close() })

    const start = async (
      name: 'consume' | 'publish' | 'relay',
      transport: ModuleFunction,
      options: unknown,
    ): Promise<Child> => {
      const child = await spawnChild({
        module: new URL('./fixtures/moving-programs.ts', import.meta.url),
        name,
        transport,
        options,
      })
      opened.push({ end: () => child.kill() })
      return child
    }
    /** By key: the last that was confirmed. */
    const confirmed = new Map<string, number>()
    const note = ({ reports }: Child): void => {
      for (const { key, n } of reports as readonly Confirmed[])
        confirmed.set(key, Math.max(confirmed.get(key) ?? -1, n))
    }
    const nextOf = (publisher: number): Record<string, number> =>
      Object.fromEntries(
        Array.from({ length: 8 }, (_, at) => [`p${publisher}-${at}`, (confirmed.get(`p${publisher}-${at}`) ?? -1) + 1]),
      )
    const pause = (time: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, time))

    // The application as it was, on the file. Its groups are there before the first event.
    await (await consumerOn(sqlite(here.options as never), { ledger })).close()
    const [consumer, ...publishers] = await Promise.all([
      start('consume', here, { ledger }),
      ...Array.from({ length: count }, (_, at) => start('publish', here, nextOf(at))),
    ])
    await pause(500)

    // 1. The consumers stop. The publishers go on, all the time.
    await consumer.stop()
    const stopped = Date.now()

    // 2. The relay begins, is killed, and begins again.
    let killed = 0
    let relay = await start('relay', target.reached, here.options)
    const killRelay = async (): Promise<void> => {
      if (killed === kills) return
      killed++
      await pause(200 * Math.random())
      await relay.kill()
      relay = await start('relay', target.reached, here.options)
    }
    const caughtUp = (since: number): Promise<void> =>
      relay.until(
        (reports) => (reports as readonly { caughtUp: number }[]).some((each) => each.caughtUp > since),
        '60s',
      )
    await killRelay()

    // 3. Once it has caught up with what was there when they stopped, the consumers begin over there.
    await caughtUp(stopped)
    const there = await start('consume', target.reached, { ledger })
    await killRelay()

    // 4. The publishers change over, one after the other, each behind its own last event.
    for (const [at, publisher] of publishers.entries()) {
      await publisher.stop()
      note(publisher)
      const ended = Date.now()
      await killRelay()
      await caughtUp(ended)
      publishers[at] = await start('publish', target.reached, nextOf(at))
    }
    await pause(300)

    // 5. Nothing is left on the file: the relay ends.
    await caughtUp(Date.now())
    await relay.stop()
    const left = await createBus({ source: '/moving', transport: sqlite(here.options as never), log: false })
    for (const { waiting, handedOut, retrying, delayed, parked } of await left.groups.list()) {
      expect({ waiting, handedOut, retrying, delayed, parked }).toEqual({
        waiting: 0,
        handedOut: 0,
        retrying: 0,
        delayed: 0,
        parked: 0,
      })
    }
    await left.close()

    for (const publisher of publishers) {
      await publisher.stop()
      note(publisher)
    }
    const rows = (table: string): readonly Confirmed[] =>
      tables.prepare(`SELECT key, n FROM ${table} ORDER BY row`).all() as never
    const total = [...confirmed.values()].reduce((sum, last) => sum + last + 1, 0)
    await expect.poll(() => rows('bookings').length, { timeout: 30_000, interval: 100 }).toBeGreaterThanOrEqual(total)
    await there.stop()
    const moved = (relay.reports.at(-1) as { moved: number }).moved
    console.log(`${total} events confirmed, ${killed} relays killed, ${moved} moved by the last one`)
    for (const table of ['orders', 'bookings']) {
      const byKey = new Map<string, number[]>()
      for (const { key, n } of rows(table)) byKey.set(key, [...(byKey.get(key) ?? []), n])
      for (const [key, last] of confirmed) {
        expect(byKey.get(key), `${table} of ${key}`).toEqual(Array.from({ length: last + 1 }, (_, n) => n))
      }
    }
  },
)
