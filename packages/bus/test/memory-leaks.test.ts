import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test, vi } from 'vitest'
import { memory } from '../src/index.ts'
import { type Connection, handled } from '../src/transport/index.ts'
import {
  connectTo,
  ManualClock,
  message,
  quiet,
  RecordingMember,
  until,
  givenBack,
} from './support/recording-member.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

// Much is published, and garbage collected, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 })

/** Bytes of the heap that are in use, once nothing more can be collected. */
async function heap(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    await quiet(2)
    collectGarbage()
  }
  return process.memoryUsage().heapUsed
}

/** What the heap has grown by between the first and the last of equal rounds. */
async function growth(round: (number: number) => Promise<void>): Promise<number> {
  // Rounds before the first measurement: code is compiled, tables have their size.
  for (let i = 0; i < 2; i++) await round(i)
  const before = await heap()
  for (let i = 2; i < 6; i++) await round(i)
  return (await heap()) - before
}

const perRound = 20_000
/** 32 bytes for each message or key of four rounds: anything that is kept of them takes more. */
const allowed = 32 * 4 * perRound

async function publishAll(connection: Connection, round: number, notBefore?: number): Promise<void> {
  for (let i = 0; i < perRound; i++) {
    const id = `${round}.${i}`
    await connection.publish({ message: message(id, { type: `a.${id}`, key: id }), notBefore })
  }
}

test('INVARIANT: memory stays flat, however many messages, keys and event types have passed', async () => {
  const { connection } = await connectTo(memory({ capacity: 1000 }))
  let settled = 0
  for (const [group, ordered] of [['ordered', true] as const, ['plain', false] as const]) {
    const request = {
      group,
      types: ['a.**'],
      prefetch: 50,
      ordered,
      from: 'latest',
      temporary: false,
      marks: false,
    } as const
    await connection.subscribe(request, (delivery) => {
      if (delivery.redeliveries === 0 && settled % 3 === 0) void delivery.settle(givenBack)
      else void delivery.settle(handled)
      settled += delivery.redeliveries === 0 ? 1 : 0
    })
  }
  const grown = await growth(async (round) => {
    await publishAll(connection, round)
    await until(() => settled === 2 * perRound * (round + 1))
  })
  expect(grown).toBeLessThan(allowed)
})

test('delayed messages that came or were taken back leave nothing', async () => {
  const clock = new ManualClock()
  const { connection } = await connectTo(memory({ capacity: perRound }), clock)
  let settled = 0
  const request = {
    group: 'g',
    types: ['a.**'],
    prefetch: 50,
    ordered: true,
    from: 'latest',
    temporary: false,
    marks: false,
  } as const
  const membership = await connection.subscribe(request, (delivery) => {
    void delivery.settle(handled)
    settled++
  })
  const grown = await growth(async (round) => {
    await publishAll(connection, round, clock.now() + 1000)
    for (let i = 0; i < perRound; i += 2) await connection.cancel!(`${round}.${i}`)
    clock.advance(1000)
    await until(() => settled === (perRound / 2) * (round + 1))
  })
  expect(membership.backlog()).toMatchObject({ waiting: 0 })
  expect(clock.timers).toBe(0)
  expect(grown).toBeLessThan(allowed)
})

test('publishes that waited and were given up leave nothing while an older one goes on waiting', async () => {
  const { connection } = await connectTo(memory({ capacity: 1 }))
  await RecordingMember.join(connection)
  for (const id of ['1', '2']) void connection.publish({ message: message(id) })
  const grown = await growth(async (round) => {
    for (let i = 0; i < perRound; i++) {
      const controller = new AbortController()
      const waiting = connection.publish({ message: message(`${round}.${i}`) }, { signal: controller.signal })
      controller.abort()
      await Promise.resolve(waiting).catch(() => {})
    }
  })
  expect(grown).toBeLessThan(allowed)
})

test('members, temporary groups and connections that are gone leave nothing', async () => {
  const broker = memory()
  const { connection } = await connectTo(broker)
  const lasting = await RecordingMember.join(connection)
  const grown = await growth(async (round) => {
    for (let i = 0; i < perRound / 10; i++) {
      const away = await connectTo(broker)
      await RecordingMember.join(away.connection, {
        group: `temporary${round}.${i}`,
        types: ['b'],
        temporary: true,
        marks: false,
      })
      const stopped = await RecordingMember.join(connection, { types: ['a', `c${i}`] })
      void away.connection.publish({ message: message('1', { type: 'b' }) })
      await stopped.membership.stop()
      await away.connection.close()
    }
  })
  expect(lasting.membership.backlog()).toMatchObject({ waiting: 0 })
  expect(grown).toBeLessThan(allowed)
})

test('dead letters that were removed leave nothing', async () => {
  const { connection } = await connectTo(memory())
  const store = connection.deadLetters!
  const grown = await growth(async (round) => {
    for (let i = 0; i < perRound; i++) {
      const id = `${round}.${i}`
      await store.add({
        id,
        group: id,
        message: message(id, { key: id }),
        reason: 'invalid',
        error: undefined,
        parksKey: true,
        attempts: 0,
        firstFailedAt: '',
        lastFailedAt: '',
      })
      await store.remove(id)
    }
  })
  expect(await store.list({ limit: 1 })).toEqual([])
  expect(grown).toBeLessThan(allowed)
})
