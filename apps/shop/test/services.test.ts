import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { brokersThere } from './fixtures/brokers.ts'
import { DemoProcess, Folder } from './fixtures/demo-process.ts'
import { modules, Services } from './fixtures/services.ts'

const folder = new Folder()
const brokers = await brokersThere()
afterAll(async () => {
  folder[Symbol.dispose]()
  await Promise.all(brokers.map((broker) => broker.close()))
})

const grounds = [
  { where: 'one file', options: [] as readonly string[] },
  ...brokers.map(({ name, options }) => ({ where: name, options })),
]

/** What a day comes to, but for what is counted in each process. */
function figuresIn(stdout: string): string[] {
  const lines = stdout.split('\n')
  const heading = lines.findIndex((line) => line.includes('figures'))
  return lines.slice(heading + 1).filter((line) => !line.includes('handlers'))
}

test.each(grounds)(
  'INVARIANT: each module a process, over $where, a day has the totals of one process',
  { timeout: 300_000 },
  async ({ where, options }) => {
    const data = join(folder.path, `whole on ${where}`)
    await using services = new Services(['--data', data, ...options])
    const desk = await new DemoProcess(['service', 'desk', '--seed', '1', '--data', data, ...options]).ended
    expect(desk.code, desk.stderr).toBe(0)
    const alone = await new DemoProcess(['--seed', '1']).ended
    expect(figuresIn(desk.stdout)).toEqual(figuresIn(alone.stdout))
    expect(await services.stop()).toEqual(modules.map((name) => `${name} 0`))
  },
)

test.each(grounds)(
  'INVARIANT: over $where, each service killed and started again, and the desk too, no order is charged twice',
  { timeout: 300_000 },
  async ({ where, options }) => {
    const data = join(folder.path, `killed on ${where}`)
    await using services = new Services(['--data', data, ...options])
    const startDesk = (): DemoProcess => new DemoProcess(['service', 'desk', '--seed', '1', '--data', data, ...options])
    const killed = startDesk()
    // Behind the heading of the second act.
    await killed.killedAt(6, 10)
    const desk = startDesk()
    for (const name of modules) {
      await services.restart(name)
      await setTimeout(100)
    }
    const { code, stdout, stderr } = await desk.ended
    expect(code, stderr).toBe(0)
    const alone = await new DemoProcess(['--seed', '1']).ended
    expect(figuresIn(stdout).slice(0, 7)).toEqual(figuresIn(alone.stdout).slice(0, 7))
    expect(await services.stop()).toEqual(modules.map((name) => `${name} 0`))
    const charged = readFileSync(join(data, 'outside/cards.ndjson'), 'utf8').match(/"order":\d+,"pence":\d+/g)!
    expect(charged).toEqual([...new Set(charged)])
    // All but the order whose goods were gone.
    expect(charged).toHaveLength(8)
  },
)

test.each([
  [['service', 'cook'], 'name one of orders, payments'],
  [['service', 'orders'], '--data must name the folder'],
  [['service', 'desk', '--data', 'x', '--seed', 'y'], '--seed takes one whole number'],
])('%j is refused, with what to write', async (args, message) => {
  const { code, stderr } = await new DemoProcess(args).ended
  expect(code).toBe(2)
  expect(stderr).toContain(message)
})
