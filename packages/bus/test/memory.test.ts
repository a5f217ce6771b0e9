import { describe, expect, test, vi } from 'vitest'
import { memory, systemClock } from '../src/index.ts'
import { type Delivery, handled } from '../src/transport/index.ts'
import {
  connectTo,
  ManualClock,
  message,
  quiet,
  RecordingMember,
  until,
  givenBack,
} from './support/recording-member.ts'

describe('options', () => {
  test.for([
    [{ capacity: 0 }, '`capacity` must be a whole number from 1 on, received 0'],
    [{ maxWaiting: -1 }, '`maxWaiting` must be a whole number from 0 on, received -1'],
    [{ maxDeadLetters: 1.5 }, '`maxDeadLetters` must be a whole number from 0 on, received 1.5'],
    [{ maxMessageSize: 0 }, '`maxMessageSize` must be a whole number from 1 on, received 0'],
    [{ history: 11, capacity: 10 }, '`history` must be at most `capacity`, 10, received 11'],
    [{ capacty: 1 }, '`capacty` is no option of memory'],
  ] as const)('%j is refused', ([options, text]) => {
    expect(() => memory(options as never)).toThrow(text)
  })

  test('the capabilities say what it does', () => {
    expect(memory()).toMatchObject({
      name: 'memory',
      capabilities: {
        durable: false,
        remote: false,
        ordering: 'key',
        atomic: true,
        transactions: false,
        wildcards: true,
        delay: true,
        cancel: true,
        deadLetters: 'store',
        inbox: true,
        temporaryGroups: true,
        groups: true,
        history: false,
        unroutable: true,
        redeliveries: true,
        deduplication: false,
        waiting: true,
        maxMessageSize: 1024 * 1024,
        maxHeadersSize: 1024 * 1024,
        maxHold: Infinity,
      },
    })
    expect(memory({ history: 1, maxMessageSize: 10 }).capabilities).toMatchObject({ history: true, maxMessageSize: 10 })
  })
})

