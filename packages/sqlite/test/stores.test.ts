import { type Bus, createBus, type DeadLetter, handler, memory, PermanentError, type Transport } from '@tidings/bus'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sqlite, type SqliteStores } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'
import { OrderPlaced } from './fixtures/shop.ts'

let tmp: ReturnType<typeof fileInTmp>

beforeEach(() => void (tmp = fileInTmp()))
afterEach(() => tmp.remove())

/** memory(), as a broker that keeps neither. */
function broker(): Transport {
  const real = memory()
  const capabilities = { ...real.capabilities, inbox: false, deadLetters: 'none', atomic: false } as const
  return { name: 'broker', capabilities, connect: (options) => real.connect(options) }
}

describe.each([{ worker: false }, { worker: true }])(
  'what a bus on a broker keeps in a file, $worker',
  ({ worker }) => {
    const handled: number[] = []
    let broken = true

    beforeEach(() => {
      handled.length = 0
      broken = true
    })

    const open = (): Promise<SqliteStores> => sqlite({ file: tmp.file, worker }).stores()
    const start = ({ inbox, deadLetters }: SqliteStores): Promise<Bus> => {
      const orders = handler(OrderPlaced, { group: 'orders', idempotent: true, retry: false }, ({ data }) => {
        if (data.n === 13 && broken) throw new PermanentError('not thirteen')
        handled.push(data.n)
      })
      return createBus({ source: '/shop', transport: broker(), handlers: [orders], inbox, deadLetters, log: false })
    }
    const lettersOf = async (bus: Bus): Promise<DeadLetter[]> => {
      const letters: DeadLetter[] = []
      for await (const letter of bus.deadLetters.list()) letters.push(letter)
      return letters
    }

    test('what was handled is known again in the next life of the process', async () => {
      const event = OrderPlaced.create({ key: 'a', n: 1 }, { source: '/shop' })
      for (let life = 0; life < 2; life++) {
        await using stores = await open()
        await using bus = await start(stores)
        await bus.publish(event)
        await bus.publish(event)
        await bus.idle({ timeout: '10s' })
      }
      expect(handled).toEqual([1])
    })

    test('a dead letter is there in the next life, and its replay is handled', async () => {
      {
        await using stores = await open()
        await using bus = await start(stores)
        await bus.publish(OrderPlaced, { key: 'a', n: 13 })
        await expect.poll(async () => (await lettersOf(bus)).length).toBe(1)
      }
      broken = false
      await using stores = await open()
      await using bus = await start(stores)
      expect(await lettersOf(bus)).toMatchObject([{ group: 'shop.orders', error: { message: 'not thirteen' } }])
      expect(await bus.deadLetters.replay({})).toMatchObject({ replayed: 1 })
      await bus.idle({ timeout: '10s' })
      expect(handled).toEqual([13])
      expect(await lettersOf(bus)).toEqual([])
    })

    test('another process knows it as soon as it is added', async () => {
      await using here = await open()
      await using there = await sqlite({ file: tmp.file }).stores()
      for (let n = 0; n < 20; n++) {
        const event = { id: `event-${n}`, source: '/shop' }
        expect(await there.inbox.has(event, 'shop.orders')).toBe(false)
        await here.inbox.add(event, 'shop.orders')
        expect(await there.inbox.has(event, 'shop.orders')).toBe(true)
        expect(await there.inbox.has(event, 'shop.others')).toBe(false)
      }
    })

    test('closing lets go of the file, once', async () => {
      const stores = await open()
      await stores.close()
      await stores.close()
    })
  },
)
