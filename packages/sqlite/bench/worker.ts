/**
 * What a worker thread costs and gains: rate, and delay of the event loop, under 64 writers with `FULL`, beside the same in
 * the thread of the application and beside a loop that does nothing. A fresh process for each, in turn; medians of rounds,
 * 5 unless another number is given.
 *
 *     pnpm build && node packages/sqlite/bench/worker.ts [rounds]
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createBus, handler } from '@tidings/bus'
import { type DefinedEvent, defineEvent } from '@tidings/events'
import { sqlite } from '@tidings/sqlite'
import { z } from 'zod'

const writers = 64
const time = 3000
const places = ['idle', 'thread', 'worker'] as const
const works = ['append', 'publish', 'handle'] as const

interface Figures {
  readonly rate: number
  /** Microseconds of all threads for each. */
  readonly cpu: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

const OrderPlaced: DefinedEvent<'bench.order.placed', z.ZodObject<{ id: z.ZodString; n: z.ZodInt }>> = defineEvent(
  'bench.order.placed',
  { schema: z.object({ id: z.string(), n: z.int() }), key: ({ id }) => id },
)

const [, , first, second] = process.argv
if (first !== undefined && second !== undefined) console.log(JSON.stringify(await measure(first, second)))
else report(Number(first ?? 5))

async function measure(work: string, place: string): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-bench-'))
  const file = sqlite({ file: join(folder, 'bench.db'), worker: place === 'worker' })
  let handled = 0
  const count = handler(OrderPlaced, { group: 'count', idempotent: true, concurrency: 256 }, () => void handled++)
  const handlers = work === 'handle' ? [count] : []
  const bus = await createBus({ source: '/bench', transport: file, handlers, log: false })
  const store = await file.store({ events: [OrderPlaced] })
  let done = 0
  const once = async (writer: number): Promise<void> => {
    const data = { id: `w${writer}`, n: done++ }
    if (place === 'idle') await new Promise((resolve) => setTimeout(resolve, 20))
    else if (work === 'append') await store.append(`order-${writer}`, [OrderPlaced.create(data, { source: '/bench' })])
    else await bus.publish(OrderPlaced, data)
  }
  const writeUntil = async (end: number): Promise<void> => {
    const write = async (writer: number): Promise<void> => {
      while (performance.now() < end) await once(writer)
    }
    await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)))
  }
  await writeUntil(performance.now() + 1000)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const [before, handledBefore, start, cpuBefore] = [done, handled, performance.now(), process.cpuUsage()]
  delay.enable()
  await writeUntil(start + time)
  delay.disable()
  const { user, system } = process.cpuUsage(cpuBefore)
  const [written, taken, seconds] = [done - before, handled - handledBefore, (performance.now() - start) / 1000]
  await bus.close()
  await store.close()
  rmSync(folder, { recursive: true })
  const milliseconds = (nanoseconds: number): number => Math.round(nanoseconds / 1e4) / 100
  return {
    rate: Math.round((work === 'handle' ? taken : written) / seconds),
    cpu: Math.round((10 * (user + system)) / written) / 10,
    p50: milliseconds(delay.percentile(50)),
    p99: milliseconds(delay.percentile(99)),
    max: milliseconds(delay.max),
  }
}

function report(rounds: number): void {
  const run = (work: string, place: string): Figures =>
    JSON.parse(
      execFileSync(process.execPath, [...process.execArgv, import.meta.filename, work, place], { encoding: 'utf8' }),
    ) as Figures
  for (const work of works) {
    const all = Array.from({ length: rounds }, () => places.map((place) => run(work, place)))
    const of = (place: number, figure: keyof Figures): number => median(all.map((round) => round[place]![figure]))
    const ratios = all.map((round) => round[2]!.rate / round[1]!.rate)
    console.log(
      `${work}: worker ${median(ratios).toFixed(2)} x the rate of the thread (${of(2, 'rate')}/s, ${of(1, 'rate')}/s), CPU ${of(2, 'cpu')} and ${of(1, 'cpu')} µs each; ` +
        places
          .map((place, at) => `${place} p50 ${of(at, 'p50')} p99 ${of(at, 'p99')} max ${of(at, 'max')} ms`)
          .join('; '),
    )
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}
