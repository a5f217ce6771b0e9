import { type Bus, createBus, handler, type HandlerOptions } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { sqlite } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'

const Stepped = defineEvent('test.order.stepped', {
  schema: z.object({ key: z.string(), n: z.int() }),
  key: ({ key }) => key,
})
/** So many that they are in lanes of both halves. */
const keys = Array.from({ length: 16 }, (_, at) => `k${at}`)
let tmp: ReturnType<typeof fileInTmp>
let buses: Bus[]

beforeEach(() => {
  tmp = fileInTmp()
  buses = []
})
afterEach(async () => {
  await Promise.all(buses.map((bus) => bus.close({ timeout: 1000 })))
  tmp.remove()
})

interface Step {
  readonly key: string
  readonly n: number
}

/** A member of the group, on the file by itself as another process would be. */
async function member(
  work: (step: Step, attempt: number) => void | Promise<void>,
  options: Partial<HandlerOptions> = {},
): Promise<Bus> {
  const steps = handler(Stepped, { ...options, group: 'steps' }, ({ data }, { attempt }) => work(data, attempt))
  const bus = await createBus({
    source: '/test',
    transport: sqlite({ file: tmp.file }),
    handlers: [steps],
    log: false,
  })
  buses.push(bus)
  return bus
}

function gate(): { readonly opened: Promise<void>; open(): void } {
  let open!: () => void
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}

/** Of each key, what was handled, in that order. */
function byKey(steps: readonly Step[]): Record<string, number[]> {
  const found: Record<string, number[]> = {}
  for (const { key, n } of steps) (found[key] ??= []).push(n)
  return found
}

test('INVARIANT: a key keeps its order over a restart, however much waited behind its first event', async () => {
  const count = 1000
  const first = gate()
  const handled: number[] = []
  // The fewer it holds, the sooner what stands behind others gets rows of its own.
  const few = { concurrency: 1, prefetch: 4 }
  const before = await member(async ({ n }) => {
    if (n === 0) await first.opened
    handled.push(n)
  }, few)
  await Promise.all(Array.from({ length: count }, (_, n) => before.publish(Stepped, { key: 'k', n })))
  // Nothing else is handed out behind it.
  const closed = before.close()
  first.open()
  await closed
  const after = await member(({ n }) => void handled.push(n), few)
  await after.idle({ timeout: '20s' })
  expect(handled).toEqual(Array.from({ length: count }, (_, n) => n))
})

test('INVARIANT: a key keeps its order when others join while its first event waits for a retry', async () => {
  const last = gate()
  const handled: Step[] = []
  const one = await member(
    async (step, attempt) => {
      if (step.n === 0 && attempt === 1) throw new Error('not at the first')
      if (step.key === 'last') await last.opened
      handled.push(step)
    },
    { retry: { delay: '1s', jitter: false } },
  )
  for (const n of [0, 1, 2]) for (const key of keys) await one.publish(Stepped, { key, n })
  // Handed out behind all of them, and held.
  await one.publish(Stepped, { key: 'last', n: 1 })
  await expect.poll(async () => (await one.groups.list())[0]).toMatchObject({ retrying: keys.length, handedOut: 1 })
  const two = await member((step) => void handled.push(step))
  await expect.poll(() => handled.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(3 * keys.length)
  last.open()
  await Promise.all([one.idle({ timeout: '20s' }), two.idle({ timeout: '20s' })])
  const { last: _, ...found } = byKey(handled)
  expect(found).toEqual(Object.fromEntries(keys.map((key) => [key, [0, 1, 2]])))
})

test('INVARIANT: what is handled at its second attempt is handed to nobody else when others join', async () => {
  const second = gate()
  const begun: string[] = []
  const handled: Step[] = []
  const one = await member(
    async (step, attempt) => {
      if (step.n === 0 && attempt === 1) throw new Error('not at the first')
      begun.push(`${step.key} ${step.n}`)
      if (step.n === 0) await second.opened
      handled.push(step)
    },
    { concurrency: keys.length, retry: { delay: '10ms', jitter: false } },
  )
  for (const n of [0, 1]) for (const key of keys) await one.publish(Stepped, { key, n })
  await expect.poll(() => begun.length).toBe(keys.length)
  const elsewhere: Step[] = []
  const two = await member((step) => void elsewhere.push(step))
  // What it is given by mistake it has within this time.
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(elsewhere).toEqual([])
  second.open()
  await Promise.all([one.idle({ timeout: '20s' }), two.idle({ timeout: '20s' })])
  expect(byKey([...handled, ...elsewhere])).toEqual(Object.fromEntries(keys.map((key) => [key, [0, 1]])))
})