describe('fan-out', () => {
  test('each group gets every message of its types, once, and no other', async () => {
    const { connection } = await connectTo(memory())
    const one = await RecordingMember.join(connection, { group: 'one', types: ['a', 'b'] })
    const two = await RecordingMember.join(connection, { group: 'two', types: ['b', 'c'] })
    for (const type of ['a', 'b', 'c', 'd']) void connection.publish({ message: message(type, { type }) })
    await quiet()
    expect(one.ids).toEqual(['a', 'b'])
    expect(two.ids).toEqual(['b', 'c'])
  })

  test('the same message value reaches all groups, of other connections too', async () => {
    const broker = memory()
    const { connection } = await connectTo(broker)
    const one = await RecordingMember.join(connection, { group: 'one' })
    const two = await RecordingMember.join((await connectTo(broker)).connection, { group: 'two' })
    const sent = message('1', { body: new Uint8Array([0, 255]) })
    void connection.publish({ message: sent })
    await quiet()
    expect(one.deliveries[0]!.message).toBe(sent)
    expect(two.deliveries[0]!.message).toBe(sent)
  })

  test('two values of memory() share nothing', async () => {
    const { connection } = await connectTo(memory())
    const elsewhere = await connectTo(memory())
    const member = await RecordingMember.join(elsewhere.connection)
    void connection.publish({ message: message('1') })
    await quiet()
    expect(member.ids).toEqual([])
  })

  test('groups ask by pattern, and get a message once whatever matches it', async () => {
    const { connection } = await connectTo(memory())
    const member = await RecordingMember.join(connection, { types: ['shop.*.placed', 'shop.**', 'shop.order.placed'] })
    const other = await RecordingMember.join(connection, { group: 'other', types: ['*.placed'] })
    for (const type of ['shop.order.placed', 'shop.order', 'crm.placed', 'shop.*.placed']) {
      void connection.publish({ message: message(type, { type }) })
    }
    await quiet()
    expect(member.ids).toEqual(['shop.order.placed', 'shop.order', 'shop.*.placed'])
    expect(other.ids).toEqual(['crm.placed'])
  })

  test('what a pattern resolved to is forgotten when groups change', async () => {
    const { connection, unroutable } = await connectTo(memory())
    const first = await RecordingMember.join(connection, {
      group: 'first',
      types: ['shop.*'],
      temporary: true,
      marks: false,
    })
    void connection.publish({ message: message('1', { type: 'shop.order' }) })
    const second = await RecordingMember.join(connection, { group: 'second', types: ['shop.*'] })
    void connection.publish({ message: message('2', { type: 'shop.order' }) })
    await quiet()
    await first.membership.stop()
    void connection.publish({ message: message('3', { type: 'shop.order' }) })
    await quiet()
    expect(first.ids).toEqual(['1', '2'])
    expect(second.ids).toEqual(['2', '3'])
    expect(unroutable).toEqual([])
  })

  test('more event types than are remembered are routed all the same', async () => {
    const { connection } = await connectTo(memory())
    const member = await RecordingMember.join(connection, { types: ['shop.*'], prefetch: 5000 })
    const types = Array.from({ length: 2500 }, (_, i) => `shop.type${i}`)
    for (const type of [...types, types[0]!]) void connection.publish({ message: message(type, { type }) })
    await until(() => member.deliveries.length === 2501)
    expect(member.ids).toEqual([...types, types[0]])
  })

  test('a malformed pattern is refused, and makes no group', async () => {
    const { connection } = await connectTo(memory())
    await expect(RecordingMember.join(connection, { types: ['shop.or*'] })).rejects.toThrow('"shop.or*"')
    await expect(connection.publish({ message: message('1'), group: 'group' })).rejects.toThrow('"group"')
  })

  test('a group wants what any of its present members wants', async () => {
    const { connection, unroutable } = await connectTo(memory())
    const a = await RecordingMember.join(connection, { types: ['a'] })
    const b = await RecordingMember.join(connection, { types: ['b'] })
    void connection.publish({ message: message('1', { type: 'a' }) })
    void connection.publish({ message: message('2', { type: 'b' }) })
    await quiet()
    expect([...a.ids, ...b.ids]).toEqual(['1', '2'])
    await a.membership.stop()
    void connection.publish({ message: message('3', { type: 'a' }) })
    void connection.publish({ message: message('4', { type: 'b' }) })
    await quiet()
    expect(unroutable).toEqual(['3'])
    expect(b.ids).toContain('4')
  })

  test('a group without members keeps its types, and its messages wait', async () => {
    const broker = memory()
    const first = await connectTo(broker)
    await RecordingMember.join(first.connection)
    await first.connection.close()
    const { connection, unroutable } = await connectTo(broker)
    void connection.publish({ message: message('1') })
    const member = await RecordingMember.join(connection, { types: ['b'] })
    await quiet()
    expect(member.ids).toEqual(['1'])
    void connection.publish({ message: message('2') })
    expect(unroutable).toEqual(['2'])
  })

  test('a message for one group reaches that group alone, whatever it asked for', async () => {
    const { connection } = await connectTo(memory())
    const one = await RecordingMember.join(connection, { group: 'one', types: [] })
    const two = await RecordingMember.join(connection, { group: 'two', types: ['a'] })
    void connection.publish({ message: message('1'), group: 'one' })
    await quiet()
    expect(one.ids).toEqual(['1'])
    expect(two.ids).toEqual([])
  })

  test('what reaches no group is told to the connection that published it', async () => {
    const broker = memory()
    const { connection, unroutable } = await connectTo(broker)
    const other = await connectTo(broker)
    await RecordingMember.join(connection)
    expect(connection.publish({ message: message('1', { type: 'b' }) })).toBeUndefined()
    void connection.publish({ message: message('2') })
    expect(unroutable).toEqual(['1'])
    expect(other.unroutable).toEqual([])
  })

  test('what is for one group that is not there is refused, at once or delayed, and nothing is kept of it', async () => {
    const { connection, unroutable } = await connectTo(memory())
    for (const notBefore of [undefined, Date.now() + 60_000]) {
      await expect(connection.publish({ message: message('1'), group: 'nobody', notBefore })).rejects.toMatchObject({
        code: 'UNKNOWN_GROUP',
        details: { group: 'nobody', type: 'a' },
      })
    }
    const member = await RecordingMember.join(connection, { group: 'nobody' })
    await quiet()
    expect(member.ids).toEqual([])
    expect(unroutable).toEqual([])
  })
})

