import { type Child, spawnChild } from '@tidings/conformance/faults'
import { runProcess, waitFor } from '@tidings/store'
import { afterAll, expect, test, vi } from 'vitest'
import { sqliteStore } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'
import { Asked, desk, Entered, questions } from './fixtures/process-programs.ts'

/** A tenth of what the crash test of the bus takes: it is told by `TIDINGS_KILLS` as well. */
const kills = Math.ceil(Number(process.env['TIDINGS_KILLS'] ?? 50) / 10)
const { file, remove } = fileInTmp()
const children: Child[] = []

afterAll(async () => {
  await Promise.all(children.map((child) => child.kill()))
  remove()
})

async function start(): Promise<Child> {
  const module = new URL('./fixtures/process-programs.ts', import.meta.url)
  const child = await spawnChild({ module, name: 'react', options: file })
  children.push(child)
  return child
}

test(
  'INVARIANT: of processes that are killed, and that overtake each other, each event and each timeout has its reaction once',
  { timeout: 60_000 + kills * 10_000 },
  async () => {
    await using store = await sqliteStore({ file, events: questions })
    const reacting = [await start(), await start()]
    const asked = new AbortController()
    const ids: string[] = []
    const ask = (async () => {
      for (let n = 0; !asked.signal.aborted; n++) {
        const event = Asked.create({ who: `visitor-${n % 7}` })
        await store.append(`questions-${n % 3}`, [event])
        ids.push(event.id)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    })()
    for (let killed = 0; killed < kills; killed++) {
      await new Promise((resolve) => setTimeout(resolve, 50 + 200 * Math.random()))
      const at = killed % 2
      await reacting[at]!.kill()
      reacting[at] = await start()
    }
    asked.abort()
    await ask
    await Promise.all(reacting.map((child) => child.kill()))
    await using last = await runProcess(store, desk)
    await waitFor(last, await store.end(), { timeout: '30s' })
    const isQuiet = async (): Promise<boolean> => {
      for await (const [, { timeouts }] of last.instances()) if (Object.keys(timeouts).length > 0) return false
      return true
    }
    await vi.waitFor(async () => expect(await isQuiet()).toBe(true), { timeout: 30_000 })
    const entries: string[] = []
    for await (const { event } of store.read('book')) if (Entered.is(event)) entries.push(event.data.about)
    const overtaken = children.flatMap(({ reports }) => reports.map(String))
    console.log(
      `${kills} processes killed, ${overtaken.length} overtaken, ${ids.length} events, ${entries.length} entries`,
    )
    expect(overtaken.filter((error) => !error.startsWith('RecordConflictError'))).toEqual([])
    const about = (what: string): string[] =>
      entries.filter((entry) => entry.startsWith(what)).map((entry) => entry.slice(what.length))
    expect(about('asked ')).toEqual(ids)
    expect(about('waited ').toSorted()).toEqual(ids.toSorted())
    const kept: string[] = []
    for await (const [, { state }] of last.instances()) kept.push(...state.asked)
    expect(kept.toSorted()).toEqual(ids.toSorted())
  },
)
