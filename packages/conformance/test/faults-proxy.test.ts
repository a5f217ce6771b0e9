import { connect, createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type FaultProxy, faultProxy } from '../src/faults/index.ts'

let server: Server
let proxy: FaultProxy
let clients: Socket[]
let accepted: Socket[]
let serverSaw: string

beforeEach(async () => {
  clients = []
  accepted = []
  serverSaw = ''
  server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket)
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      serverSaw += bytes.toString()
      socket.write(bytes)
    })
    socket.on('end', () => {
      serverSaw += '|end'
      socket.end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy = await faultProxy({ target: { port: (server.address() as { port: number }).port } })
})

afterEach(async () => {
  for (const client of clients) client.destroy()
  await proxy[Symbol.asyncDispose]()
  for (const socket of accepted) socket.destroy()
  server.close()
})

test('without a fault, bytes and ends pass in both directions', async () => {
  const client = await open()
  const bytes = 'x'.repeat(300_000)
  client.socket.end(bytes)
  await vi.waitFor(() => expect(client.saw).toContain('|closed'))
  expect(client.saw === `${bytes}|end|closed`).toBe(true)
  expect(serverSaw === `!${bytes}|end`).toBe(true)
})

test('the connections are counted', async () => {
  const client = await open()
  await open()
  expect(proxy.connections).toBe(2)
  client.socket.destroy()
  await vi.waitFor(() => expect(proxy.connections).toBe(1))
})

test('a client that is gone takes its connection to the target along', async () => {
  const client = await open()
  client.socket.resetAndDestroy()
  await vi.waitFor(() => expect(accepted[0]?.destroyed).toBe(true))
})

test('a target that cannot be reached resets the client', async () => {
  const nowhere = await faultProxy({ target: { port: 1 } })
  const client = watch(connect({ port: nowhere.port, host: '127.0.0.1' }))
  await vi.waitFor(() => expect(client.saw).toContain('|closed'))
  await nowhere[Symbol.asyncDispose]()
})

test('cut resets both sides and every new connection, until restore', async () => {
  const before = await open()
  proxy.cut()
  await vi.waitFor(() => expect(before.saw).toContain('|closed'))
  await vi.waitFor(() => expect(accepted[0]?.destroyed).toBe(true))

  const during = watch(connect({ port: proxy.port, host: '127.0.0.1' }))
  await vi.waitFor(() => expect(during.saw).toContain('|closed'))
  expect(accepted).toHaveLength(1)

  proxy.restore()
  const after = await open()
  after.socket.write('hello')
  await vi.waitFor(() => expect(after.saw).toBe('hello'))
})

test('a black hole swallows in both directions and closes nothing', async () => {
  const old = await open()
  proxy.blackHole()
  const young = watch(connect({ port: proxy.port, host: '127.0.0.1' }))
  await once(young.socket, 'connect')
  young.socket.write('lost')
  old.socket.end('lost')
  accepted[0]?.write('lost')
  await vi.waitFor(() => expect(old.socket.writableFinished && young.socket.writableLength === 0).toBe(true))
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect([old.saw, young.saw, serverSaw]).toEqual(['', '', '!'])
})

test('a black hole swallows without end, so that a sender notices nothing', async () => {
  const client = await open()
  proxy.blackHole()
  await writeMuch(client.socket)
  expect(client.saw).toBe('')
})

test('restore resets connections with a hole, and leaves the others', async () => {
  const holed = await open()
  const whole = await open()
  proxy.blackHole()
  await writeMuch(holed.socket)
  proxy.restore()
  await vi.waitFor(() => expect(holed.saw).toBe('|closed'))
  whole.socket.write('hello')
  await vi.waitFor(() => expect(whole.saw).toBe('hello'))
})

test('slow keeps bytes on their way for the latency, in their order', async () => {
  const client = await open()
  proxy.slow({ latency: '60ms' })
  const start = performance.now()
  for (const letter of 'abcdef') client.socket.write(letter)
  await vi.waitFor(() => expect(client.saw).toBe('abcdef'))
  expect(performance.now() - start).toBeGreaterThan(115)
})

test('slow lets no more bytes a second through, and restore lets the rest go at once', async () => {
  const client = await open()
  proxy.slow({ bytesPerSecond: 10_000 })
  const start = performance.now()
  client.socket.write('x'.repeat(100_000))
  await vi.waitFor(() => expect(client.saw.length).toBeGreaterThan(2_000))
  expect(client.saw.length / (performance.now() - start)).toBeLessThan(12)
  proxy.restore()
  await vi.waitFor(() => expect(client.saw.length).toBe(100_000))
  expect(performance.now() - start).toBeLessThan(5_000)
})

test('a slow receiver holds the sender back: the proxy buffers little', async () => {
  const client = await open()
  proxy.slow({ bytesPerSecond: 1_000 })
  let sent = 0
  const chunk = Buffer.alloc(64 * 1024)
  while (sent < 64 && client.socket.write(chunk)) sent++
  const before = process.memoryUsage().arrayBuffers
  for (let more = 0; more < 800; more++) client.socket.write(chunk)
  await new Promise((resolve) => setTimeout(resolve, 100))
  // All 50 MB are still with the sender, but for what the sockets of the system hold.
  expect(client.socket.writableLength).toBeGreaterThan(30_000_000)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000)
})

test('halfClose towards the client ends what it reads; what it writes arrives', async () => {
  const client = await open()
  proxy.halfClose('client')
  await vi.waitFor(() => expect(client.saw).toBe('|end'))
  client.socket.write('still here')
  await vi.waitFor(() => expect(serverSaw).toBe('!still here'))
})

test('halfClose towards the target ends what it reads; what it wrote arrives', async () => {
  const client = await open()
  client.socket.write('last words')
  await vi.waitFor(() => expect(client.saw).toBe('last words'))
  proxy.halfClose('target')
  await vi.waitFor(() => expect(serverSaw).toBe('!last words|end'))
})

test.each([0, -1, Number.NaN])('slow refuses %s bytes a second', (bytesPerSecond) => {
  expect(() => proxy.slow({ bytesPerSecond })).toThrow('`bytesPerSecond` must be a number above 0')
})

/** More than the buffers of the system hold, so that some of it has arrived. */
async function writeMuch(socket: Socket): Promise<void> {
  for (let round = 0; round < 32; round++) {
    await new Promise((resolve) => socket.write(Buffer.alloc(1024 * 1024), resolve))
  }
}

/** A client with a connection all the way: one byte has gone to the server and back. */
async function open(through: FaultProxy = proxy): Promise<{ readonly socket: Socket; saw: string }> {
  const before = serverSaw
  const client = watch(connect({ port: through.port, host: '127.0.0.1', allowHalfOpen: true }))
  client.socket.write('!')
  await vi.waitFor(() => expect(client.saw).toBe('!'))
  client.saw = ''
  serverSaw = before === '' ? '!' : before
  return client
}

function watch(socket: Socket): { readonly socket: Socket; saw: string } {
  const client = { socket, saw: '' }
  clients.push(socket)
  socket.on('error', () => {})
  socket.on('data', (bytes) => (client.saw += bytes.toString()))
  socket.on('end', () => (client.saw += '|end'))
  socket.on('close', () => (client.saw += '|closed'))
  return client
}
