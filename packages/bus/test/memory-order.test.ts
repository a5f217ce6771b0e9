import { describe, expect, test } from 'vitest'
import { memory } from '../src/index.ts'
import { handled } from '../src/transport/index.ts'
import { connectTo, message, quiet, RecordingMember, until, givenBack } from './support/recording-member.ts'

describe('an ordered group', () => {
  test('INVARIANT: while one message of a key is unsettled, no other of that key is handed out to any member', async () => {
    const broker = memory()
    const { connection } = await connectTo(broker)
    const one = await RecordingMember.join(connection)
    const two = await RecordingMember.join((await connectTo(broker)).connection)
    for (const id of ['x1', 'x2', 'y1', 'x3']) void connection.publish({ message: message(id, { key: id[0]! }) })
    await quiet()
    expect([...one.ids, ...two.ids].toSorted()).toEqual(['x1', 'y1'])
    void one.of('x1').settle(handled)
    await quiet()
    expect([...one.ids, ...two.ids].toSorted()).toEqual(['x1', 'x2', 'y1'])
  })

  test('INVARIANT: messages of a key come in the order of publishing, also over the members of a group', async () => {
    const broker = memory()
    const { connection } = await connectTo(broker)
    const seen: string[] = []
    for (let i = 0; i < 4; i++) {
      await RecordingMember.join((await connectTo(broker)).connection, { prefetch: 3 }, (delivery) => {
        const { id } = delivery.message.attributes
        queueMicrotask(() => {
          seen.push(String(id))
          void delivery.settle(handled)
        })
      })
    }
    const published = Array.from({ length: 1000 }, (_, i) => `${i % 16}:${i}`)
    for (const id of published) void connection.publish({ message: message(id, { key: id.split(':')[0]! }) })
    await until(() => seen.length === 1000)
    for (let key = 0; key < 16; key++) {
      const ofKey = (id: string): boolean => id.startsWith(`${key}:`)
      expect(seen.filter(ofKey)).toEqual(published.filter(ofKey))
    }
  })

  test('the partition key orders before the subject; without both a message is free', async () => {
    const { connection } = await connectTo(memory())
    const member = await RecordingMember.join(connection)
    const withPartition = (id: string, subject: string) => {
      const plain = message(id, { key: subject })
      return { ...plain, attributes: { ...plain.attributes, partitionkey: 'p' } }
    }
    void connection.publish({ message: withPartition('1', 's') })
    void connection.publish({ message: withPartition('2', 't') })
    for (const id of ['3', '4', '5']) void connection.publish({ message: message(id) })
    await quiet()
    expect(member.ids).toEqual(['1', '3', '4', '5'])
  })

  test('a message that is given back comes again in its old place, before all later ones of its key', async () => {
    const { connection } = await connectTo(memory())
    const member = await RecordingMember.join(connection)
    for (const id of ['1', '2', '3']) void connection.publish({ message: message(id, { key: 'k' }) })
    await quiet()
    void member.of('1').settle(handled)
    await quiet()
    void member.of('2').settle(givenBack)
    await quiet()
    expect(member.ids).toEqual(['1', '2', '2'])
    expect(member.of('2').redeliveries).toBe(1)
    void member.of('2').settle(handled)
    await quiet()
    expect(member.ids).toEqual(['1', '2', '2', '3'])
  })

  test('the last message of a key that is given back stays before those that come later', async () => {
    const { connection } = await connectTo(memory())
    const member = await RecordingMember.join(connection)
    void connection.publish({ message: message('1', { key: 'k' }) })
    await quiet()
    void member.of('1').settle(givenBack)
    void connection.publish({ message: message('2', { key: 'k' }) })
    await quiet()
    expect(member.ids).toEqual(['1', '1'])
    void member.of('1').settle(handled)
    await quiet()
    expect(member.ids).toEqual(['1', '1', '2'])
  })

  test('keys are served in turn: one with many messages keeps no other waiting', async () => {
    const { connection } = await connectTo(memory())
    const member = await RecordingMember.join(connection, { prefetch: 1 }, (delivery) => delivery.settle(handled))
    for (let i = 0; i < 5; i++) void connection.publish({ message: message(`hot${i}`, { key: 'hot' }) })
    void connection.publish({ message: message('x1', { key: 'x' }) })
    void connection.publish({ message: message('free') })
    void connection.publish({ message: message('x2', { key: 'x' }) })
    await quiet()
    expect(member.ids).toEqual(['hot0', 'x1', 'free', 'hot1', 'x2', 'hot2', 'hot3', 'hot4'])
  })

  test('keys run side by side up to the prefetch', async () => {
    const { connection } = await connectTo(memory())
    const member = await RecordingMember.join(connection, { prefetch: 3 })
    for (let i = 0; i < 8; i++) void connection.publish({ message: message(String(i), { key: String(i % 4) }) })
    await quiet()
    expect(member.ids).toEqual(['0', '1', '2'])
    expect(member.membership.backlog()).toMatchObject({ waiting: 5 })
  })

  test('a closed connection leaves keys in order to the next member', async () => {
    const broker = memory()
    const { connection } = await connectTo(broker)
    await RecordingMember.join(connection)
    for (const id of ['x1', 'y1', 'x2', 'y2']) void connection.publish({ message: message(id, { key: id[0]! }) })
    await quiet()
    await connection.close()
    const next = await RecordingMember.join((await connectTo(broker)).connection, {}, (delivery) =>
      delivery.settle(handled),
    )
    await quiet()
    expect(next.ids).toEqual(['x1', 'y1', 'x2', 'y2'])
    expect(next.deliveries.map(({ redeliveries }) => redeliveries)).toEqual([1, 1, 0, 0])
  })

  test('a member that stopped keeps the keys of what it holds', async () => {
    const { connection } = await connectTo(memory())
    const before = await RecordingMember.join(connection)
    for (const id of ['x1', 'x2']) void connection.publish({ message: message(id, { key: 'x' }) })
    await quiet()
    const after = await RecordingMember.join(connection)
    await before.membership.stop()
    await quiet()
    expect(after.ids).toEqual([])
    void before.of('x1').settle(handled)
    await quiet()
    expect(after.ids).toEqual(['x2'])
  })

  test('another group has an order of its own', async () => {
    const { connection } = await connectTo(memory())
    const slow = await RecordingMember.join(connection, { group: 'slow' })
    const fast = await RecordingMember.join(connection, { group: 'fast' }, (delivery) => delivery.settle(handled))
    for (const id of ['1', '2', '3']) void connection.publish({ message: message(id, { key: 'k' }) })
    await quiet()
    expect(slow.ids).toEqual(['1'])
    expect(fast.ids).toEqual(['1', '2', '3'])
  })
})

