import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { memory } from '../src/index.ts'
import { handled } from '../src/transport/index.ts'
import {
  connectTo,
  ManualClock,
  message,
  quiet,
  RecordingMember,
  stateOf,
  givenBack,
} from './support/recording-member.ts'

describe('capacity', () => {
  test('INVARIANT: a publish waits until each of its groups has room', async () => {
    const { connection } = await connectTo(memory({ capacity: 2 }))
    const one = await RecordingMember.join(connection, { group: 'one' })
    const two = await RecordingMember.join(connection, { group: 'two' })
    for (const id of ['1', '2']) expect(connection.publish({ message: message(id) })).toBeUndefined()
    const third = connection.publish({ message: message('3') })
    expect(await stateOf(third)).toBe('pending')
    void one.of('1').settle(handled)
    expect(await stateOf(third)).toBe('pending')
    expect([one.ids, two.ids]).toEqual([
      ['1', '2'],
      ['1', '2'],
    ])
    void two.of('2').settle(handled)
    expect(await stateOf(third)).toBe('resolved')
    expect(one.ids).toEqual(['1', '2', '3'])
    expect(two.ids).toEqual(['1', '2', '3'])
  })

  test('what is given back keeps its room', async () => {
    const { connection } = await connectTo(memory({ capacity: 1 }))
    const member = await RecordingMember.join(connection)
    void connection.publish({ message: message('1') })
    const second = connection.publish({ message: message('2') })
    await quiet()
    void member.of('1').settle(givenBack)
    expect(await stateOf(second)).toBe('pending')
    void member.of('1').settle(handled)
    expect(await stateOf(second)).toBe('resolved')
  })

  test('a group without members fills up, and one that nobody publishes to keeps nobody waiting', async () => {
    const broker = memory({ capacity: 1 })
    const first = await connectTo(broker)
    await RecordingMember.join(first.connection, { types: ['a'] })
    await first.connection.close()
    const { connection } = await connectTo(broker)
    await RecordingMember.join(connection, { group: 'other', types: ['b'] })
    void connection.publish({ message: message('1') })
    expect(await stateOf(connection.publish({ message: message('2') }))).toBe('pending')
    expect(connection.publish({ message: message('3', { type: 'b' }) })).toBeUndefined()
  })

  test('first come, first served: nobody overtakes a publish that waits', async () => {
    const { connection } = await connectTo(memory({ capacity: 1 }))
    const both = await RecordingMember.join(connection, { group: 'both', types: ['a', 'b'] })
    const narrow = await RecordingMember.join(connection, { group: 'narrow', types: ['b'] })
    void connection.publish({ message: message('1', { type: 'b' }) })
    const second = connection.publish({ message: message('2', { type: 'b' }) })
    const third = connection.publish({ message: message('3', { type: 'a' }) })
    await quiet()
    void both.of('1').settle(handled)
    // Now `both` has room, and the third would fit; but the second came first, and waits for `narrow`.
    expect(await stateOf(second)).toBe('pending')
    expect(await stateOf(third)).toBe('pending')
    void narrow.of('1').settle(handled)
    expect(await stateOf(second)).toBe('resolved')
    expect(await stateOf(third)).toBe('pending')
    void both.of('2').settle(handled)
    expect(await stateOf(third)).toBe('resolved')
    expect(both.ids).toEqual(['1', '2', '3'])
  })

  test('when one goes, those behind it in its other groups may go too', async () => {
    const { connection } = await connectTo(memory({ capacity: 2 }))
    const narrow = await RecordingMember.join(connection, { group: 'narrow', types: ['a', 'both'] })
    await RecordingMember.join(connection, { group: 'wide', types: ['b', 'both'] })
    for (const id of ['1', '2']) void connection.publish({ message: message(id) })
    const both = connection.publish({ message: message('3', { type: 'both' }) })
    const behind = connection.publish({ message: message('4', { type: 'b' }) })
    expect(await stateOf(behind)).toBe('pending')
    void narrow.of('1').settle(handled)
    expect(await stateOf(both)).toBe('resolved')
    expect(await stateOf(behind)).toBe('resolved')
  })

  test('INVARIANT: a publish that is given up leaves nothing in any group, and lets those behind it go', async () => {
    const { connection } = await connectTo(memory({ capacity: 1 }))
    const one = await RecordingMember.join(connection, { group: 'one', types: ['a', 'both'] })
    const two = await RecordingMember.join(connection, { group: 'two', types: ['b', 'both'] })
    void connection.publish({ message: message('1', { type: 'a' }) })
    const controller = new AbortController()
    const { signal } = controller
    const given = connection.publish({ message: message('2', { type: 'both' }) }, { signal })
    const behind = connection.publish({ message: message('3', { type: 'b' }) })
    expect(await stateOf(behind)).toBe('pending')
    const reason = new Error('too late')
    controller.abort(reason)
    await expect(given).rejects.toMatchObject({ code: 'NO_ROOM', cause: reason })
    expect(await stateOf(behind)).toBe('resolved')
    void one.of('1').settle(handled)
    await quiet()
    expect([one.ids, two.ids]).toEqual([['1'], ['3']])
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('a signal that has aborted already is heard when there is no room, and not read when there is', async () => {
    const { connection } = await connectTo(memory({ capacity: 1 }))
    const member = await RecordingMember.join(connection)
    const patience = {
      get signal(): AbortSignal {
        throw new Error('was read')
      },
    }
    expect(connection.publish({ message: message('1') }, patience)).toBeUndefined()
    const signal = AbortSignal.abort(new Error('too late'))
    await expect(connection.publish({ message: message('2') }, { signal })).rejects.toThrow('too late')
    await quiet()
    member.ackAll()
    await quiet()
    expect(member.ids).toEqual(['1'])
  })

  test('a publish that went leaves no listener on its signal', async () => {
    const { connection } = await connectTo(memory({ capacity: 1 }))
    const member = await RecordingMember.join(connection)
    const { signal } = new AbortController()
    void connection.publish({ message: message('1') }, { signal })
    const second = connection.publish({ message: message('2') }, { signal })
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    await quiet()
    void member.of('1').settle(handled)
    await second
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('INVARIANT: a copy for one group alone never waits behind the message that it stands for', async () => {
    const clock = new ManualClock()
    const { connection } = await connectTo(memory({ capacity: 1 }), clock)
    const member = await RecordingMember.join(connection)
    void connection.publish({ message: message('1') })
    const second = connection.publish({ message: message('2') })
    await quiet()
    const retry = { message: message('1'), group: 'group', notBefore: clock.now() + 100 }
    expect(connection.publish(retry)).toBeUndefined()
    expect(await stateOf(second)).toBe('pending')
    void member.of('1').settle(handled)
    // What is delayed takes no room.
    expect(await stateOf(second)).toBe('resolved')
    clock.advance(100)
    await quiet()
    expect(member.ids).toEqual(['1', '2', '1'])
    const third = connection.publish({ message: message('3') })
    void member.of('2').settle(handled)
    expect(await stateOf(third)).toBe('pending')
    // At once, though there is no room.
    expect(connection.publish({ message: message('1'), group: 'group' })).toBeUndefined()
    void member.of('1').settle(handled)
    // The copy has the room now.
    expect(await stateOf(third)).toBe('pending')
    void member.of('1').settle(handled)
    expect(await stateOf(third)).toBe('resolved')
  })

  test('delayed messages have room of their own; one that is taken back gives it free', async () => {
    const clock = new ManualClock()
    const { connection } = await connectTo(memory({ capacity: 1, maxDelayed: 1 }), clock)
    await RecordingMember.join(connection)
    const notBefore = clock.now() + 1000
    void connection.publish({ message: message('1'), notBefore })
    expect(connection.publish({ message: message('due') })).toBeUndefined()
    const second = connection.publish({ message: message('2'), notBefore })
    expect(await stateOf(second)).toBe('pending')
    expect(await connection.cancel!('1')).toBe(true)
    expect(await stateOf(second)).toBe('resolved')
  })

  test('publishes that wait reject when their connection closes, and let those of others go', async () => {
    const broker = memory({ capacity: 1 })
    const { connection } = await connectTo(broker)
    const other = await connectTo(broker)
    const member = await RecordingMember.join(other.connection)
    void connection.publish({ message: message('1') })
    const { signal } = new AbortController()
    const mine = connection.publish({ message: message('2') }, { signal })
    const theirs = other.connection.publish({ message: message('3') })
    await connection.close()
    await expect(mine).rejects.toMatchObject({ code: 'BUS_CLOSED' })
    expect(getEventListeners(signal, 'abort')).toEqual([])
    await quiet()
    void member.of('1').settle(handled)
    expect(await stateOf(theirs)).toBe('resolved')
    expect(member.ids).toEqual(['1', '3'])
  })

  test('nobody waits for a temporary group that is gone', async () => {
    const broker = memory({ capacity: 1 })
    const { connection, unroutable } = await connectTo(broker)
    const away = await connectTo(broker)
    await RecordingMember.join(away.connection, {
      group: 'temporary',
      types: ['a', 'b'],
      temporary: true,
      marks: false,
    })
    const member = await RecordingMember.join(connection, { types: ['b'] })
    void connection.publish({ message: message('1') })
    const second = connection.publish({ message: message('2', { type: 'b' }) })
    const third = connection.publish({ message: message('3') })
    expect(await stateOf(second)).toBe('pending')
    await away.connection.close()
    expect(await stateOf(second)).toBe('resolved')
    expect(await stateOf(third)).toBe('resolved')
    expect(member.ids).toEqual(['2'])
    expect(unroutable).toEqual(['3'])
  })

  test('no more publishes wait than may', async () => {
    const { connection } = await connectTo(memory({ capacity: 1, maxWaiting: 2 }))
    const member = await RecordingMember.join(connection)
    for (const id of ['1', '2', '3']) void connection.publish({ message: message(id) })
    await expect(connection.publish({ message: message('4') })).rejects.toMatchObject({
      code: 'PUBLISH_OVERFLOW',
      name: 'PublishOverflowError',
      message: expect.stringContaining(
        'an event "a" is refused: 2 publishes wait for room already\nAwait each publish',
      ),
      details: { type: 'a', limit: 2 },
    })
    await quiet()
    void member.of('1').settle(handled)
    expect(await stateOf(connection.publish({ message: message('5') }))).toBe('pending')
    for (const id of ['2', '3', '5']) {
      await quiet()
      void member.of(id).settle(handled)
    }
    expect(member.ids).toEqual(['1', '2', '3', '5'])
  })
})

describe('the size of a message', () => {
  const headersOf = (size: number) => ({ ...message('1'), body: undefined, headers: { h: 'x'.repeat(size) } })
  /** What `message('1')` has beside its body. */
  const rest = [...Object.entries(message('1').attributes).flat(), message('1').contentType].join('').length

  test.for([
    ['a text', (size: number) => message('1', { body: 'x'.repeat(size - rest) })],
    ['a text of two-byte letters', (size: number) => message('1', { body: 'é'.repeat((size - rest - 1) / 2) + 'x' })],
    ['emojis', (size: number) => message('1', { body: '😀'.repeat((size - rest - 3) / 4) + 'xxx' })],
    ['bytes', (size: number) => message('1', { body: new Uint8Array(size - rest) })],
    ['headers', (size: number) => headersOf(size - rest - 1)],
  ] as const)('%s up to the limit pass, one byte more does not, and the connection goes on', async ([, make]) => {
    // So that every kind of body comes out even.
    const limit = rest + 4 * 250 + 3
    const { connection } = await connectTo(memory({ maxMessageSize: limit }))
    const member = await RecordingMember.join(connection)
    const fits = make(limit)
    expect(connection.publish({ message: fits })).toBeUndefined()
    const tooLarge = { ...fits, headers: { ...fits.headers, y: '' } }
    await expect(connection.publish({ message: tooLarge })).rejects.toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
      details: { type: 'a', size: limit + 1, limit },
    })
    expect(connection.publish({ message: message('2') })).toBeUndefined()
    await quiet()
    expect(member.ids).toEqual(['1', '2'])
  })

  test('has no bound with Infinity, and 1 MiB without the option', async () => {
    const body = 'x'.repeat(1024 * 1024)
    const { connection } = await connectTo(memory({ maxMessageSize: Infinity }))
    await RecordingMember.join(connection)
    expect(connection.publish({ message: message('1', { body }) })).toBeUndefined()
    const other = await connectTo(memory())
    await expect(other.connection.publish({ message: message('1', { body }) })).rejects.toThrow('takes 1048576')
  })
})
