import { describe, expect, test } from 'vitest'
import { handler, memoryDeadLetters, PermanentError } from '../src/index.ts'
import { logTransport } from './support/log-transport.ts'
import { quiet } from './support/recording-member.ts'
import { OrderPlaced, ShelfScanned, type Tested, testedBus } from './support/shop.ts'

/** A bus on a log, whose member holds what waits for its next attempt. */
function onLog(handle: (item: string) => void): Promise<Tested> {
  const retry = { delay: '10m', max: '10m' } as const
  const pack = handler([OrderPlaced, ShelfScanned], { group: 'packing', concurrency: 1, prefetch: 2, retry }, (event) =>
    handle(OrderPlaced.is(event) ? event.data.item : 'shelf'),
  )
  const { transport } = logTransport()
  return testedBus({ transport, deadLetters: memoryDeadLetters(), stalledAfter: '2m', handlers: [pack] })
}

describe('what waits here for its next attempt', () => {
  test('INVARIANT: is no stall, nor is what stands behind it', async () => {
    let calls = 0
    await using tested = await onLog(() => {
      if (++calls === 1) throw new Error('the customer is away')
    })
    const { bus } = tested
    for (let i = 0; i < 3; i++) await bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(300_000)
    expect(await bus.health()).toMatchObject({ status: 'ok', groups: [{ held: 3, retrying: 1 }] })
    await tested.pass(300_000)
    expect(await bus.health()).toMatchObject({ status: 'ok', groups: [{ held: 0, settled: 3 }] })
  })

  test('INVARIANT: takes no place from others, with what stands behind it, when a replay has passed it', async () => {
    const endings = [new PermanentError('the till is closed'), new Error('the customer is away')]
    const handled: string[] = []
    await using tested = await onLog((item) => {
      const error = endings.shift()
      if (error) throw error
      handled.push(item)
    })
    const { bus } = tested
    for (const item of ['Book', 'Pen', 'Ink', 'Map']) await bus.publish(OrderPlaced, { order: 1, item })
    await quiet()
    await bus.deadLetters.replay({})
    await quiet()
    expect(handled).toEqual(['Book'])
    await bus.publish(ShelfScanned, { shelf: 1 })
    await quiet()
    expect(handled).toEqual(['Book', 'shelf'])
  })

  test('asks for an inbox that is away after the shortest wait again, once an attempt in between has counted', async () => {
    const asked: number[] = []
    const inbox = {
      has() {
        asked.push(tested.clock.now() - start)
        if (asked.length !== 4) throw new Error('the inbox is away')
        return false
      },
      add() {},
    }
    const retry = { attempts: 3, delay: 50, jitter: false } as const
    const bill = handler(OrderPlaced, { group: 'billing', idempotent: true, deadLetter: 'discard', retry }, () => {
      throw new Error('the bank is closed')
    })
    await using tested = await testedBus({ transport: logTransport().transport, inbox, handlers: [bill] })
    const start = tested.clock.now()
    await tested.bus.publish(OrderPlaced, { order: 1 })
    // In steps of which every wait is a multiple, so that none is seen late.
    for (let passed = 0; passed < 1600; passed += 200) await tested.pass(200)
    // 100, 200 and 400 ms; then the handler's own 50, and from 100 again.
    expect(asked).toEqual([0, 100, 300, 700, 750, 850, 1050, 1450])
  })
})
