import { type Capabilities, type DeadLetter, memory, type Message, systemClock, type Transport } from '@tidings/bus'
import {
  type Connection,
  type ConnectionState,
  type Delivery,
  type GroupRequest,
  handled,
} from '@tidings/bus/transport'
import { isTidingsError } from '@tidings/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import {
  type FaultProxy,
  faultProxy,
  serveTransport,
  socketTransport,
  type TransportServer,
} from '../src/faults/index.ts'

const fast = { timeout: 1000, backoff: { min: 10, max: 50 } }
/** Notices a black hole soon; on a busy machine it may take a pause for one. */
const wary = { ...fast, heartbeat: 100 }

let server: TransportServer
let proxy: FaultProxy
let states: ConnectionState[]
let unroutable: Message[]
let open: Connection[]

beforeEach(async () => {
  states = []
  unroutable = []
  open = []
  await serve(memory())
})

afterEach(async () => {
  proxy.restore()
  await Promise.all(open.map((connection) => connection.close()))
  await proxy[Symbol.asyncDispose]()
  await server.close()
})

test('the capabilities are those of the served transport, and remote', () => {
  expect(socketTransport({ port: 1 }).capabilities).toEqual({ ...memory().capabilities, remote: true })
})

test('a server that serves another kind of transport is refused', async () => {
  const capabilities: Capabilities = { ...memory().capabilities, deduplication: true }
  const transport = socketTransport({ port: server.port, capabilities })
  await expect(connect(transport)).rejects.toThrow('has `deduplication` false, not true')
})

test('a server that is not there is said so', async () => {
  await server.close()
  await expect(connect(socketTransport({ port: server.port }))).rejects.toSatisfy((error) =>
    isTidingsError(error, 'BROKER_UNREACHABLE'),
  )
})

test('connecting is given up by its signal, with its reason', async () => {
  proxy.blackHole()
  const giveUp = new AbortController()
  const connecting = socketTransport({ port: proxy.port }).connect({ ...tell(), signal: giveUp.signal })
  giveUp.abort(new Error('no longer'))
  await expect(connecting).rejects.toThrow('no longer')
})

test.each<[string, Partial<Message>]>([
  ['text', { body: '{"name":"Zoë 🙂"}' }],
  ['bytes', { body: new Uint8Array([0, 1, 128, 255]), contentType: 'application/octet-stream' }],
  ['empty text', { body: '' }],
  ['no bytes', { body: new Uint8Array(0) }],
  ['no body', { body: undefined, contentType: undefined }],
  ['half of a surrogate pair', { body: '"\ud800"' }],
  ['headers', { headers: { 'x-one': 'ä', ['__proto__']: 'x' } }],
  ['attributes of all types', { attributes: { ...message('a').attributes, flag: true, count: 7 } }],
  ['a megabyte', { body: 'x'.repeat(1_000_000) }],
])('a message with %s arrives as it was', async (_, parts) => {
  const connection = await connect()
  const inbox = await join(connection)
  const sent = { ...message('a'), ...parts }
  await connection.publish({ message: sent })
  await vi.waitFor(() => expect(inbox.deliveries).toHaveLength(1))
  expect(inbox.deliveries[0]?.message).toEqual(sent)
})

test('a message that the served transport refuses is refused by the same error, and the connection goes on', async () => {
  const connection = await connect()
  const inbox = await join(connection)
  await expect(connection.publish({ message: { ...message('big'), body: 'x'.repeat(2 ** 20) } })).rejects.toSatisfy(
    (error) => isTidingsError(error, 'MESSAGE_TOO_LARGE'),
  )
  await connection.publish({ message: message('small') })
  await vi.waitFor(() => expect(inbox.ids()).toEqual(['small']))
})

test('a message that no group wants is told', async () => {
  const connection = await connect()
  await connection.publish({ message: message('nowhere') })
  await vi.waitFor(() => expect(unroutable.map(({ attributes }) => attributes['id'])).toEqual(['nowhere']))
})