describe('delivery', () => {
  test('a publish is confirmed at once, without a promise, and delivers nothing in its stack', async () => {
    const { connection } = await connectTo(memory())
    const member = await RecordingMember.join(connection)
    expect(connection.publish({ message: message('1') })).toBeUndefined()
    expect(member.ids).toEqual([])
    await Promise.resolve()
    expect(member.ids).toEqual(['1'])
  })

  test('ack, nack and resume deliver nothing in their stacks', async () => {
    const { connection } = await connectTo(memory())
    const member = await RecordingMember.join(connection, { prefetch: 1 })
    for (const id of ['1', '2', '3']) void connection.publish({ message: message(id) })
    await quiet()
    void member.of('1').settle(handled)
    expect(member.ids).toEqual(['1'])
    await quiet()
    void member.of('2').settle(givenBack)
    expect(member.ids).toEqual(['1', '2'])
    await quiet()
    expect(member.ids).toEqual(['1', '2', '2'])
    member.membership.pause()
    void member.of('2').settle(handled)
    await quiet()
    member.membership.resume()
    expect(member.ids).toEqual(['1', '2', '2'])
    await quiet()
    expect(member.ids).toEqual(['1', '2', '2', '3'])
  })

  test('timers and I/O get their turn while publishers and handlers never really wait', async () => {
    const { connection } = await connectTo(memory())
    let running = true
    let turns = 0
    let count = 0
    const again = async (delivery: Delivery): Promise<void> => {
      void delivery.settle(handled)
      count++
      // Each event causes the next one.
      if (running) await connection.publish({ message: message('next') })
    }
    await RecordingMember.join(connection, {}, (delivery) => void again(delivery))
    void connection.publish({ message: message('first') })
    await new Promise<void>((resolve) => {
      const turn = (): void => {
        if (++turns < 20) setTimeout(turn, 0)
        else resolve()
      }
      turn()
    })
    running = false
    expect(turns).toBe(20)
    expect(count).toBeGreaterThan(100)
  })

  test.for([['setImmediate'], ['setImmediate', 'MessageChannel']] as const)(
    'goes on beyond a turn of the event loop in a runtime without %s',
    async (missing) => {
      for (const name of missing) vi.stubGlobal(name, undefined)
      vi.resetModules()
      const fresh = await import('../src/index.ts')
      vi.unstubAllGlobals()
      const { connection } = await connectTo(fresh.memory())
      let count = 0
      await new Promise<void>((resolve) => {
        void RecordingMember.join(connection, {}, (delivery) => {
          void delivery.settle(handled)
          if (++count === 2000) resolve()
        })
        for (let i = 0; i < 2000; i++) void connection.publish({ message: message(String(i)) })
      })
      expect(count).toBe(2000)
    },
  )

  test('goes on while a test fakes the timers', async () => {
    vi.useFakeTimers()
    try {
      const { connection } = await connectTo(memory())
      const member = await RecordingMember.join(connection, { prefetch: 2000 })
      for (let i = 0; i < 2000; i++) void connection.publish({ message: message(String(i)) })
      // The first part comes in microtasks; what follows is asked for while the timers are faked.
      await Promise.resolve()
      expect(member.deliveries.length).toBeLessThan(2000)
      vi.useRealTimers()
      await until(() => member.deliveries.length === 2000)
    } finally {
      vi.useRealTimers()
    }
  })

  test('a busy group does not keep another from its messages', async () => {
    const { connection } = await connectTo(memory())
    await RecordingMember.join(connection, { group: 'busy', types: ['busy'], prefetch: 10_000 })
    const calm = await RecordingMember.join(connection, { group: 'calm', types: ['calm'] })
    for (let i = 0; i < 5000; i++) void connection.publish({ message: message(String(i), { type: 'busy' }) })
    void connection.publish({ message: message('calm', { type: 'calm' }) })
    await Promise.resolve()
    expect(calm.ids).toEqual(['calm'])
  })

  test('an error that a member throws keeps no other from its messages', async () => {
    const uncaught: unknown[] = []
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', (error) => uncaught.push(error))
    const { connection } = await connectTo(memory())
    const error = new Error('thrown by a member')
    await RecordingMember.join(connection, { group: 'one' }, () => {
      throw error
    })
    const two = await RecordingMember.join(connection, { group: 'two' })
    void connection.publish({ message: message('1') })
    await quiet()
    for (const listener of listeners) process.on('uncaughtException', listener)
    expect(uncaught).toEqual([error])
    expect(two.ids).toEqual(['1'])
  })

  test('members of a group share the load in turn', async () => {
    const broker = memory()
    const { connection } = await connectTo(broker)
    const members: RecordingMember[] = []
    for (let i = 0; i < 3; i++) members.push(await RecordingMember.join((await connectTo(broker)).connection))
    for (let i = 0; i < 300; i++) void connection.publish({ message: message(String(i)) })
    await until(() => members.reduce((sum, member) => sum + member.deliveries.length, 0) === 300)
    expect(members.map((member) => member.deliveries.length)).toEqual([100, 100, 100])
    expect(new Set(members.flatMap((member) => member.ids)).size).toBe(300)
  })

  test('INVARIANT: a member never holds more than its prefetch', async () => {
    const { connection } = await connectTo(memory())
    const member = await RecordingMember.join(connection, { prefetch: 3 })
    for (let i = 0; i < 10; i++) void connection.publish({ message: message(String(i)) })
    await quiet()
    expect(member.ids).toEqual(['0', '1', '2'])
    expect(member.membership.backlog()).toMatchObject({ waiting: 7 })
    void member.of('1').settle(handled)
    await quiet()
    expect(member.ids).toEqual(['0', '1', '2', '3'])
  })

  test.for([0, 1.5, NaN])('a prefetch of %d is refused', async (prefetch) => {
    const { connection } = await connectTo(memory())
    await expect(RecordingMember.join(connection, { prefetch })).rejects.toThrow('`prefetch`')
  })

  test('a settled delivery is settled for good', async () => {
    const { connection } = await connectTo(memory())
    const member = await RecordingMember.join(connection, { prefetch: 1 })
    for (const id of ['1', '2', '3']) void connection.publish({ message: message(id) })
    await quiet()
    const [first] = member.deliveries
    void first!.settle(handled)
    void first!.settle(handled)
    void first!.settle(givenBack)
    await quiet()
    expect(member.ids).toEqual(['1', '2'])
    expect(member.membership.backlog()).toMatchObject({ waiting: 1 })
    const second = member.of('2')
    void second.settle(givenBack)
    void second.settle(handled)
    void second.settle(givenBack)
    await quiet()
    expect(member.ids).toEqual(['1', '2', '2'])
    expect(member.membership.backlog()).toMatchObject({ waiting: 1 })
  })

  test('redeliveries count for each group on its own', async () => {
    const { connection } = await connectTo(memory())
    const one = await RecordingMember.join(connection, { group: 'one' })
    const two = await RecordingMember.join(connection, { group: 'two' })
    void connection.publish({ message: message('1') })
    for (let i = 0; i < 3; i++) {
      await quiet()
      void one.of('1').settle(givenBack)
    }
    await quiet()
    expect(one.deliveries.map(({ redeliveries }) => redeliveries)).toEqual([0, 1, 2, 3])
    expect(two.deliveries.map(({ redeliveries }) => redeliveries)).toEqual([0])
  })
})

