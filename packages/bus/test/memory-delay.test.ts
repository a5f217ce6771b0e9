import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { memory } from '../src/index.ts'
import { handled } from '../src/transport/index.ts'
import { connectTo, ManualClock, message, quiet, RecordingMember } from './support/recording-member.ts'

async function delayed(options?: Parameters<typeof memory>[0]) {
  const clock = new ManualClock()
  const broker = memory(options)
  const { connection, unroutable } = await connectTo(broker, clock)
  const publish = (id: string, delay: number, facts: { type?: string; key?: string; group?: string } = {}) =>
    connection.publish({ message: message(id, facts), notBefore: clock.now() + delay, group: facts.group })
  const pass = async (milliseconds: number): Promise<void> => {
    clock.advance(milliseconds)
    await quiet()
  }
  return { broker, clock, connection, unroutable, publish, pass }
}

describe('a delayed message', () => {
  test('is delivered when it is due, not before, and messages behind it pass', async () => {
    const { connection, publish, pass } = await delayed()
    const member = await RecordingMember.join(connection)
    expect(publish('late', 1000, { key: 'k' })).toBeUndefined()
    void connection.publish({ message: message('now', { key: 'k' }) })
    await pass(999)
    expect(member.ids).toEqual(['now'])
    expect(member.membership.backlog()).toMatchObject({ waiting: 0 })
    member.ackAll()
    await pass(1)
    expect(member.ids).toEqual(['now', 'late'])
  })

  test('that is due already is a message as any other', async () => {
    const { connection, clock, publish } = await delayed()
    const member = await RecordingMember.join(connection)
    void publish('1', 0)
    void publish('2', -5)
    await quiet()
    expect(member.ids).toEqual(['1', '2'])
    expect(clock.timers).toBe(0)
  })

  test('comes in the order of due times, and of publishing where these are the same', async () => {
    const { connection, publish, pass } = await delayed()
    const member = await RecordingMember.join(connection)
    const delays = [30, 10, 20, 10, 30, 5, 20, 10]
    for (const [i, delay] of delays.entries()) void publish(`${delay}.${i}`, delay)
    await pass(100)
    expect(member.ids).toEqual(['5.5', '10.1', '10.3', '10.7', '20.2', '20.6', '30.0', '30.4'])
  })

  test('stands behind what is there when it is due, in the order of its key too', async () => {
    const { connection, publish, pass } = await delayed()
    const member = await RecordingMember.join(connection)
    void publish('late', 10, { key: 'k' })
    for (const id of ['1', '2']) void connection.publish({ message: message(id, { key: 'k' }) })
    await pass(10)
    void member.of('1').settle(handled)
    await quiet()
    void member.of('2').settle(handled)
    await quiet()
    expect(member.ids).toEqual(['1', '2', 'late'])
  })

  test('uses one timer however many there are, and none when there are none', async () => {
    const { connection, clock, publish, pass } = await delayed()
    await RecordingMember.join(connection)
    for (let i = 100; i > 0; i--) void publish(String(i), i)
    expect(clock.timers).toBe(1)
    await pass(50)
    expect(clock.timers).toBe(1)
    for (let i = 51; i <= 100; i++) expect(await connection.cancel!(String(i))).toBe(true)
    expect(clock.timers).toBe(0)
  })

  test('is for the groups that asked for its type when it was published', async () => {
    const { connection, unroutable, publish, pass } = await delayed()
    const one = await RecordingMember.join(connection, { group: 'one' })
    void publish('1', 10)
    const two = await RecordingMember.join(connection, { group: 'two' })
    void publish('2', 10, { group: 'two' })
    void publish('3', 10, { type: 'unknown' })
    await pass(10)
    expect([one.ids, two.ids]).toEqual([['1'], ['2']])
    expect(unroutable).toEqual(['3'])
  })

  test('becomes history when it is due, and then not for a group that got it', async () => {
    const { connection, publish, pass } = await delayed({ history: 10 })
    await RecordingMember.join(connection, { group: 'first' })
    void publish('1', 10)
    const early = await RecordingMember.join(connection, { group: 'early', from: 'earliest' })
    await pass(10)
    const late = await RecordingMember.join(connection, { group: 'late', from: 'earliest' })
    await quiet()
    expect([early.ids, late.ids]).toEqual([[], ['1']])
  })

  test('waits while nobody is connected, without a timer that holds the process', async () => {
    const { broker, connection, clock, publish } = await delayed()
    await RecordingMember.join(connection)
    void publish('1', 10)
    await connection.close()
    expect(clock.timers).toBe(0)
    clock.advance(100)
    const member = await RecordingMember.join((await connectTo(broker, clock)).connection)
    clock.advance(0)
    await quiet()
    expect(member.ids).toEqual(['1'])
  })

  test('of a temporary group goes with it; of other groups it stays', async () => {
    const { broker, connection, clock, publish, pass } = await delayed()
    const away = await connectTo(broker, clock)
    await RecordingMember.join(away.connection, {
      group: 'temporary',
      types: ['a', 'b'],
      temporary: true,
      marks: false,
    })
    const member = await RecordingMember.join(connection, { types: ['b'] })
    void publish('1', 10)
    void publish('2', 20, { type: 'b' })
    await away.connection.close()
    expect(await connection.cancel!('1')).toBe(false)
    await pass(20)
    expect(member.ids).toEqual(['2'])
    expect(clock.timers).toBe(0)
  })
})