test('prefetch, settling, pause, resume, backlog and stop reach the server', async () => {
  const connection = await connect()
  const inbox = await join(connection, { prefetch: 2 })
  for (const id of 'abcde') await connection.publish({ message: message(id) })
  await vi.waitFor(() => expect(inbox.ids()).toEqual(['a', 'b']))
  expect((await inbox.membership.backlog())?.waiting).toBe(3)

  await Promise.all([inbox.deliveries[0]!.settle(handled), inbox.deliveries[0]!.settle(handled)])
  await vi.waitFor(() => expect(inbox.ids()).toEqual(['a', 'b', 'c']))

  inbox.membership.pause()
  await inbox.deliveries[1]!.settle({ as: 'given-back', begun: true })
  expect((await inbox.membership.backlog())?.waiting).toBe(3)
  inbox.membership.resume()
  await vi.waitFor(() => expect(inbox.deliveries).toHaveLength(4))
  const again = inbox.deliveries.find(({ redeliveries }) => redeliveries === 1)
  expect(again === undefined ? inbox.ids().includes('d') : again.message.attributes['id'] === 'b').toBe(true)

  await inbox.membership.stop()
  for (const delivery of inbox.deliveries.slice(2)) await delivery.settle(handled)
  expect(inbox.deliveries).toHaveLength(4)
})

test('delayed messages wait on the server, and can be taken back', async () => {
  const connection = await connect()
  const inbox = await join(connection)
  await connection.publish({ message: message('kept'), notBefore: Date.now() + 60 })
  await connection.publish({ message: message('taken'), notBefore: Date.now() + 60 })
  expect(await connection.cancel?.('taken')).toBe(true)
  expect(await connection.cancel?.('taken')).toBe(false)
  await vi.waitFor(() => expect(inbox.ids()).toEqual(['kept']))
})

test('dead letters are kept on the server, for every client', async () => {
  const letters = (await connect()).deadLetters!
  const others = (await connect()).deadLetters!
  const letter: DeadLetter = {
    id: 'l1',
    group: 'app.group',
    message: { ...message('a', 'key'), body: new Uint8Array([1]) },
    parksKey: false,
    reason: 'permanent-error',
    error: { name: 'Error', message: 'no' },
    attempts: 1,
    firstFailedAt: '2026-01-01T00:00:00Z',
    lastFailedAt: '2026-01-01T00:00:00Z',
  }
  await letters.add(letter)
  expect(await others.get('l1')).toEqual(letter)
  expect(await others.get('l2')).toBeUndefined()
  expect(await others.list({ limit: 10 })).toEqual([letter])
  expect(await others.list({ limit: 10, group: 'other' })).toEqual([])
  expect(await others.firstOfKey('app.group', 'key')).toEqual(letter)
  expect(await others.firstOfKey('app.group', 'lock')).toBeUndefined()
  expect(await others.remove('l1')).toBe(true)
  expect(await letters.remove('l1')).toBe(false)
})

test('a full store of dead letters is said by its own error', async () => {
  await proxy[Symbol.asyncDispose]()
  await server.close()
  await serve(memory({ maxDeadLetters: 0 }))
  const letter = {
    id: 'l',
    group: 'g',
    message: message('a'),
    reason: 'permanent-error',
    parksKey: false,
    attempts: 1,
  } as const
  const adding = (await connect()).deadLetters!.add({
    ...letter,
    error: undefined,
    firstFailedAt: '',
    lastFailedAt: '',
  })
  await expect(adding).rejects.toMatchObject({ name: 'DeadLettersFullError', details: { limit: 0 } })
})

test('a group that is refused is refused to the one who asked', async () => {
  const connection = await connect()
  await join(connection, { group: 'app.one', ordered: true })
  await expect(join(connection, { group: 'app.one', ordered: false })).rejects.toThrow(/\S/)
  expect(states).toEqual(['connected'])
})

