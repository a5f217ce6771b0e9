import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { ask } from '../src/ask.ts'
import { freePorts } from '../src/ports.ts'
import { type Server, serverFolder, startServer } from '../src/server.ts'

let server: Server | undefined
let folder: string

afterEach(() => server?.stop())

const answers = (port: number) => ask(port, Buffer.from('?'), (received) => received.toString() === 'yes')

async function listener(script = `net.createServer((s) => s.end('yes')).listen(PORT, '127.0.0.1')`): Promise<Server> {
  const [port] = (await freePorts(1)) as [number]
  folder = serverFolder('listener')
  const code = `const net = require('node:net'); ${script.replace('PORT', String(port))}`
  server = await startServer(folder, {
    name: 'listener',
    command: [process.execPath, '-e', code],
    port,
    answers: () => answers(port),
  })
  return server
}

test('a server that was killed comes back on its port, and leaves no folder when it is stopped', async () => {
  const running = await listener()
  const before = running.pid
  await running.kill()
  expect(await answers(running.port)).toBe(false)
  await running.start()
  expect(running.pid).not.toBe(before)
  expect(await answers(running.port)).toBe(true)
  expect(existsSync(folder)).toBe(true)
  await running.stop()
  await running.stop()
  expect(existsSync(folder)).toBe(false)
})

test('one that is suspended holds its connections and says nothing, until it is resumed', async () => {
  const running = await listener()
  running.suspend()
  expect(await answers(running.port)).toBe(false)
  running.resume()
  expect(await answers(running.port)).toBe(true)
})

test('one that ends instead of answering is told by what it wrote', async () => {
  await expect(listener(`console.error('no such port'); process.exit(3)`)).rejects.toThrow(
    /listener has ended: no such port/,
  )
  expect(existsSync(folder)).toBe(false)
})

test('a server ends, and its folder goes, with whoever started it and was killed', async () => {
  const [port] = await freePorts(1)
  const program = new URL('./fixtures/start-and-die.ts', import.meta.url).pathname
  const told = await new Promise<string>((resolve) => {
    execFile(process.execPath, [program, String(port)], (_, stdout) => resolve(stdout))
  })
  const { folder: left } = JSON.parse(told) as { folder: string }
  await expect.poll(() => existsSync(left), { timeout: 10_000 }).toBe(false)
  expect(await answers(port!)).toBe(false)
})
