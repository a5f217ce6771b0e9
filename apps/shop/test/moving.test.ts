import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Transport } from '@tidings/bus'
import { createRelay } from '@tidings/bus/integration'
import { sqlite } from '@tidings/sqlite'
import { afterAll, describe, expect, test } from 'vitest'
import { brokerOf, brokerOptions, transportTo } from '../src/broker.ts'
import { brokersThere } from './fixtures/brokers.ts'
import { DemoProcess, Folder } from './fixtures/demo-process.ts'
import { modules, Services } from './fixtures/services.ts'

const folder = new Folder()
const brokers = await brokersThere()
afterAll(async () => {
  folder[Symbol.dispose]()
  await Promise.all(brokers.map((broker) => broker.close()))
})

describe.each(brokers)('a shop of several processes', ({ name, options }) => {
  test(
    'INVARIANT: moves from its file to a broker while orders come in: none is lost, none is charged twice',
    { timeout: 300_000 },
    async () => {
      const data = join(folder.path, name)
      const inFile = ['--data', data]
      await using before = new Services(inFile)
      const desk = new DemoProcess(['service', 'desk', '--seed', '1', ...inFile])
      // Behind the heading of the third act.
      await desk.wrote(10)
      expect(await before.stop()).toEqual(modules.map((name) => `${name} 0`))

      const relay = await createRelay({
        source: '/shop',
        from: sqlite({ file: join(data, 'shop.db') }),
        to: await transport(options),
        groups: 'all',
        log: false,
      })
      await using after = new Services([...inFile, ...options])
      const first = await desk.ended
      expect(first.code, first.stderr).toBe(0)
      expect(first.stdout).toContain('   orders     9 placed, 6 paid, 3 cancelled')
      expect(first.stdout).toContain('   revenue    £71.73')

      await relay.caughtUp()
      expect(await relay.health()).toMatchObject({ waiting: 0, retrying: 0, delayed: 0 })
      await relay.close()
      const second = await new DemoProcess(['service', 'desk', ...inFile, ...options]).ended
      expect(second.code, second.stderr).toBe(0)
      expect(second.stdout).toContain('   orders     18 placed, 12 paid, 6 cancelled')
      expect(await after.stop()).toEqual(modules.map((name) => `${name} 0`))

      const charged = readFileSync(join(data, 'outside/cards.ndjson'), 'utf8').match(/"order":\d+,"pence":\d+/g)!
      expect(charged).toEqual([...new Set(charged)])
      expect(charged).toHaveLength(16)
    },
  )
})

/** The transport that the demo has for these options. */
async function transport(options: readonly string[]): Promise<Transport> {
  const { values } = parseArgs({ args: [...options], options: brokerOptions })
  const broker = brokerOf(values)
  if (broker === undefined || 'refused' in broker) throw new Error('no broker')
  return transportTo(broker)
}