test('a client that vanishes loses its deliveries at once, and they come to another', async () => {
  const dying = await connect()
  const first = await join(dying)
  await dying.publish({ message: message('a') })
  await vi.waitFor(() => expect(first.ids()).toEqual(['a']))
  const second = await join(await connect(socketTransport({ port: server.port, ...fast })))
  proxy.cut()
  await vi.waitFor(() => expect(second.ids()).toEqual(['a']))
  expect(second.deliveries[0]?.redeliveries).toBe(1)
})

test('close gives back what is unsettled, and no more is delivered', async () => {
  const leaving = await connect()
  const first = await join(leaving)
  for (const id of 'abc') await leaving.publish({ message: message(id) })
  await vi.waitFor(() => expect(first.deliveries).toHaveLength(3))
  await first.deliveries[1]!.settle(handled)
  await leaving.close()
  expect(first.deliveries[0]?.lost.aborted).toBe(true)
  expect(states).toEqual(['connected', 'closed'])
  const second = await join(await connect())
  await vi.waitFor(() => expect(second.ids()).toEqual(['a', 'c']))
  await expect(leaving.publish({ message: message('d') })).rejects.toMatchObject({ code: 'BUS_CLOSED' })
})

test('close lets publishes under way settle first', async () => {
  const connection = await connect()
  const inbox = await join(await connect())
  inbox.finishAll()
  const publishes = Array.from({ length: 1000 }, (_, i) =>
    Promise.resolve(connection.publish({ message: message(String(i)) })),
  )
  await connection.close()
  await Promise.all(publishes)
  await vi.waitFor(() => expect(new Set(inbox.all)).toHaveProperty('size', 1000))
})

test('close ends in time although the server is gone or silent', async () => {
  const silent = await connect()
  proxy.blackHole()
  const start = performance.now()
  const publishing = Promise.resolve(silent.publish({ message: message('a') }))
  await Promise.all([silent.close(), expect(publishing).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })])
  expect(performance.now() - start).toBeLessThan(2500)

  proxy.restore()
  const orphan = await connect()
  proxy.cut()
  await vi.waitFor(() => expect(states.at(-1)).toBe('reconnecting'))
  const waiting = Promise.resolve(orphan.publish({ message: message('b') }))
  await Promise.all([orphan.close(), expect(waiting).rejects.toMatchObject({ code: 'BUS_CLOSED' })])
})

test('a connection that broke comes back with its groups, and what waited is published', async () => {
  const connection = await connect()
  const inbox = await join(connection)
  await connection.publish({ message: message('a') })
  await vi.waitFor(() => expect(inbox.ids()).toEqual(['a']))

  proxy.cut()
  await vi.waitFor(() => expect(states).toEqual(['connected', 'reconnecting']))
  expect(inbox.deliveries[0]?.lost.aborted).toBe(true)
  const waiting = connection.publish({ message: message('b') })
  const joining = join(connection, { group: 'app.late' })
  proxy.restore()
  await waiting
  await vi.waitFor(() => expect(inbox.ids().toSorted()).toEqual(['a', 'a', 'b']))
  await joining
  expect(states).toEqual(['connected', 'reconnecting', 'connected'])
})

test('a settlement of a lost delivery does nothing, whatever it is now', async () => {
  const connection = await connect()
  const inbox = await join(connection)
  await connection.publish({ message: message('a') })
  await vi.waitFor(() => expect(inbox.deliveries).toHaveLength(1))
  proxy.cut()
  await vi.waitFor(() => expect(inbox.deliveries[0]?.lost.aborted).toBe(true))
  proxy.restore()
  await vi.waitFor(() => expect(inbox.deliveries).toHaveLength(2))
  await inbox.deliveries[0]!.settle(handled)
  expect((await inbox.membership.backlog())?.waiting).toBe(0)
  await connection.close()
  const next = await join(await connect())
  await vi.waitFor(() => expect(next.ids()).toEqual(['a']))
})

