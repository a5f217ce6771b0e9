import { fork } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, expect, test, vi } from 'vitest'
import { type Child, type ChildOptions, spawnChild } from '../src/faults/index.ts'

const module = new URL('./fixtures/programs.ts', import.meta.url)
let children: Child[] = []

afterEach(async () => {
  await Promise.all(children.map((child) => child.kill()))
  children = []
})

test('a program gets its options, reports, and what it made is disposed of when it stops', async () => {
  const child = await spawn({ options: { bytes: new Uint8Array([1]) } })
  await child.until((reports) => reports.length > 0)
  expect(await child.stop()).toEqual({ code: 0, signal: null })
  expect(child.reports).toEqual([{ bytes: new Uint8Array([1]) }, 'disposed'])
})

test('a program hears that it is to stop', async () => {
  const child = await spawn({ name: 'stopOnSignal' })
  await child.stop()
  expect(child.reports).toEqual(['asked to stop'])
})

test('a killed process is gone when kill resolves', async () => {
  const child = await spawn({ name: 'countForEver' })
  await child.until((reports) => reports.length > 3)
  await child.kill()
  expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' })
  expect(isAlive(child.pid)).toBe(false)
  await child.kill()
})

test('a program that cannot begin is said with what it wrote', async () => {
  await expect(spawn({ name: 'failAtOnce' })).rejects.toThrow(/ended before it did begin \(code 1[^]*no luck today/)
  await expect(spawn({ name: 'missing' })).rejects.toThrow(/exports no function missing/)
  await expect(spawn({ name: 'neverBegin', timeout: 500 })).rejects.toThrow('did not begin within 500ms')
})

test('who waits for a report of a process that dies is told so', async () => {
  const child = await spawn({ name: 'failLater' })
  await expect(child.until(() => false)).rejects.toMatchObject({
    code: 'CHILD_PROCESS_FAILED',
    message: expect.stringContaining('no luck later'),
  })
  await expect((await spawn()).until(() => false, 10)).rejects.toThrow('within 10ms')
})

test('children end with their parent, even when that is killed', async () => {
  const parent = fork(new URL('./fixtures/parent.ts', import.meta.url), [], {
    execArgv: ['--conditions=@tidings/source'],
    stdio: 'ignore',
  })
  const [pid] = (await once(parent, 'message')) as [number]
  expect(isAlive(pid)).toBe(true)
  parent.kill('SIGKILL')
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), 5000)
})

async function spawn(options: Partial<ChildOptions> = {}): Promise<Child> {
  const child = await spawnChild({ module, ...options })
  children.push(child)
  return child
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
