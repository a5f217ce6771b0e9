import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@tidings/bus'
import { describe, expect, test, vi } from 'vitest'
import { type BrokerOptions, socketTransport, startBroker } from '../src/faults/index.ts'

test('a broker in a process of its own is gone when it is killed, and another can take its port', async () => {
  const broker = await startBroker({ memory: { maxDeadLetters: 1 } })
  const states: string[] = []
  const transport = socketTransport({ port: broker.port, backoff: { max: 50 } })
  const connection = await transport.connect({
    name: '/app',
    clock: systemClock,
    onState: (state) => states.push(state),
    onUnroutable: () => {},
  })
  await broker.kill()
  await vi.waitFor(() => expect(states).toEqual(['connected', 'reconnecting']))
  const next = await startBroker({ port: broker.port })
  await vi.waitFor(() => expect(states).toEqual(['connected', 'reconnecting', 'connected']))
  await next.stop()
  await vi.waitFor(() => expect(states.at(-1)).toBe('reconnecting'))
  await connection.close()
})

describe('startBroker serves any transport', () => {
  const module = new URL('./fixtures/served-transport.ts', import.meta.url)

  test('with the options of its function, and with what it kept when it starts again after a kill', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidings-broker-'))
    try {
      const options = { file: join(folder, 'lives') }
      await using broker = await startBroker({ transport: { module, name: 'counting', options } })
      const { port, pid } = broker
      expect(broker.capabilities.maxMessageSize).toBe(1)
      await broker.kill()
      await broker.start()
      expect(broker.capabilities.maxMessageSize).toBe(2)
      expect(broker.port).toBe(port)
      expect(broker.pid).not.toBe(pid)
      const next = broker.pid
      await broker.start()
      expect(broker.pid).toBe(next)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('by the default export of a module', async () => {
    await using broker = await startBroker({ transport: module })
    const { port, capabilities } = broker
    expect(capabilities.ordering).toBe('none')
    const connection = await socketTransport({ port, capabilities }).connect({
      name: '/app',
      clock: systemClock,
      onState() {},
      onUnroutable() {},
    })
    await connection.close()
  })

  test.for<[string, BrokerOptions, RegExp]>([
    [
      'a function that returns no transport',
      { transport: { module, name: 'seven' } },
      /must name a function that returns a transport, received one that returns 7/,
    ],
    [
      'a name that the module does not export',
      { transport: { module, name: 'missing' } },
      /exports no function missing/,
    ],
    [
      'a path, which the process cannot resolve',
      { transport: './served-transport.ts' as unknown as URL },
      /^`transport` must be the URL of a module or \{ module, name, options \}, received "\.\/served-transport\.ts"\n/,
    ],
    ['options of a memory() that is not served', { transport: module, memory: {} }, /^`memory` has no meaning beside/],
  ])('and refuses %s', async ([, options, message]) => {
    await expect(startBroker(options)).rejects.toThrow(message)
  })
})