test('a paused member is paused still when the connection is back', async () => {
  const connection = await connect()
  const inbox = await join(connection)
  inbox.membership.pause()
  proxy.cut()
  await vi.waitFor(() => expect(states.at(-1)).toBe('reconnecting'))
  proxy.restore()
  await connection.publish({ message: message('a') })
  await expect.poll(async () => (await inbox.membership.backlog())?.waiting).toBe(1)
  expect(inbox.deliveries).toEqual([])
  inbox.membership.resume()
  await vi.waitFor(() => expect(inbox.ids()).toEqual(['a']))
})

test('a member that stopped while the connection was away does not come back', async () => {
  const connection = await connect()
  const inbox = await join(connection)
  proxy.cut()
  await vi.waitFor(() => expect(states.at(-1)).toBe('reconnecting'))
  await inbox.membership.stop()
  proxy.restore()
  await connection.publish({ message: message('a') })
  const other = await join(connection)
  await vi.waitFor(() => expect(other.ids()).toEqual(['a']))
  expect(inbox.deliveries).toEqual([])
})

test('a black hole is noticed by both sides', async () => {
  const connection = await connect(socketTransport({ port: proxy.port, ...wary }))
  const inbox = await join(connection)
  await connection.publish({ message: message('a') })
  await vi.waitFor(() => expect(inbox.deliveries).toHaveLength(1))
  const other = await join(await connect(socketTransport({ port: server.port, ...fast })))
  proxy.blackHole()
  await vi.waitFor(() => expect(inbox.deliveries[0]?.lost.aborted).toBe(true), 3000)
  await vi.waitFor(() => expect(other.ids()).toEqual(['a']), 3000)
})

test('a client that comes back ends its session before, though the server has not noticed the break', async () => {
  const connection = await connect(socketTransport({ port: proxy.port, ...fast }))
  const inbox = await join(connection, { temporary: true, group: 'app.replies' })
  await connection.publish({ message: message('a') })
  await vi.waitFor(() => expect(inbox.deliveries).toHaveLength(1))
  proxy.halfClose('client')
  await vi.waitFor(() => expect(states).toEqual(['connected', 'reconnecting', 'connected']))
  await connection.publish({ message: message('b') })
  await vi.waitFor(() => expect(inbox.ids()).toContain('b'))
})

test('INVARIANT: a publish whose confirm is lost says that its outcome is unknown', async () => {
  const connection = await connect(socketTransport({ port: proxy.port, ...wary }))
  proxy.blackHole()
  const publishing = Promise.resolve(connection.publish({ message: message('a') }))
  await expect(publishing).rejects.toMatchObject({ name: 'OutcomeUnknownError', code: 'OUTCOME_UNKNOWN' })
})

test('INVARIANT: a publish given up before it was sent rejects with the reason, after it with an unknown outcome', async () => {
  const connection = await connect()
  const reason = new Error('no longer')
  const giveUp = new AbortController()
  proxy.blackHole()
  const sent = Promise.resolve(connection.publish({ message: message('a') }, { signal: giveUp.signal }))
  giveUp.abort(reason)
  await expect(sent).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN', cause: reason })

  proxy.cut()
  await vi.waitFor(() => expect(states.at(-1)).toBe('reconnecting'))
  const later = new AbortController()
  const waiting = Promise.resolve(connection.publish({ message: message('b') }, { signal: later.signal }))
  later.abort(reason)
  await expect(waiting).rejects.toBe(reason)
})

test('publishes wait for room on the server, and one given up is taken back', async () => {
  await proxy[Symbol.asyncDispose]()
  await server.close()
  await serve(memory({ capacity: 2 }))
  const connection = await connect()
  const inbox = await join(connection, { prefetch: 1 })
  await connection.publish({ message: message('a') })
  await connection.publish({ message: message('b') })
  const signal = AbortSignal.timeout(50)
  await expect(connection.publish({ message: message('c') }, { signal })).rejects.toMatchObject({
    code: 'OUTCOME_UNKNOWN',
  })
  // What is for one group alone has room.
  await connection.publish({ message: message('d'), group: 'app.group' })
  inbox.finishAll()
  await vi.waitFor(() => expect(inbox.ids()).toEqual(['a', 'b', 'd']))
})

