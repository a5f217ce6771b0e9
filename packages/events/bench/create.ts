/**
 * What making an event costs, against the bare `schema.parse` of zod that any validating program pays:
 *
 *   node --conditions=@tidings/source bench/create.ts
 *
 * Contestants take turns within a round, each round starts with another one, and the median of the rounds counts. Each
 * schema runs in a process of its own, so that none is measured with another's type feedback.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import { defineEvent, type StandardSchema } from '../src/index.ts'
import { validatorOf } from '../src/schema/validator.ts'

const rounds = 21
const orderId = '01900a1b-2c3d-7e4f-8a5b-6c7d8e9f0a1b'
const line = (index: number) => ({ sku: `sku-${index}`, quantity: index + 1, price: 12.5 })

const scenarios: Record<string, () => { schema: StandardSchema & z.ZodType; input: unknown }> = {
  'flat, 4 fields': () => ({
    schema: z.object({ orderId: z.uuid(), item: z.string(), quantity: z.int().positive(), userId: z.int().default(0) }),
    input: { orderId, item: 'Book', quantity: 1 },
  }),
  'retail row, 8 fields': () => ({
    schema: z.object({
      invoice: z.string(),
      stockCode: z.string(),
      description: z.string().nullable(),
      quantity: z.int(),
      at: z.string(),
      price: z.int(),
      customer: z.string().optional(),
      country: z.string(),
    }),
    input: {
      invoice: '536365',
      stockCode: '85123A',
      description: 'WHITE HANGING HEART T-LIGHT HOLDER',
      quantity: 6,
      at: '2010-12-01T08:26:00',
      price: 2550,
      customer: '17850',
      country: 'United Kingdom',
    },
  }),
  'order with 5 lines': () => ({
    schema: z.object({
      orderId: z.uuid(),
      customer: z.object({ id: z.string(), email: z.email() }),
      lines: z.array(z.object({ sku: z.string(), quantity: z.int().positive(), price: z.number() })),
      currency: z.enum(['GBP', 'EUR']),
    }),
    input: {
      orderId,
      customer: { id: 'c-1', email: 'ann@example.com' },
      lines: Array.from({ length: 5 }, (_, index) => line(index)),
      currency: 'GBP',
    },
  }),
}

const [scenario, mode] = process.argv.slice(2)
if (scenario === undefined) runAll()
else measure(scenario, mode === 'jitless')

function runAll(): void {
  console.log(`node ${process.version}, zod ${z.core.version.major}.${z.core.version.minor}.${z.core.version.patch}`)
  console.log('speed as a ratio to bare schema.parse (1 = as fast), and nanoseconds for one\n')
  const head = ['scenario', 'mode', 'parse ns', 'validation', 'create', 'create, traced', 'create ns', 'by hand']
  console.log(row(head))
  for (const name of Object.keys(scenarios)) {
    for (const each of ['jit', 'jitless']) {
      const { stdout, stderr, status } = spawnSync(
        process.execPath,
        [...process.execArgv, fileURLToPath(import.meta.url), name, each],
        { encoding: 'utf8' },
      )
      if (status !== 0) throw new Error(stderr)
      process.stdout.write(stdout)
    }
  }
}

function measure(name: string, jitless: boolean): void {
  z.config({ jitless })
  const build = scenarios[name]
  if (build === undefined) throw new Error(`No scenario ${name}`)
  const { schema, input } = build()
  const definition = defineEvent('bench.event', schema)
  const validate = validatorOf(schema, 'bench.event')
  const trace = { source: '/bench', correlationId: orderId, causationId: orderId, causationDepth: 1 }
  let count = 0
  let sink: unknown
  const contestants: Record<string, () => void> = {
    parse: () => void (sink = schema.parse(input)),
    validation: () => void (sink = validate(input)),
    create: () => void (sink = definition.create(input)),
    traced: () => void (sink = definition.create(input, trace)),
    // The least that anyone would write to get an event with the same guarantees, but frozen at its top only.
    byHand: () =>
      void (sink = Object.freeze({
        id: crypto.randomUUID(),
        type: 'bench.event',
        version: 1,
        source: '/',
        time: new Date().toISOString(),
        sequence: ++count,
        data: Object.freeze(schema.parse(input)),
      })),
  }
  const names = Object.keys(contestants)
  const times = new Map<string, number[]>(names.map((each) => [each, []]))
  for (let round = -3; round < rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const each = names[(turn + round + names.length) % names.length] ?? 'parse'
      const run = contestants[each] ?? (() => {})
      const start = performance.now()
      for (let index = 0; index < 20_000; index++) run()
      if (round >= 0) times.get(each)?.push(((performance.now() - start) / 20_000) * 1e6)
    }
  }
  if (sink === undefined) throw new Error('nothing ran')
  const median = (each: string) => times.get(each)?.toSorted((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN
  const ratio = (each: string) => (median('parse') / median(each)).toFixed(2)
  console.log(
    row([
      name,
      jitless ? 'jitless' : 'jit',
      median('parse').toFixed(0),
      ratio('validation'),
      ratio('create'),
      ratio('traced'),
      median('create').toFixed(0),
      ratio('byHand'),
    ]),
  )
}

function row(cells: readonly string[]): string {
  return cells.map((cell, index) => (index === 0 ? cell.padEnd(22) : cell.padStart(15))).join('')
}
