import { getEventListeners } from 'node:events'
import { memory, systemClock } from '@tidings/bus'
import type { Connection, ConnectionState, DeadLetterSink, SinkReplay } from '@tidings/bus/transport'
import { over } from '@tidings/core/tools'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { altered } from '../src/altered.ts'
import {
  type FaultProxy,
  faultProxy,
  serveTransport,
  socketTransport,
  type TransportServer,
} from '../src/faults/index.ts'

/** What the served sink was asked, each answered by hand. */
interface Asked {
  readonly group: string
  readonly options: SinkReplay
  answer(count: number): void
  refuse(error: Error): void
}

const whole = { rate: Infinity, limit: Infinity, signal: new AbortController().signal }

let server: TransportServer
let proxy: FaultProxy
let states: ConnectionState[]
let open: Connection[]
let asked: Asked[]

beforeEach(async () => {
  states = []
  open = []
  asked = []
  server = await serveTransport(served)
  proxy = await faultProxy({ target: { port: server.port } })
})

afterEach(async () => {
  proxy.restore()
  await Promise.all(open.map((connection) => connection.close()))
  await proxy[Symbol.asyncDispose]()
  await server.close()
  expect(getEventListeners(whole.signal, 'abort')).toEqual([])
})

test('a replay goes over the wire with its group, its rate and its limit, and resolves to the number sent', async () => {
  const sink = await connect()
  const bounded = sink.replay('app.one', { ...whole, rate: 2.5, limit: 3 })
  const unbounded = sink.replay('app.two', whole)
  await wasAsked(2)
  expect(asked).toMatchObject([
    { group: 'app.one', options: { rate: 2.5, limit: 3 } },
    { group: 'app.two', options: { rate: Infinity, limit: Infinity } },
  ])
  asked[1]!.answer(7)
  expect(await unbounded).toBe(7)
  asked[0]!.answer(3)
  expect(await bounded).toBe(3)
})

test('what a replay fails with is told as it is, and the connection goes on', async () => {
  const sink = await connect()
  const failing = expect(sink.replay('app.group', whole)).rejects.toMatchObject({ name: 'RangeError', message: 'no' })
  await wasAsked(1)
  asked[0]!.refuse(new RangeError('no'))
  await failing
  expect(states).toEqual(['connected'])
})

test('a signal that aborts ends the replay at the server, and the number sent by then is told', async () => {
  const sink = await connect()
  const [given, other] = [new AbortController(), new AbortController()]
  const replaying = sink.replay('app.group', { ...whole, signal: given.signal })
  const goingOn = sink.replay('app.group', { ...whole, signal: other.signal })
  await wasAsked(2)
  given.abort()
  await vi.waitFor(() => expect(asked[0]!.options.signal.aborted).toBe(true))
  asked[0]!.answer(2)
  expect(await replaying).toBe(2)
  expect(asked[1]!.options.signal.aborted).toBe(false)
  asked[1]!.answer(5)
  expect(await goingOn).toBe(5)
})

test('a signal that has aborted sends nothing back, nor does one that aborts while a replay waits for a link', async () => {
  const sink = await connect()
  expect(await sink.replay('app.group', { ...whole, signal: AbortSignal.abort() })).toBe(0)
  proxy.cut()
  await vi.waitFor(() => expect(states.at(-1)).toBe('reconnecting'))
  const given = new AbortController()
  const waiting = sink.replay('app.group', { ...whole, signal: given.signal })
  given.abort()
  expect(await waiting).toBe(0)
  const next = sink.replay('app.next', whole)
  proxy.restore()
  await wasAsked(1)
  expect(asked[0]!.group).toBe('app.next')
  asked[0]!.answer(1)
  expect(await next).toBe(1)
})

test('INVARIANT: a replay whose link breaks says that nobody knows, ends at the server, and is not sent again', async () => {
  const sink = await connect()
  const replaying = sink.replay('app.group', whole)
  await wasAsked(1)
  proxy.cut()
  await expect(replaying).rejects.toMatchObject({
    name: 'OutcomeUnknownError',
    message: expect.stringContaining('the connection broke in a replay of "app.group"'),
  })
  await vi.waitFor(() => expect(asked[0]!.options.signal.aborted).toBe(true))
  proxy.restore()
  const next = sink.replay('app.next', whole)
  await wasAsked(2)
  expect(asked[1]!.group).toBe('app.next')
  asked[1]!.answer(0)
  expect(await next).toBe(0)
})

test('close() ends a replay behind the letter under way, waits for its number, and takes none any more', async () => {
  const sink = await connect()
  const replaying = sink.replay('app.group', whole)
  await wasAsked(1)
  const closing = open[0]!.close()
  const late = expect(sink.replay('app.late', whole)).rejects.toMatchObject({ code: 'BUS_CLOSED' })
  await vi.waitFor(() => expect(asked[0]!.options.signal.aborted).toBe(true))
  expect(states).toEqual(['connected'])
  asked[0]!.answer(4)
  expect(await replaying).toBe(4)
  await Promise.all([closing, late])
  expect(states).toEqual(['connected', 'closed'])
  await expect(sink.replay('app.late', whole)).rejects.toMatchObject({ code: 'BUS_CLOSED' })
  expect(asked).toHaveLength(1)
})

test('close() ends in time although a replay does not, which then says that nobody knows', async () => {
  const sink = await connect({ timeout: 100 })
  const replaying = expect(sink.replay('app.group', whole)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
  await wasAsked(1)
  await Promise.all([open[0]!.close(), replaying])
})

test('a replay that waits for a link is refused by close()', async () => {
  const sink = await connect()
  proxy.cut()
  await vi.waitFor(() => expect(states.at(-1)).toBe('reconnecting'))
  const waiting = expect(sink.replay('app.group', whole)).rejects.toMatchObject({ code: 'BUS_CLOSED' })
  await Promise.all([open[0]!.close(), waiting])
  expect(asked).toEqual([])
})

/** Has a sink that does what the test says. */
const served = altered(over(memory(), { capabilities: { ...memory().capabilities, deadLetters: 'sink' } }), {
  connection: () => ({
    deadLetters: undefined,
    deadLetterSink: {
      replay: (group, options) => new Promise((answer, refuse) => void asked.push({ group, options, answer, refuse })),
    },
  }),
})

async function connect(options: { readonly timeout?: number } = {}): Promise<DeadLetterSink> {
  const { capabilities } = served
  const client = socketTransport({
    port: proxy.port,
    capabilities,
    timeout: 1000,
    backoff: { min: 10, max: 50 },
    ...options,
  })
  const connection = await client.connect({
    name: '/app',
    clock: systemClock,
    onState: (state) => states.push(state),
    onUnroutable() {},
  })
  open.push(connection)
  expect(connection.deadLetters).toBeUndefined()
  return connection.deadLetterSink!
}

async function wasAsked(times: number): Promise<void> {
  await vi.waitFor(() => expect(asked).toHaveLength(times))
}
