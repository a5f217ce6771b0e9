import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { brokersThere } from './fixtures/brokers.ts'
import { DemoProcess, Folder } from './fixtures/demo-process.ts'

const folder = new Folder()
const brokers = await brokersThere()
afterAll(async () => {
  folder[Symbol.dispose]()
  await Promise.all(brokers.map((broker) => broker.close()))
})

/** What a day comes to; its lines by their content, since events of different orders overtake each other. */
async function day(...args: string[]): Promise<{ readonly lines: string[]; readonly figures: string[] }> {
  const { code, stdout, stderr } = await new DemoProcess(args).ended
  expect(code, stderr).toBe(0)
  const lines = stdout.split('\n')
  const heading = lines.findIndex((line) => line.includes('figures'))
  // Whose settlement was lost with a connection is called once more, and left out.
  const figures = lines.slice(heading + 1).filter((line) => !line.includes('handlers'))
  return { lines: lines.slice(0, heading).toSorted(), figures }
}

describe.each(brokers)('the shop on $name', ({ name, options }) => {
  test('INVARIANT: the same handlers tell the same story, with the same totals, as in one process', async () => {
    const [inMemory, onBroker] = [await day('--seed', '1'), await day('--seed', '1', ...options)]
    expect(onBroker).toEqual(inMemory)
  })

  test('a shop in a folder goes on on a broker, and back in its file', async () => {
    const data = join(folder.path, name)
    const [first, second, third] = [
      await day('--data', data),
      await day('--data', data, ...options),
      await day('--data', data),
    ]
    const ordersOf = ({ figures }: typeof first) => figures.find((line) => line.includes('orders'))
    expect([first, second, third].map(ordersOf)).toEqual([
      '   orders     9 placed, 6 paid, 3 cancelled',
      '   orders     18 placed, 12 paid, 6 cancelled',
      '   orders     27 placed, 18 paid, 9 cancelled',
    ])
  })
})

test.each([
  [['--transport', 'pigeon'], '--transport is rabbitmq or kafka, received "pigeon"'],
  [['--transport', 'kafka'], '--transport kafka needs --brokers, such as localhost:9092'],
  [['--transport', 'kafka', '--url', 'x'], '--url says where a broker is: name it by --transport rabbitmq'],
  [['--transport', 'rabbitmq'], '--transport rabbitmq needs --url, such as amqp://localhost'],
  [['--url', 'amqp://localhost'], '--url says where a broker is: name it by --transport rabbitmq'],
])('%j is refused, with what to write', async (args, message) => {
  const { code, stderr } = await new DemoProcess(args).ended
  expect(code).toBe(2)
  expect(stderr).toContain(`demo: ${message}`)
})

test('a broker that is not there is told by its place', async () => {
  const { code, stderr } = await new DemoProcess(['--transport', 'rabbitmq', '--url', 'amqp://127.0.0.1:1']).ended
  expect(code).toBe(1)
  expect(stderr).toContain('RabbitMQ at 127.0.0.1:1 cannot be reached')
})
