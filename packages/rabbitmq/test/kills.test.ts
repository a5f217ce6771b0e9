import { faultLoad, faultLoadLine } from '@tidings/conformance/faults'
import { afterAll, describe, expect, test } from 'vitest'
import { rabbitmq } from '../src/index.ts'
import { privateServer } from './fixtures/server.ts'

const server = await privateServer()
afterAll(() => server?.stop())

/** How often the broker is killed in each case: 10 times in a run of both, 200 in each by `TIDINGS_KILLS=200`. */
const kills = Number(process.env['TIDINGS_KILLS'] ?? 5)

describe.runIf(server !== undefined)('on a broker', () => {
  test.each([1, 4])(
    'INVARIANT: every confirmed event is handled or dead-lettered, in the order of its key, however often the broker is killed: %i partitions',
    { timeout: 180_000 + kills * 60_000 },
    async (partitions) => {
      const report = await faultLoad({
        transport: () =>
          rabbitmq({
            url: server!.url,
            prefix: `kills-${partitions}`,
            partitions,
            heartbeat: '2s',
            backoff: { min: 20, max: 500 },
            delays: ['250ms', '1s'],
          }),
        rounds: kills,
        // A quorum queue that is killed within a second of its declaration loses what it has confirmed.
        before: '2s',
        async fault() {
          await server!.kill()
          await server!.start()
        },
      })
      console.log(`RabbitMQ, ${partitions} partitions: ${faultLoadLine(report)}`)
      const { missing, lostLetters, outOfOrder } = report
      expect({ missing, lostLetters, outOfOrder }).toEqual({ missing: [], lostLetters: [], outOfOrder: [] })
      expect(report.confirmed).toBeGreaterThan(100)
    },
  )
})