describe('an unordered group', () => {
  test('hands out messages of one key side by side, first in first out', async () => {
    const { connection } = await connectTo(memory())
    const member = await RecordingMember.join(connection, { ordered: false })
    for (const id of ['1', '2', '3']) void connection.publish({ message: message(id, { key: 'k' }) })
    await quiet()
    expect(member.ids).toEqual(['1', '2', '3'])
  })

  test.for([
    ['in order', ['1', '2', '3']],
    ['in reverse', ['3', '2', '1']],
    ['mixed', ['2', '3', '1']],
  ] as const)('what is given back %s goes to the front in its old order', async ([, order]) => {
    const { connection } = await connectTo(memory())
    const member = await RecordingMember.join(connection, { ordered: false, prefetch: 3 })
    for (const id of ['1', '2', '3', '4']) void connection.publish({ message: message(id) })
    await quiet()
    member.membership.pause()
    for (const id of order) void member.of(id).settle(givenBack)
    member.membership.resume()
    await quiet()
    expect(member.ids).toEqual(['1', '2', '3', '1', '2', '3'])
    member.ackAll()
    await quiet()
    expect(member.ids.at(-1)).toBe('4')
  })
})

describe('members that differ on the order', () => {
  test('are refused while others are there or hold something', async () => {
    const { connection } = await connectTo(memory())
    const member = await RecordingMember.join(connection)
    const differing = (): Promise<unknown> => RecordingMember.join(connection, { ordered: false })
    await expect(differing()).rejects.toThrow(
      '`ordered` is true for the present members of the group "group", received false',
    )
    void connection.publish({ message: message('1') })
    await quiet()
    await member.membership.stop()
    await expect(differing()).rejects.toThrow('`ordered` is true')
    void member.of('1').settle(handled)
    await expect(differing()).resolves.toBeDefined()
  })

  test('decide it anew once nobody is left: what waits keeps its order', async () => {
    const broker = memory()
    const publisher = await connectTo(broker)
    const join = async (ordered: boolean) => {
      const { connection } = await connectTo(broker)
      return { connection, member: await RecordingMember.join(connection, { ordered }) }
    }
    const first = await join(true)
    for (const id of ['x1', 'x2', 'y1', 'x3', 'y2', '3']) {
      void publisher.connection.publish({ message: message(id, id.length > 1 ? { key: id[0]! } : {}) })
    }
    await quiet()
    expect(first.member.ids).toEqual(['x1', 'y1', '3'])
    await first.connection.close()
    const second = await join(false)
    await quiet()
    expect(second.member.ids).toEqual(['x1', 'x2', 'y1', 'x3', 'y2', '3'])
    expect(second.member.of('x1').redeliveries).toBe(1)
    await second.member.membership.stop()
    // Not begun: else they would be suspects, and come one by one.
    for (const delivery of second.member.deliveries) void delivery.settle({ as: 'given-back', begun: false })
    await second.connection.close()
    const third = await join(true)
    await quiet()
    expect(third.member.ids).toEqual(['x1', 'y1', '3'])
    void third.member.of('x1').settle(handled)
    await quiet()
    expect(third.member.ids).toEqual(['x1', 'y1', '3', 'x2'])
  })
})