describe('a member', () => {
  test('gets nothing while it is paused, can settle, and others go on', async () => {
    const { connection } = await connectTo(memory())
    const one = await RecordingMember.join(connection)
    void connection.publish({ message: message('1') })
    await quiet()
    one.membership.pause()
    one.membership.pause()
    void one.of('1').settle(givenBack)
    void connection.publish({ message: message('2') })
    await quiet()
    expect(one.ids).toEqual(['1'])
    expect(one.membership.backlog()).toMatchObject({ waiting: 2 })
    const two = await RecordingMember.join(connection)
    await quiet()
    expect(two.ids).toEqual(['1', '2'])
    one.membership.resume()
    void connection.publish({ message: message('3') })
    void connection.publish({ message: message('4') })
    await quiet()
    expect([one.ids.length, two.ids.length]).toEqual([2, 3])
  })

  test('that stopped gets nothing more, and can settle what it holds', async () => {
    const { connection } = await connectTo(memory())
    const member = await RecordingMember.join(connection, { prefetch: 2 })
    for (const id of ['1', '2', '3']) void connection.publish({ message: message(id) })
    await quiet()
    await member.membership.stop()
    await member.membership.stop()
    member.membership.resume()
    void member.of('1').settle(handled)
    void member.of('2').settle(givenBack)
    await quiet()
    expect(member.ids).toEqual(['1', '2'])
    const next = await RecordingMember.join(connection)
    await quiet()
    expect(next.ids).toEqual(['2', '3'])
    expect(next.deliveries.map(({ redeliveries }) => redeliveries)).toEqual([1, 0])
  })

  test('that stopped keeps what it holds until its connection closes', async () => {
    const broker = memory()
    const { connection } = await connectTo(broker)
    const member = await RecordingMember.join(connection)
    void connection.publish({ message: message('1') })
    await quiet()
    await member.membership.stop()
    const other = await RecordingMember.join((await connectTo(broker)).connection)
    await quiet()
    expect(other.ids).toEqual([])
    await connection.close()
    await quiet()
    expect(other.ids).toEqual(['1'])
  })

  test('joins again with other types before it leaves, as one that changes its mind', async () => {
    const { connection, unroutable } = await connectTo(memory())
    const before = await RecordingMember.join(connection, { types: ['a'], temporary: true, marks: false })
    const after = await RecordingMember.join(connection, { types: ['a', 'b'], temporary: true, marks: false })
    await before.membership.stop()
    for (const type of ['a', 'b']) void connection.publish({ message: message(type, { type }) })
    await quiet()
    expect(after.ids).toEqual(['a', 'b'])
    expect(unroutable).toEqual([])
  })
})

