import { pbkdf2, randomBytes, scrypt, webcrypto } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { MessageChannel, Worker } from 'node:worker_threads'
import { brotliCompress } from 'node:zlib'
import { handler, type HandlerContext } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type NotSettledError, testBus, type TestBus, type TestBusOptions } from '../src/index.ts'

const UserRegistered = defineEvent('user.registered', z.object({ name: z.string() }))
const ada = { name: 'Ada' }
const hashed = promisify(scrypt)
const really = (duration: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, duration))

type Work = (context: HandlerContext) => Promise<unknown>

/** A bus with one handler that does this work, at most 30 virtual seconds long. */
function busWith(work: Work, options: TestBusOptions = {}): Promise<TestBus> {
  const working = handler(
    UserRegistered,
    { group: 'working', timeout: '30s', retry: { attempts: 3 } },
    async (_event, context) => {
      await work(context)
    },
  )
  return testBus({ handlers: [working], ...options })
}

const outcomesIn = (t: TestBus): string[] => t.attempts(UserRegistered).map(({ outcome }) => outcome)
/** What was waited for in vain. */
const givenUp = (t: TestBus): unknown[] =>
  t.logged().flatMap(({ message, facts }) => (message.startsWith('a handler has not got on') ? [facts['open']] : []))

/** A server that answers each line after 60 ms, unless it is told never to. */
async function answering(isMute = false): Promise<{ call: () => Promise<Socket> } & AsyncDisposable> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}))
    socket.on('data', () => {
      if (!isMute) setTimeout(() => socket.write('yes\n'), 60)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    call: async () => {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
      sockets.push(socket)
      await once(socket, 'connect')
      return socket
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

async function asked(socket: Socket): Promise<void> {
  socket.write('well?\n')
  await once(socket, 'data')
}

/** A thread that computes for a while and then answers. */
const slowThread = `
  const { parentPort } = require('node:worker_threads')
  parentPort.on('message', () => {
    const until = performance.now() + 80
    while (performance.now() < until);
    parentPort.postMessage('done')
  })`

const works: Readonly<Record<string, Work>> = {
  'scrypt in the thread pool': () => hashed('secret', 'salt', 64),
  'pbkdf2 in the thread pool': () => promisify(pbkdf2)('secret', 'salt', 40_000, 64, 'sha512'),
  'a key that WebCrypto derives': async () => {
    const key = await webcrypto.subtle.importKey('raw', new TextEncoder().encode('secret'), 'PBKDF2', false, [
      'deriveBits',
    ])
    const how = { name: 'PBKDF2', hash: 'SHA-512', salt: new Uint8Array(16), iterations: 40_000 }
    await webcrypto.subtle.deriveBits(how, key, 256)
  },
  'zlib that compresses': () => promisify(brotliCompress)(randomBytes(50_000)),
  'a stream that compresses': async () => {
    const bytes = new Blob([new Uint8Array(3_000_000)]).stream()
    await new Response(bytes.pipeThrough(new CompressionStream('gzip'))).arrayBuffer()
  },
  'a file that is written and read': async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidings-'))
    await writeFile(join(folder, 'a'), Buffer.alloc(4_000_000))
    await readFile(join(folder, 'a'))
    await rm(folder, { recursive: true })
  },
  'a worker thread': async () => {
    const thread = new Worker(slowThread, { eval: true })
    thread.postMessage('work', [])
    await once(thread, 'message')
    await thread.terminate()
  },
  'a worker thread without references': async () => {
    const thread = new Worker(slowThread, { eval: true })
    thread.unref()
    thread.postMessage('work', [])
    await once(thread, 'message')
    await thread.terminate()
  },
  'a message channel': async () => {
    const { port1, port2 } = new MessageChannel()
    setTimeout(() => port1.postMessage('done'), 60).unref()
    await once(port2, 'message')
    port1.close()
  },
  'a timer without references': () => new Promise((resolve) => setTimeout(resolve, 80).unref()),
  'an interval': () =>
    new Promise<void>((resolve) => {
      let left = 8
      const interval = setInterval(() => {
        if (--left > 0) return
        clearInterval(interval)
        resolve()
      }, 10)
    }),
  'one after the other': async () => {
    await hashed('secret', 'salt', 64)
    await Promise.resolve()
    await new Promise((resolve) => setTimeout(resolve, 30).unref())
    await Promise.all([hashed('secret', 'salt', 64), hashed('secret', 'other salt', 64)])
  },
}

describe('virtual time does not pass a handler that waits for', () => {
  for (const [what, work] of Object.entries(works)) {
    test(what, async () => {
      await using t = await busWith(work)
      const begun = t.clock.now()
      await t.publish(UserRegistered, ada)
      await t.settled()
      expect([outcomesIn(t), t.clock.now() - begun]).toEqual([['handled'], 0])
    })
  }
})

test('an advance waits for the work of a handler as well', async () => {
  await using t = await busWith(() => hashed('secret', 'salt', 64))
  await t.publish(UserRegistered, ada)
  await t.clock.advance('1h')
  expect(outcomesIn(t)).toEqual(['handled'])
})

test('a handler that works is waited for while another waits for the virtual time', async () => {
  const order: string[] = []
  const sleeping = handler(UserRegistered, { group: 'sleeping', timeout: '2h' }, async () => {
    await t.clock.sleep('1h')
    order.push('slept')
  })
  const working = handler(UserRegistered, { group: 'working', timeout: '30s' }, async () => {
    await hashed('secret', 'salt', 64)
    order.push('worked')
  })
  await using t = await testBus({ handlers: [sleeping, working] })
  await t.publish(UserRegistered, ada)
  await t.settled()
  expect([order, outcomesIn(t)]).toEqual([
    ['worked', 'slept'],
    ['handled', 'handled'],
  ])
})

test('a limit in virtual time that a handler sets itself does not pass its work', async () => {
  const limited = (): Promise<void> => t.clock.sleep('5s').then(() => Promise.reject(new Error('too late')))
  await using t = await busWith(() => Promise.race([hashed('secret', 'salt', 64), limited()]))
  await t.publish(UserRegistered, ada)
  await t.settled()
  expect(outcomesIn(t)).toEqual(['handled'])
})

test('a socket and a worker that are older than the bus are waited for', async () => {
  await using server = await answering()
  const socket = await server.call()
  const thread = new Worker(slowThread, { eval: true })
  const answers: Promise<unknown>[] = []
  thread.on('message', (answer) => answers.push(Promise.resolve(answer)))
  await once(thread, 'online')
  await using t = await busWith(async () => {
    await asked(socket)
    thread.postMessage('work', [])
    await once(thread, 'message')
  })
  await t.publish(UserRegistered, ada)
  await t.settled()
  await thread.terminate()
  expect([outcomesIn(t), answers.length]).toEqual([['handled'], 1])
})

test('what the test itself does in real time, a handler may wait for', async () => {
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  await using t = await busWith(() => opened)
  await t.publish(UserRegistered, ada)
  setTimeout(open, 80)
  await t.settled()
  expect(outcomesIn(t)).toEqual(['handled'])
})

test('the events of a batch are waited for together', async () => {
  const bulk = handler(UserRegistered, { group: 'bulk', timeout: '30s', batch: { size: 2, wait: '1s' } }, async () => {
    await hashed('secret', 'salt', 64)
  })
  await using t = await testBus({ handlers: [bulk] })
  await t.publish(UserRegistered, ada)
  await t.publish(UserRegistered, ada)
  await t.settled()
  expect(outcomesIn(t)).toEqual(['handled', 'handled'])
})

test('a handler that waits for nothing at all is passed at once', async () => {
  await using t = await busWith(async () => {
    await hashed('secret', 'salt', 64)
    await new Promise(() => {})
  })
  await t.publish(UserRegistered, ada)
  await t.settled()
  expect([outcomesIn(t), givenUp(t)]).toEqual([['failed', 'failed', 'failed'], []])
  expect(t.attempts(UserRegistered)[0]!.error).toMatchObject({ code: 'ATTEMPT_TIMEOUT' })
})

test('a handler that something real never answers is passed when the patience is over, and the log says so', async () => {
  await using server = await answering(true)
  await using t = await busWith(
    async ({ signal }) => {
      const socket = await server.call()
      signal.addEventListener('abort', () => socket.destroy())
      await asked(socket)
    },
    { patience: '500ms' },
  )
  const event = await t.publish(UserRegistered, ada)
  await t.settled()
  expect(outcomesIn(t)).toEqual(['failed', 'failed', 'failed'])
  const [line, ...others] = t
    .logged()
    .filter(({ level }) => level === 'warn')
    .filter(({ message }) => message.startsWith('a handler'))
  expect(others.length).toBe(2)
  expect(line).toEqual({
    level: 'warn',
    message: expect.stringMatching(/^a handler has not got on for \d+ms of real time, so the virtual time goes on$/),
    facts: {
      handler: 'working',
      group: 'test.working',
      type: 'user.registered',
      id: event.id,
      attempt: 1,
      open: ['TCPWRAP'],
    },
  })
})

test('a handler that asks for its signal again and again is passed when the patience is over', async () => {
  await using t = await busWith(
    async ({ signal }) => {
      while (!signal.aborted) await really(5)
    },
    { patience: '200ms' },
  )
  await t.publish(UserRegistered, ada)
  await t.settled()
  expect([outcomesIn(t), givenUp(t)]).toEqual([
    ['failed', 'failed', 'failed'],
    [['Timeout'], ['Timeout'], ['Timeout']],
  ])
})

test('patience is for what does not get on, whatever it takes in all', async () => {
  await using server = await answering()
  await using t = await busWith(
    async () => {
      const socket = await server.call()
      const until = performance.now() + 1500
      while (performance.now() < until) await asked(socket)
      socket.destroy()
    },
    { patience: '1s' },
  )
  await t.publish(UserRegistered, ada)
  await t.settled()
  expect([outcomesIn(t), givenUp(t)]).toEqual([['handled'], []])
})

test('work in the thread pool needs no patience', async () => {
  await using t = await busWith(() => hashed('secret', 'salt', 64), { patience: 0 })
  await t.publish(UserRegistered, ada)
  await t.settled()
  expect([outcomesIn(t), givenUp(t)]).toEqual([['handled'], []])
})

test('patience that was in vain is no part of the real time that settled has', async () => {
  await using t = await busWith(
    ({ signal }) =>
      new Promise((resolve) => {
        const interval = setInterval(() => {
          if (!signal.aborted) return
          clearInterval(interval)
          resolve(undefined)
        }, 5)
      }),
    { patience: '300ms' },
  )
  await t.publish(UserRegistered, ada)
  await t.settled({ timeout: '800ms' })
  expect(outcomesIn(t)).toEqual(['failed', 'failed', 'failed'])
})

test('a bus that does not settle names what its handlers have under way', async () => {
  await using t = await busWith(() => promisify(pbkdf2)('secret', 'salt', 200_000, 64, 'sha512'))
  await t.publish(UserRegistered, ada)
  const error = await t.settled({ timeout: 20 }).then(
    () => undefined,
    (reason: NotSettledError) => reason,
  )
  expect(error?.message).toContain('working runs attempt 1 at user.registered, with PBKDF2REQUEST open')
})

test('a patience that is no duration is refused', async () => {
  await expect(testBus({ patience: '4 seconds' as '4s' })).rejects.toThrow(
    '`patience` must be a duration, received "4 seconds"',
  )
})
