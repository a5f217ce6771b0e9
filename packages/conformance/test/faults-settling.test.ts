import { memory, type Message, systemClock, type Transport } from '@tidings/bus'
import { type Connection, type Delivery, type GroupRequest, handled } from '@tidings/bus/transport'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { altered } from '../src/altered.ts'
import { over } from '@tidings/core/tools'
import {
  type FaultProxy,
  faultProxy,
  serveTransport,
  socketTransport,
  type TransportServer,
} from '../src/faults/index.ts'

let server: TransportServer
let proxy: FaultProxy
let open: Connection[]

beforeEach(() => void (open = []))

afterEach(async () => {
  await Promise.all(open.map((connection) => connection.close()))
  await proxy[Symbol.asyncDispose]()
  await server.close()
})

test('effects, mark and acknowledgement go over the wire as one, and a mark is told with the next copy', async () => {
  const connection = await served(memory())
  const effects = await join(connection, { group: 'effects', types: ['effect'] })
  const member = await join(connection, { marks: true })
  await connection.publish({ message: message('a') })
  const [first] = await arrived(member, 1)
  expect(first!.handledBefore).toBe(false)
  const mark = { source: '/app', id: 'a' }
  const effect = { message: { ...message('effect', 'effect'), body: new Uint8Array([1, 0, 255]) } }
  expect(await first!.settle({ ...handled, mark, effects: [effect] })).toBe(undefined)
  const [came] = await arrived(effects, 1)
  expect(came!.message).toEqual(effect.message)

  await connection.publish({ message: message('a') })
  const [, second] = await arrived(member, 2)
  expect(second!.handledBefore).toBe(true)
  expect(await second!.settle({ ...handled, mark, effects: [effect] })).toBe('handled-before')
  expect(effects).toHaveLength(1)
})

test('whether an event was handled before is not looked up for a member that marks nothing', async () => {
  let asked = 0
  const counting = altered(memory(), {
    delivery: (delivery) =>
      over(delivery, {
        get handledBefore() {
          return ++asked > 0
        },
      }),
  })
  const connection = await served(counting)
  const member = await join(connection, { marks: false })
  await connection.publish({ message: message('a') })
  const [delivery] = await arrived(member, 1)
  expect([delivery!.handledBefore, asked]).toEqual([undefined, 0])
})

test('a settlement that is refused keeps the delivery, and says why by the same error', async () => {
  const connection = await served(memory())
  const member = await join(connection)
  await connection.publish({ message: message('a') })
  const [delivery] = await arrived(member, 1)
  const large = { message: { ...message('big', 'effect'), body: 'x'.repeat(2 ** 20) } }
  await expect(settling(delivery!, { ...handled, effects: [large] })).rejects.toMatchObject({
    name: 'SettlementRefusedError',
    cause: { name: 'MessageTooLargeError', code: 'MESSAGE_TOO_LARGE' },
  })
  const work = (): void => {}
  await expect(settling(delivery!, { ...handled, work })).rejects.toMatchObject({
    name: 'SettlementRefusedError',
    cause: { name: 'CapabilityMissingError' },
  })
  await delivery!.settle(handled)
  await connection.close()
  const again = await join(await connect())
  await connect().then((other) => other.publish({ message: message('b') }))
  await arrived(again, 1)
  expect(again[0]!.message.attributes['id']).toBe('b')
})

test('a settlement whose answer is lost with the link says that nobody knows, and the delivery is lost', async () => {
  let settlements = 0
  const silent = altered(memory(), {
    delivery: (delivery) => over(delivery, { settle: () => (settlements++, new Promise(() => {})) }),
  })
  const connection = await served(silent)
  const member = await join(connection)
  await connection.publish({ message: message('a') })
  const [delivery] = await arrived(member, 1)
  const ended = expect(settling(delivery!, handled)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
  await vi.waitFor(() => expect(settlements).toBe(1))
  proxy.cut()
  await ended
  expect(delivery!.lost.aborted).toBe(true)
  expect(await delivery!.settle(handled)).toBe('lost')
  expect(settlements).toBe(1)
  proxy.restore()
})

test('a settlement without an answer ends when the connection is closed', async () => {
  const connection = await served(
    altered(memory(), { delivery: (delivery) => over(delivery, { settle: () => new Promise(() => {}) }) }),
  )
  const member = await join(connection)
  await connection.publish({ message: message('a') })
  const [delivery] = await arrived(member, 1)
  const ended = expect(settling(delivery!, handled)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
  await connection.close()
  await ended
})

test('groups are listed, unbound and removed over the wire, and one with members is refused', async () => {
  const connection = await served(memory())
  await join(connection, { group: 'app.busy', types: ['a', 'b'] })
  const [group] = await connection.groups!.list()
  expect(group).toEqual({
    group: 'app.busy',
    types: ['a', 'b'],
    members: 1,
    ordered: false,
    temporary: false,
    waiting: 0,
    handedOut: 0,
    delayed: 0,
    retrying: 0,
    retryAt: undefined,
    full: false,
  })
  expect(await connection.groups!.unbind('app.busy', ['a'])).toBe(true)
  expect((await connection.groups!.list())[0]!.types).toEqual(['b'])
  await expect(connection.groups!.remove('app.busy')).rejects.toMatchObject({
    name: 'GroupInUseError',
    details: { group: 'app.busy', members: 1 },
  })
  expect(await connection.groups!.remove('app.nobody')).toBe(false)
  expect(await connection.groups!.unbind('app.nobody', ['a'])).toBe(false)
})

test('a message that is ahead of its key is so over the wire', async () => {
  const connection = await served(memory())
  const member = await join(connection, { ordered: true, prefetch: 1 })
  for (const id of 'abc') await connection.publish({ message: message(id, 'test', 'key') })
  await connection.publish({ message: message('replay', 'test', 'key'), group: 'app.group', ahead: true })
  const [first] = await arrived(member, 1)
  await first!.settle(handled)
  const [, second] = await arrived(member, 2)
  expect(second!.message.attributes['id']).toBe('replay')
})

async function served(transport: Transport): Promise<Connection> {
  server = await serveTransport(transport)
  proxy = await faultProxy({ target: { port: server.port } })
  return connect()
}

async function connect(): Promise<Connection> {
  const client = socketTransport({ port: proxy.port, timeout: 1000, backoff: { min: 10, max: 100 } })
  const connection = await client.connect({ name: '/app', clock: systemClock, onState() {}, onUnroutable() {} })
  open.push(connection)
  return connection
}

async function join(connection: Connection, request: Partial<GroupRequest> = {}): Promise<Delivery[]> {
  const deliveries: Delivery[] = []
  const whole: GroupRequest = {
    group: 'app.group',
    types: ['test'],
    prefetch: 10,
    ordered: false,
    from: 'latest',
    temporary: false,
    marks: false,
    ...request,
  }
  await connection.subscribe(whole, (delivery) => deliveries.push(delivery))
  return deliveries
}

async function arrived(deliveries: readonly Delivery[], count: number): Promise<readonly Delivery[]> {
  await vi.waitFor(() => expect(deliveries).toHaveLength(count))
  return deliveries
}

/** `settle` may return nothing. */
async function settling(delivery: Delivery, settlement: Parameters<Delivery['settle']>[0]): Promise<unknown> {
  return delivery.settle(settlement)
}

function message(id: string, type = 'test', subject?: string): Message {
  const attributes = { specversion: '1.0', id, source: '/app', type }
  return {
    attributes: subject === undefined ? attributes : { ...attributes, subject },
    contentType: 'application/json',
    body: '{}',
    headers: {},
  }
}
