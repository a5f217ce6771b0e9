import { expect, test } from 'vitest'
import {
  type Delivery,
  discarded,
  handled,
  HeldDeliveries,
  type HeldOptions,
  Lease,
  type Settled,
  type Settlement,
} from '../src/transport/index.ts'

/** A member of a group, with what it was handed and what the broker was told. */
function member(options: Partial<HeldOptions> = {}) {
  const deliveries: Delivery[] = []
  const settled: string[] = []
  const broker = { answer: (_settlement: Settlement): Settled | Promise<Settled> => undefined }
  const told = { rooms: 0, left: 0 }
  const held = new HeldDeliveries({
    prefetch: 10,
    deliver: (delivery) => void deliveries.push(delivery),
    onRoom: () => void told.rooms++,
    onLeft: () => void told.left++,
    ...options,
  })
  const lease = new Lease()
  const take = (id: string, redeliveries = 0, by = lease): void =>
    held.take(
      {
        message: { attributes: { id }, headers: {}, contentType: undefined, body: undefined },
        redeliveries,
        handledBefore: undefined,
        settle: (settlement) => {
          const begun = settlement.as === 'given-back' && settlement.begun ? ' begun' : ''
          settled.push(`${id} ${settlement.as}${begun}`)
          return broker.answer(settlement)
        },
      },
      by,
    )
  const ids = (): string[] => deliveries.map(({ message }) => String(message.attributes['id']))
  const settle = (id: string): Settled | Promise<Settled> => deliveries[ids().indexOf(id)]!.settle(handled)
  return { held, lease, take, deliveries, ids, settle, settled, broker, told }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('what is taken is handed out in its order, and settled at the broker', () => {
  const { take, ids, settle, settled, held } = member()
  for (const id of 'abc') take(id)
  expect(ids()).toEqual(['a', 'b', 'c'])
  expect(settle('b')).toBe(undefined)
  expect(settled).toEqual(['b handled'])
  expect(held.size).toBe(2)
})

test('a delivery tells what is known of its message, and asks only when it is asked', () => {
  let asked = 0
  const { held, deliveries } = member()
  const message = { attributes: { id: 'a' }, headers: {}, contentType: undefined, body: 'text' }
  const taken = {
    message,
    redeliveries: 1,
    get handledBefore() {
      return ++asked > 0
    },
    settle: () => {},
  }
  held.take(taken, new Lease())
  expect(deliveries[0]).toMatchObject({ message, redeliveries: 1 })
  expect(asked).toBe(0)
  expect(deliveries[0]!.handledBefore).toBe(true)
})

test('INVARIANT: no more than the prefetch is unsettled; what was taken ahead follows in its order', async () => {
  const { take, ids, settle, held, broker } = member({ prefetch: 2 })
  for (const id of 'abcd') take(id)
  expect(ids()).toEqual(['a', 'b'])
  expect(held.wanted).toBe(0)
  void settle('b')
  expect(ids()).toEqual(['a', 'b', 'c'])
  let confirm!: () => void
  broker.answer = () => new Promise<void>((resolve) => (confirm = resolve))
  const settling = settle('a')
  // It is held until the broker has confirmed it.
  expect(ids()).toHaveLength(3)
  confirm()
  await settling
  expect(ids()).toEqual(['a', 'b', 'c', 'd'])
})

test('INVARIANT: a delivery is settled once, whoever settles it meanwhile', async () => {
  const { take, deliveries, settled, broker } = member()
  take('a')
  let confirm!: (settled: Settled) => void
  broker.answer = () => new Promise((resolve) => (confirm = resolve))
  const first = deliveries[0]!.settle(handled)
  expect(deliveries[0]!.settle(discarded)).toBe('lost')
  confirm('handled-before')
  expect(await first).toBe('handled-before')
  expect(deliveries[0]!.settle(discarded)).toBe('lost')
  expect(settled).toEqual(['a handled'])
})

test('what could not be settled is held still, and can be settled again', async () => {
  const { take, deliveries, held, broker } = member()
  take('a')
  broker.answer = () => Promise.reject(new Error('busy'))
  await expect(deliveries[0]!.settle(handled)).rejects.toThrow('busy')
  broker.answer = () => {
    throw new Error('closed')
  }
  await expect(deliveries[0]!.settle(handled)).rejects.toThrow('closed')
  expect(held.size).toBe(1)
  broker.answer = () => undefined
  expect(deliveries[0]!.settle(handled)).toBe(undefined)
  expect(held.size).toBe(0)
})

test('INVARIANT: deliveries of one lease are lost together, and settling them does nothing', () => {
  const { take, ids, deliveries, settled, lease, held } = member({ prefetch: 3 })
  const other = new Lease()
  take('a')
  take('b', 0, other)
  take('c')
  take('ahead')
  take('also', 0, other)
  const cause = new Error('revoked')
  lease.lose(cause)
  lease.lose(new Error('again'))
  expect(deliveries.map(({ lost }) => lost.aborted)).toEqual([true, false, true, false])
  expect(deliveries[0]!.lost.reason).toBe(cause)
  expect(ids()).toEqual(['a', 'b', 'c', 'also'])
  expect(deliveries[0]!.settle(handled)).toBe('lost')
  expect(settled).toEqual([])
  take('late')
  expect(ids()).toHaveLength(4)
  expect(held.size).toBe(2)
})

test('who hears that a delivery is lost finds no room taken by it', () => {
  const { take, held, lease, deliveries } = member({ prefetch: 1 })
  const other = new Lease()
  take('a')
  const seen: unknown[] = []
  deliveries[0]!.lost.addEventListener('abort', () => {
    seen.push(held.size, deliveries[0]!.settle(handled))
    take('b', 0, other)
  })
  lease.lose(new Error('gone'))
  expect(seen).toEqual([0, 'lost'])
  expect(deliveries).toHaveLength(2)
})

test('one lease may serve several members', () => {
  const one = member({ prefetch: 1 })
  const two = member({ prefetch: 1 })
  const other = new Lease()
  one.take('a')
  two.take('b', 0, one.lease)
  two.take('c', 0, other)
  one.lease.lose(new Error('gone'))
  expect([one.held.size, two.ids()]).toEqual([0, ['b', 'c']])
})

test('a settlement that is under way when its delivery is lost has the answer of the broker', async () => {
  const { take, settle, broker, lease, held, told } = member({ prefetch: 1 })
  take('a')
  let confirm!: () => void
  broker.answer = () => new Promise<void>((resolve) => (confirm = resolve))
  const settling = settle('a')
  lease.lose(new Error('gone'))
  expect(held.size).toBe(0)
  const { rooms } = told
  confirm()
  expect(await settling).toBe(undefined)
  expect([held.size, told.rooms]).toEqual([0, rooms])
})

test('a lease says when nothing of it is held', () => {
  let empty = 0
  const lease = new Lease({ onEmpty: () => empty++ })
  const { take, settle } = member({ prefetch: 1 })
  take('a', 0, lease)
  take('b', 0, lease)
  void settle('a')
  expect(empty).toBe(0)
  void settle('b')
  expect(empty).toBe(1)
  take('c', 0, lease)
  lease.lose(new Error('gone'))
  expect(empty).toBe(1)
})

test('a paused member is handed nothing and asks for nothing; what came meanwhile is handed out when it goes on', () => {
  const { held, take, ids, told } = member({ prefetch: 3 })
  held.pause()
  for (const id of 'ab') take(id)
  expect([ids(), held.wanted, told.rooms]).toEqual([[], 0, 0])
  held.resume()
  expect([ids(), held.wanted, told.rooms]).toEqual([['a', 'b'], 1, 1])
})

test('a paused member can give back what was taken ahead; going on meanwhile hands out none of it', async () => {
  const { held, take, ids, settled, broker, told } = member({ prefetch: 3 })
  held.pause()
  for (const id of 'ab') take(id)
  let confirm!: () => void
  broker.answer = () => new Promise<void>((resolve) => (confirm = resolve))
  const giving = held.giveBackAhead()
  held.resume()
  take('c')
  for (let given = 1; given <= 3; given++) {
    confirm()
    await turn()
  }
  await giving
  expect([ids(), settled]).toEqual([[], ['a given-back', 'b given-back', 'c given-back']])
  take('d')
  expect([ids(), held.wanted, told.left]).toEqual([['d'], 2, 0])
})

test('it asks for more whenever there is room', () => {
  const { take, settle, told, held } = member({ prefetch: 2 })
  take('a')
  expect([told.rooms, held.wanted]).toEqual([1, 1])
  take('b')
  expect([told.rooms, held.wanted]).toEqual([1, 0])
  void settle('a')
  expect([told.rooms, held.wanted]).toEqual([2, 1])
})

test('a broker that has everything at hand is asked as long as there is room, however many are settled at once', () => {
  let next = 0
  let handedOut = 0
  const lease = new Lease()
  const held: HeldDeliveries = new HeldDeliveries({
    prefetch: 100_000,
    deliver: (delivery) => {
      handedOut++
      if (handedOut % 2 === 0) void delivery.settle(handled)
    },
    onRoom: () => {
      if (next === 150_000) return
      next++
      const message = { attributes: {}, headers: {}, contentType: undefined, body: undefined }
      held.take({ message, redeliveries: 0, handledBefore: undefined, settle: () => {} }, lease)
    },
  })
  held.resume()
  expect([next, handedOut, held.size]).toEqual([150_000, 150_000, 75_000])
})

test('INVARIANT: what may be what ends its members is handed out alone', () => {
  const { take, ids, settle } = member()
  take('a')
  take('suspect', 2)
  take('b')
  expect(ids()).toEqual(['a'])
  void settle('a')
  expect(ids()).toEqual(['a', 'suspect'])
  void settle('suspect')
  expect(ids()).toEqual(['a', 'suspect', 'b'])
})

test('INVARIANT: a member that stops keeps its place until all is settled', async () => {
  const { held, take, ids, settle, told } = member()
  for (const id of 'ab') take(id)
  await held.stop()
  expect(told.left).toBe(0)
  expect(held.wanted).toBe(0)
  void settle('a')
  expect(told.left).toBe(0)
  void settle('b')
  expect(told.left).toBe(1)
  await held.stop()
  expect(told.left).toBe(1)
  expect(ids()).toEqual(['a', 'b'])
})

test('a member that holds nothing leaves when it stops; one whose deliveries are lost, when they are', async () => {
  const idle = member()
  await idle.held.stop()
  expect(idle.told.left).toBe(1)
  const busy = member()
  busy.take('a')
  await busy.held.stop()
  busy.lease.lose(new Error('gone'))
  expect(busy.told.left).toBe(1)
})

test('INVARIANT: what was taken ahead is given back by a stop, untouched and oldest first; so is what comes later', async () => {
  const { held, take, settled, broker, told, settle, ids } = member({ prefetch: 1 })
  for (const id of 'abc') take(id)
  let confirm!: () => void
  broker.answer = () => new Promise<void>((resolve) => (confirm = resolve))
  const stopping = held.stop()
  take('d')
  expect(settled).toEqual(['b given-back'])
  for (let given = 1; given <= 3; given++) {
    confirm()
    await turn()
  }
  await stopping
  expect(settled).toEqual(['b given-back', 'c given-back', 'd given-back'])
  take('e')
  confirm()
  await turn()
  expect(settled.at(-1)).toBe('e given-back')
  expect([ids(), told.left]).toEqual([['a'], 0])
  broker.answer = () => undefined
  void settle('a')
  expect(told.left).toBe(1)
})

test('what cannot be given back is held until it is lost', async () => {
  const { held, take, broker, told, lease } = member({ prefetch: 1 })
  for (const id of 'ab') take(id)
  broker.answer = () => Promise.reject(new Error('away'))
  await held.close()
  expect([held.size, told.left]).toEqual([2, 0])
  lease.lose(new Error('gone'))
  expect([held.size, told.left]).toEqual([0, 1])
})

test('close gives back all that is unsettled, oldest first, but for what is being settled', async () => {
  const { held, take, settled, settle, broker, told } = member({ prefetch: 3 })
  for (const id of 'abcd') take(id)
  let confirm!: () => void
  broker.answer = () => new Promise<void>((resolve) => (confirm = resolve))
  const settling = settle('b')
  broker.answer = () => undefined
  await held.close()
  expect(settled).toEqual(['b handled', 'a given-back begun', 'c given-back begun', 'd given-back'])
  expect(told.left).toBe(0)
  confirm()
  await settling
  expect(told.left).toBe(1)
})

test('a prefetch of nothing is refused', () => {
  expect(() => new HeldDeliveries({ prefetch: 0, deliver: () => {} })).toThrow(
    '`prefetch` must be a whole number from 1 on, received 0',
  )
})
