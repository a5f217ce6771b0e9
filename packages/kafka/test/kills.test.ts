import { faultLoad, faultLoadLine } from '@tidings/conformance/faults'
import { afterAll, describe, expect, test } from 'vitest'
import { kafka } from '../src/index.ts'
import { privateServer } from './fixtures/server.ts'

const server = await privateServer()
afterAll(() => server?.stop())

/** How often the broker is killed: 10 times in each run, 200 by `TIDINGS_KILLS=200`. */
const kills = Number(process.env['TIDINGS_KILLS'] ?? 10)

describe.runIf(server !== undefined)('on a broker', () => {
  test(
    'INVARIANT: every confirmed event is handled or dead-lettered, in the order of its key, however often the broker is killed',
    { timeout: 180_000 + kills * 60_000 },
    async () => {
      const report = await faultLoad({
        transport: () =>
          kafka({
            brokers: server!.brokers,
            prefix: 'kills',
            partitions: 4,
            timeout: '5s',
            backoff: { min: 20, max: 500 },
            delays: ['250ms', '1s'],
          }),
        rounds: kills,
        // Its producers take a while longer to be back than the broker itself.
        between: '4s',
        within: '120s',
        async fault() {
          await server!.kill()
          await server!.start()
        },
      })
      console.log(faultLoadLine(report))
      const { missing, lostLetters, outOfOrder } = report
      expect({ missing, lostLetters, outOfOrder }).toEqual({ missing: [], lostLetters: [], outOfOrder: [] })
      expect(report.confirmed).toBeGreaterThan(100)
    },
  )
})