describe('cancel', () => {
  test('takes back a delayed message of all its groups, once', async () => {
    const { connection, publish, pass } = await delayed()
    const one = await RecordingMember.join(connection, { group: 'one' })
    const two = await RecordingMember.join(connection, { group: 'two' })
    void publish('1', 10)
    void publish('2', 10)
    expect(await connection.cancel!('1')).toBe(true)
    expect(await connection.cancel!('1')).toBe(false)
    await pass(10)
    expect([one.ids, two.ids]).toEqual([['2'], ['2']])
  })

  test('takes back all delayed messages of an event', async () => {
    const { connection, publish, pass } = await delayed()
    const member = await RecordingMember.join(connection)
    void publish('1', 10)
    void publish('1', 20)
    expect(await connection.cancel!('1')).toBe(true)
    await pass(20)
    expect(member.ids).toEqual([])
  })

  test('of any of many leaves the others, in their order', async () => {
    const program = fc.array(fc.record({ delay: fc.integer({ min: 1, max: 50 }), cancelled: fc.boolean() }), {
      minLength: 1,
      maxLength: 60,
      size: 'max',
    })
    await fc.assert(
      fc.asyncProperty(program, async (messages) => {
        const { connection, clock, publish, pass } = await delayed()
        const member = await RecordingMember.join(connection)
        for (const [i, { delay }] of messages.entries()) void publish(String(i), delay)
        for (const [i, { cancelled }] of messages.entries()) if (cancelled) await connection.cancel!(String(i))
        await pass(50)
        const left = messages.map(({ delay, cancelled }, i) => ({ delay, cancelled, id: String(i) }))
        const expected = left.filter(({ cancelled }) => !cancelled).toSorted((a, b) => a.delay - b.delay)
        expect(member.ids).toEqual(expected.map(({ id }) => id))
        expect(clock.timers).toBe(0)
      }),
    )
  })

  test('takes back nothing that is due, unknown, or a copy for one group alone', async () => {
    const { connection, publish, pass } = await delayed()
    const member = await RecordingMember.join(connection)
    void publish('1', 10)
    await pass(10)
    void publish('retry', 10, { group: 'group' })
    for (const id of ['1', 'unknown', 'retry']) expect(await connection.cancel!(id)).toBe(false)
    await pass(10)
    expect(member.ids).toEqual(['1', 'retry'])
  })
})
