import { TidingsError } from '@tidings/core'
import { describe, expect, test, vi } from 'vitest'
import { type LogEntry, logged, type LoggedOptions } from '../src/index.ts'
import { thrown } from './helpers.ts'

function recorder(options: LoggedOptions = {}) {
  const lines: string[] = []
  const to = (level: string) => (line: string) => lines.push(`${level}: ${line.replace(/\d+\.\d ms/, 'N ms')}`)
  const logger = { debug: to('debug'), info: to('info'), warn: to('warn'), error: to('error') }
  return { lines, decorate: logged({ logger, ...options }) }
}

test('start and outcome of a sync handler are logged, and it stays sync', () => {
  const { lines, decorate } = recorder()
  const my_handler = (amount: number) => amount + 1
  expect(decorate(my_handler)(1)).toBe(2)
  expect(lines).toEqual(['info: Executing my_handler', 'info: Executed my_handler in N ms'])
})

test('an async handler is logged when it has settled', async () => {
  const { lines, decorate } = recorder()
  const done = decorate(async function reserve() {
    await Promise.resolve()
    return 7
  })()
  expect(lines).toEqual(['info: Executing reserve'])
  expect(await done).toBe(7)
  expect(lines).toEqual(['info: Executing reserve', 'info: Executed reserve in N ms'])
})

test('failures are logged as errors with name and code, and passed on', async () => {
  const { lines, decorate } = recorder({ level: 'debug' })
  const error = new TidingsError('NO_STOCK', 'no stock of "Book"')
  const fail = () => {
    throw error
  }
  expect(thrown(decorate(fail))).toBe(error)
  await expect(decorate(async () => fail())()).rejects.toBe(error)
  await expect(decorate(() => Promise.reject(new TypeError('x')))()).rejects.toThrow(TypeError)
  await expect(
    decorate(async function odd() {
      return Promise.reject('text')
    })(),
  ).rejects.toBe('text')
  expect(lines.filter((line) => line.startsWith('error'))).toEqual([
    'error: Failed fail after N ms: TidingsError (NO_STOCK)',
    'error: Failed anonymous after N ms: TidingsError (NO_STOCK)',
    'error: Failed anonymous after N ms: TypeError',
    'error: Failed odd after N ms: a thrown string',
  ])
})

test('a rejection that nobody handles is still reported by the runtime', async () => {
  const rejections: unknown[] = []
  const listener = (error: unknown) => rejections.push(error)
  const before = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', listener)
  const error = new Error('nobody listens')
  void recorder().decorate(() => Promise.reject(error))()
  await new Promise((resolve) => setTimeout(resolve, 10))
  process.off('unhandledRejection', listener)
  for (const each of before) process.on('unhandledRejection', each)
  expect(rejections).toEqual([error])
})

test('INVARIANT: neither payloads nor results nor error messages are logged by default', async () => {
  const { lines, decorate } = recorder()
  const card = '4111 1111 1111 1111'
  const pay = async (payment: { card: string }) => payment
  await decorate(pay)({ card })
  await decorate(async (payment: { card: string }) => Promise.reject(new Error(`card ${payment.card} declined`)))({
    card,
  }).catch(() => {})
  expect(lines).toHaveLength(4)
  expect(lines.join('\n')).not.toContain('4111')
})

test('format decides what is written, and sees it all', () => {
  const entries: LogEntry[] = []
  const format = (entry: LogEntry) => {
    entries.push(entry)
    return entry.phase === 'started' ? undefined : `${entry.name} ${JSON.stringify(entry.args)}`
  }
  const { lines, decorate } = recorder({ format, name: 'pay' })
  decorate((amount: number) => amount * 2)(21)
  expect(lines).toEqual(['info: pay [21]'])
  expect(entries).toEqual([
    { phase: 'started', name: 'pay', args: [21] },
    { phase: 'succeeded', name: 'pay', args: [21], duration: expect.any(Number), result: 42 },
  ])
})

test('a level that the logger lacks falls back to info', () => {
  const info = vi.fn()
  logged({ logger: { info, error() {} }, level: 'debug' })(() => {})()
  expect(info).toHaveBeenCalledTimes(2)
})

test('the default logger is the console', () => {
  const info = vi.spyOn(console, 'info').mockImplementation(() => {})
  logged()(function reserve() {})()
  expect(info).toHaveBeenNthCalledWith(1, 'Executing reserve')
  info.mockRestore()
})

test('a logger that fails changes nothing for the handler', () => {
  const error = vi.spyOn(console, 'error').mockImplementation(() => {})
  const broken = {
    info: () => {
      throw new Error('disk full')
    },
    error() {},
  }
  expect(logged({ logger: broken })(() => 5)()).toBe(5)
  expect(error).toHaveBeenCalledTimes(2)
  error.mockRestore()
})

test('a thenable that starts its work in then is not started', () => {
  const then = vi.fn()
  // oxlint-disable-next-line no-thenable -- the subject of this test
  const query = { then }
  expect(recorder().decorate(() => query)()).toBe(query)
  expect(then).not.toHaveBeenCalled()
})

describe('options', () => {
  test('are refused by name', () => {
    expect(() => logged({ level: 'loud' as 'info' })).toThrow(
      '`level` must be one of info, debug, warn, received "loud"',
    )
    expect(() => logged({ logger: {} as never })).toThrow('`logger.info` must be a function')
    expect(() => logged({ format: 'json' as never })).toThrow('`format` must be a function')
  })
})