describe('closing a connection', () => {
  test('INVARIANT: what it left unsettled goes back at once, in order, and its signal aborts', async () => {
    const broker = memory()
    const { connection, states } = await connectTo(broker)
    const other = await connectTo(broker)
    const member = await RecordingMember.join(connection)
    for (const id of ['1', '2', '3', '4']) void connection.publish({ message: message(id, { key: 'k' + id }) })
    await quiet()
    void member.of('2').settle(handled)
    const { lost } = member.of('1')
    const next = await RecordingMember.join(other.connection)
    expect(lost.aborted).toBe(false)
    expect(states).toEqual(['connected'])
    await connection.close()
    await quiet()
    expect(lost.aborted).toBe(true)
    expect(states).toEqual(['connected', 'closed'])
    expect(
      next.deliveries.map(({ message: { attributes }, redeliveries }) => [attributes['id'], redeliveries]),
    ).toEqual([
      ['1', 1],
      ['3', 1],
      ['4', 1],
    ])
    expect(next.of('1').lost.aborted).toBe(false)
  })

  test('a delivery that was lost settles nothing', async () => {
    const broker = memory()
    const { connection } = await connectTo(broker)
    const member = await RecordingMember.join(connection)
    void connection.publish({ message: message('1') })
    await quiet()
    const lost = member.of('1')
    // A handler that answers to the signal by settling.
    lost.lost.addEventListener('abort', () => lost.settle(handled))
    await connection.close()
    void lost.settle(handled)
    void lost.settle(givenBack)
    const next = await RecordingMember.join((await connectTo(broker)).connection)
    await quiet()
    expect(next.ids).toEqual(['1'])
    void lost.settle(handled)
    expect(next.membership.backlog()).toMatchObject({ waiting: 0 })
    void next.of('1').settle(givenBack)
    await quiet()
    expect(next.ids).toEqual(['1', '1'])
  })

  test('is idempotent, and refuses what comes later', async () => {
    const { connection, states } = await connectTo(memory())
    const member = await RecordingMember.join(connection)
    await Promise.all([connection.close(), connection.close()])
    await connection.close()
    expect(states).toEqual(['connected', 'closed'])
    await expect(connection.publish({ message: message('1') })).rejects.toMatchObject({ code: 'BUS_CLOSED' })
    await expect(RecordingMember.join(connection)).rejects.toMatchObject({ code: 'BUS_CLOSED' })
    await expect(connection.cancel!('1')).rejects.toMatchObject({ code: 'BUS_CLOSED' })
    member.membership.pause()
    member.membership.resume()
    await member.membership.stop()
  })

  test('while it delivers hands out nothing more', async () => {
    const broker = memory()
    const { connection } = await connectTo(broker)
    const member = await RecordingMember.join(connection, {}, () => void connection.close())
    for (const id of ['1', '2', '3']) void connection.publish({ message: message(id) })
    await quiet()
    expect(member.ids).toEqual(['1'])
    const next = await RecordingMember.join((await connectTo(broker)).connection)
    await quiet()
    expect(next.ids).toEqual(['1', '2', '3'])
  })
})

