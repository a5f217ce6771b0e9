import { memory, type Transport } from '@tidings/bus'
import { handled } from '@tidings/bus/transport'
import { over } from '@tidings/core/tools'
import { expect, test } from 'vitest'
import { altered } from '../src/altered.ts'
import { faultLoad, faultLoadLine, type FaultLoadOptions } from '../src/faults/index.ts'
import { durableKit } from './fixtures/durable-kit.ts'

const sound = { missing: [], lostLetters: [], outOfOrder: [] }

/** A load on a transport without a network, which need not last long. */
const briefly = (transport: Transport, more: Partial<FaultLoadOptions> = {}) =>
  faultLoad({
    transport: () => transport,
    rounds: 0,
    fault: async () => {},
    publishers: 10,
    pause: 1,
    before: 300,
    between: 1,
    within: '1s',
    ...more,
  })

test('a load over faults of all kinds tells what came of it, and nothing is lost', { timeout: 120_000 }, async () => {
  await using kit = await durableKit({ heartbeat: '200ms', timeout: '2s' })
  const faults = [
    async () => {
      await kit.broker!.kill()
      await kit.broker!.start()
    },
    async () => {
      await kit.network!.cut()
      await kit.network!.restore()
    },
    async () => {
      await kit.network!.blackHole()
      await new Promise((resolve) => setTimeout(resolve, 300))
      await kit.network!.restore()
    },
  ]
  const report = await faultLoad({
    transport: () => kit.transport(),
    rounds: 6,
    fault: (round) => faults[round % faults.length]!(),
    before: '200ms',
    between: '200ms',
  })
  expect(report).toMatchObject({ rounds: 6, ...sound })
  expect(report.confirmed).toBeGreaterThan(100)
  expect(report.handled + report.deadLettered).toBeGreaterThanOrEqual(report.confirmed)
  expect(faultLoadLine(report)).toMatch(/^6 faults: \d+ confirmed, \d+ handled, \d+ dead letters; /)
})

test('without a fault each event is confirmed, handled and declined as often as the other', async () => {
  const report = await briefly(memory())
  expect(report).toMatchObject({ handledAgain: 0, publishedAgain: {}, ...sound })
  expect(report.handled + report.deadLettered).toBe(report.confirmed)
  expect(report.deadLettered).toBeGreaterThan(0)
})

test('what a transport has confirmed and loses is named', async () => {
  let count = 0
  const losing = altered(memory(), {
    connection: (connection) => ({
      publish: (given) => (++count % 500 === 0 ? undefined : connection.publish(given)),
    }),
  })
  const { missing } = await briefly(losing)
  expect(missing[0]).toMatch(/^key \d, event \d+$/)
})

test('dead letters that are not there are named', async () => {
  const forgetful = altered(memory(), {
    delivery: (delivery) =>
      over(delivery, {
        settle: (settlement) => delivery.settle(settlement.as === 'dead-lettered' ? handled : settlement),
      }),
  })
  const { lostLetters, missing } = await briefly(forgetful)
  expect(lostLetters[0]).toMatch(/^key \d, event 19$/)
  expect(missing).toEqual([])
})

test('events that overtake others of their key are named', async () => {
  let count = 0
  const overtaken = altered(memory(), {
    connection: (connection) => ({
      publish(given) {
        if (++count % 100 !== 0) return connection.publish(given)
        setTimeout(() => void connection.publish(given), 50)
      },
    }),
  })
  const { outOfOrder } = await briefly(overtaken)
  expect(outOfOrder[0]).toMatch(/^key \d, event \d+ came behind \d+$/)
})

test('a fault that fails ends the load with what it threw', async () => {
  const fault = (): Promise<void> => Promise.reject(new Error('no such server'))
  await expect(briefly(memory(), { rounds: 1, fault })).rejects.toThrow('no such server')
})