test('publishes beyond the window of the connection wait on this side, and those for one group go past them', async () => {
  await proxy[Symbol.asyncDispose]()
  await server.close()
  await serve(memory({ capacity: 1 }))
  const connection = await connect()
  const inbox = await join(connection, { prefetch: 1 })
  const given = new AbortController()
  const publishes = Array.from({ length: 1000 }, (_, i) => {
    const options = i === 999 ? { signal: given.signal } : {}
    return Promise.resolve(connection.publish({ message: message(String(i)) }, options))
  })
  const last = publishes.pop()!
  given.abort(new Error('never sent'))
  await expect(last).rejects.toThrow('never sent')
  await connection.publish({ message: message('retry'), group: 'app.group' })
  inbox.finishAll()
  await Promise.all(publishes)
  await vi.waitFor(() => expect(inbox.all).toHaveLength(1000))
  expect(inbox.all.filter((id) => id !== 'retry')).toEqual(Array.from({ length: 999 }, (_, i) => String(i)))
})

test('INVARIANT: while the connection breaks again and again, each confirmed message arrives', async () => {
  const connection = await connect()
  const inbox = await join(await connect())
  inbox.finishAll()
  const confirmed: string[] = []
  let unknown = 0
  const end = performance.now() + 1500
  const breaking = (async () => {
    while (performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 40))
      proxy.cut()
      await new Promise((resolve) => setTimeout(resolve, 20))
      proxy.restore()
    }
  })()
  for (let i = 0; performance.now() < end; i++) {
    const id = `m${i}`
    try {
      await connection.publish({ message: message(id) })
      confirmed.push(id)
    } catch (error) {
      if (!isTidingsError(error, 'OUTCOME_UNKNOWN')) throw error
      unknown++
    }
  }
  await breaking
  await vi.waitFor(() => expect(confirmed.filter((id) => !inbox.all.includes(id))).toEqual([]), 5000)
  expect(confirmed.length).toBeGreaterThan(50)
  expect(unknown).toBeGreaterThan(0)
})

async function serve(transport: Transport): Promise<void> {
  server = await serveTransport(transport)
  proxy = await faultProxy({ target: { port: server.port } })
}

async function connect(transport: Transport = socketTransport({ port: proxy.port, ...fast })): Promise<Connection> {
  const connection = await transport.connect(tell())
  open.push(connection)
  return connection
}

function tell(): Parameters<Transport['connect']>[0] {
  return {
    name: '/app',
    clock: systemClock,
    onState: (state) => states.push(state),
    onUnroutable: (message) => unroutable.push(message),
  }
}

async function join(connection: Connection, request: Partial<GroupRequest> = {}) {
  const deliveries: Delivery[] = []
  const all: string[] = []
  let settling = false
  const whole: GroupRequest = {
    group: 'app.group',
    types: ['test.happened'],
    prefetch: 100,
    ordered: false,
    from: 'latest',
    temporary: false,
    marks: false,
    ...request,
  }
  const membership = await connection.subscribe(whole, (delivery) => {
    deliveries.push(delivery)
    all.push(String(delivery.message.attributes['id']))
    if (settling) settle(delivery)
  })
  return {
    membership,
    deliveries,
    /** Ids, in the order of delivery. */
    all,
    ids: () => all,
    finishAll() {
      settling = true
      for (const delivery of deliveries) settle(delivery)
    },
  }
}

/** What is lost meanwhile may say so. */
function settle(delivery: Delivery): void {
  Promise.resolve(delivery.settle(handled)).catch(() => {})
}

function message(id: string, subject?: string): Message {
  const attributes = { specversion: '1.0', id, source: '/app', type: 'test.happened' }
  return {
    attributes: subject === undefined ? attributes : { ...attributes, subject },
    contentType: 'application/json',
    body: '{}',
    headers: {},
  }
}