describe('a temporary group', () => {
  test('vanishes with its connection, its messages too', async () => {
    const broker = memory()
    const { connection } = await connectTo(broker)
    const member = await RecordingMember.join(connection, {
      group: 'replies',
      types: [],
      prefetch: 1,
      temporary: true,
      marks: false,
    })
    const other = await connectTo(broker)
    for (const id of ['1', '2']) void other.connection.publish({ message: message(id), group: 'replies' })
    await quiet()
    expect(member.ids).toEqual(['1'])
    await connection.close()
    const late = other.connection.publish({ message: message('3'), group: 'replies' })
    await expect(late).rejects.toMatchObject({ code: 'UNKNOWN_GROUP' })
    void member.of('1').settle(givenBack)
    const next = await RecordingMember.join(other.connection, { group: 'replies', types: [] })
    await quiet()
    expect(next.ids).toEqual([])
    expect(next.membership.backlog()).toMatchObject({ waiting: 0 })
  })

  test('vanishes when its member stops, and what the member holds settles to no effect', async () => {
    const { connection, unroutable } = await connectTo(memory())
    const member = await RecordingMember.join(connection, { temporary: true, marks: false })
    void connection.publish({ message: message('1') })
    await quiet()
    await member.membership.stop()
    void member.of('1').settle(handled)
    expect(member.membership.backlog()).toMatchObject({ waiting: 0 })
    void connection.publish({ message: message('2') })
    expect(unroutable).toEqual(['2'])
  })

  test('has no member of another connection, and takes no name that is in use', async () => {
    const broker = memory()
    const one = await connectTo(broker)
    const two = await connectTo(broker)
    await RecordingMember.join(one.connection, { group: 'mine', temporary: true, marks: false })
    await RecordingMember.join(one.connection, { group: 'ours' })
    await expect(
      RecordingMember.join(two.connection, { group: 'mine', temporary: true, marks: false }),
    ).rejects.toThrow('`group` "mine" is there already, and temporary')
    await expect(RecordingMember.join(two.connection, { group: 'mine' })).rejects.toThrow('and temporary')
    await expect(
      RecordingMember.join(two.connection, { group: 'ours', temporary: true, marks: false }),
    ).rejects.toThrow('and not temporary')
  })
})

describe('history', () => {
  test("without it `from: 'earliest'` is refused by the name of the capability", async () => {
    const { connection } = await connectTo(memory())
    await expect(RecordingMember.join(connection, { from: 'earliest' })).rejects.toMatchObject({
      code: 'CAPABILITY_MISSING',
      missing: [{ capability: 'history', wantedBy: 'group "group"' }],
    })
  })

  test('a new group begins with the last messages that it wants; an old one does not', async () => {
    const { connection } = await connectTo(memory({ history: 4 }))
    for (const [i, type] of ['a', 'a', 'b', 'a', 'b', 'a'].entries()) {
      void connection.publish({ message: message(String(i), { type }) })
    }
    const request = { group: 'new', from: 'earliest', types: ['a'] } as const
    const member = await RecordingMember.join(connection, request)
    void connection.publish({ message: message('6') })
    await quiet()
    expect(member.ids).toEqual(['3', '5', '6'])
    member.ackAll()
    const again = await RecordingMember.join(connection, request)
    const latest = await RecordingMember.join(connection, { group: 'latest' })
    await quiet()
    expect([...again.ids, ...latest.ids]).toEqual([])
  })

  test('a message for one group alone is no history', async () => {
    const { connection } = await connectTo(memory({ history: 4 }))
    await RecordingMember.join(connection)
    void connection.publish({ message: message('1'), group: 'group' })
    const member = await RecordingMember.join(connection, { group: 'new', from: 'earliest' })
    await quiet()
    expect(member.ids).toEqual([])
  })
})

test('who has given up neither connects nor subscribes', async () => {
  const reason = new Error('too late')
  const signal = AbortSignal.abort(reason)
  const options = { name: '/test', clock: systemClock, signal, onState: () => {}, onUnroutable: () => {} }
  await expect(memory().connect(options)).rejects.toBe(reason)
  const { connection, unroutable } = await connectTo(memory())
  const request = {
    group: 'group',
    types: ['a'],
    prefetch: 1,
    ordered: true,
    from: 'latest',
    temporary: false,
    marks: false,
  } as const
  await expect(connection.subscribe(request, () => {}, signal)).rejects.toBe(reason)
  void connection.publish({ message: message('1') })
  expect(unroutable).toEqual(['1'])
})

test('a second bus with another clock is refused while the first one is connected', async () => {
  const broker = memory()
  const { connection } = await connectTo(broker, new ManualClock())
  await expect(connectTo(broker, new ManualClock())).rejects.toThrow('`clock` must be the one of the bus')
  await connection.close()
  await expect(connectTo(broker, new ManualClock())).resolves.toBeDefined()
})
