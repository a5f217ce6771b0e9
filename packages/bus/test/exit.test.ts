import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { handler, memory } from '../src/index.ts'
import { quiet } from './support/recording-member.ts'
import { OrderPlaced, ShelfScanned, type Tested, testedBus } from './support/shop.ts'

const run = promisify(execFile)

/** The lines about the end of a bus. */
function endOf({ log }: Tested): unknown[] {
  return log.lines
    .filter(({ message }) => message.startsWith('the bus is closed'))
    .map(({ level, message }) => [level, message])
}

describe('a bus that closes', () => {
  test('says in one line what it gave back, and in one what goes with the process', async () => {
    const tested = await testedBus({
      handlers: [
        handler(ShelfScanned, { group: 'shelves', concurrency: 2 }, () => new Promise(() => {})),
        handler(OrderPlaced, { group: 'billing', retry: { delay: '1h', max: '1h' } }, () => {
          throw new Error('not yet')
        }),
      ],
    })
    for (let shelf = 0; shelf < 5; shelf++) await tested.bus.publish(ShelfScanned, { shelf })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.bus.publish(OrderPlaced, { order: 2 }, { delay: '24h' })
    await quiet()
    const closed = tested.bus.close({ timeout: 10 })
    await quiet()
    tested.clock.advance(10)
    await closed
    expect(endOf(tested)).toMatchObject([
      ['info', 'the bus is closed, and has given back what was not handled: shop.shelves: 5'],
      [
        'warn',
        expect.stringContaining(
          'holds events that go with the process: shop.shelves: 5 waiting; shop.billing: 1 waiting for a retry, 1 delayed. Wait for bus.idle() first',
        ),
      ],
    ])
  })

  test('says nothing when nothing is left', async () => {
    const tested = await testedBus({ handlers: [handler(ShelfScanned, { group: 'g' }, () => {})] })
    await tested.bus.publish(ShelfScanned, { shelf: 1 })
    await quiet()
    await tested.bus.close()
    expect(endOf(tested)).toEqual([])
  })

  test('says nothing of a group that another bus is in still', async () => {
    const transport = memory()
    const handlers = [handler(ShelfScanned, { group: 'g' }, () => {})]
    const one = await testedBus({ transport, handlers })
    const two = await testedBus({ transport, clock: one.clock, handlers })
    await one.bus.publish(ShelfScanned, { shelf: 1 }, { delay: '1h' })
    await one.bus.close()
    expect(endOf(one)).toEqual([])
    await two.bus.close()
    // For what is delayed no `bus.idle` waits.
    expect(endOf(two)).toMatchObject([['warn', expect.stringMatching(/: shop\.g: 1 delayed$/)]])
  })

  test('says nothing of what a durable transport keeps', async () => {
    const real = memory()
    const transport = { ...real, capabilities: { ...real.capabilities, durable: true } }
    const tested = await testedBus({ transport, handlers: [handler(ShelfScanned, { group: 'g' }, () => {})] })
    await tested.bus.publish(ShelfScanned, { shelf: 1 }, { delay: '1h' })
    await tested.bus.close()
    expect(endOf(tested)).toEqual([])
  })
})

describe('a process that ends before its bus is closed', () => {
  const begin = `
    import { createBus, handler, memory } from './src/index.ts'
    import { defineEvent } from '@tidings/events'
    import { z } from 'zod'
    const Reminded = defineEvent('shop.reminded', z.object({}))
    const log = { debug() {}, info() {}, warn: (line) => console.log(line), error: (line) => console.log(line) }
    const reminders = handler(Reminded, { group: 'reminders' }, () => {})
    const bus = await createBus({ source: '/shop', transport: memory(), handlers: [reminders], log })
  `

  test.each([
    [
      'says what goes with it',
      `await bus.publish(Reminded, {}, { delay: '24h' }); process.exit(3)`,
      3,
      'the process ends before the bus is closed, and what memory holds goes with it: shop.reminders: 1 delayed\n',
    ],
    ['says nothing when nothing is left', `await bus.publish(Reminded, {}); await bus.idle()`, 0, ''],
    [
      'says nothing when the bus has said it at its end',
      `await bus.publish(Reminded, {}, { delay: '24h' }); await bus.close(); console.log('closed')`,
      0,
      expect.stringMatching(/^the bus is closed while memory holds .*\nclosed\n$/),
    ],
  ])(
    '%s',
    async (_what, program, code, printed) => {
      const args = ['--conditions=@tidings/source', '--no-warnings', '--input-type=module', '-e', begin + program]
      const cwd = fileURLToPath(new URL('..', import.meta.url))
      const ended = await run(process.execPath, args, { cwd }).then(
        ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
        (error: { code: number; stdout: string; stderr: string }) => error,
      )
      expect(ended).toMatchObject({ code, stdout: printed, stderr: '' })
    },
    30_000,
  )
})
