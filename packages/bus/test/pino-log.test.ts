import { Writable } from 'node:stream'
import { pino } from 'pino'
import { expect, expectTypeOf, test } from 'vitest'
import { type BusOptions, createBus, handler, type HandlerLog, memory, pinoLog } from '../src/index.ts'
import { quiet } from './support/recording-member.ts'
import { ShelfScanned, testedBus } from './support/shop.ts'

/** A logger of pino, and the lines that it has written. */
function recordingPino(): { logger: pino.Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = []
  const stream = new Writable({
    write(line, _, done) {
      lines.push(JSON.parse(String(line)) as Record<string, unknown>)
      done()
    },
  })
  return { lines, logger: pino({ level: 'debug', base: null, timestamp: false }, stream) }
}

test('pinoLog gives a logger of pino the facts, and the error as `err` with its stack', async () => {
  const { logger, lines } = recordingPino()
  const g = handler(ShelfScanned, { group: 'g', retry: { attempts: 2, delay: 0 } }, (_, { log, attempt }) => {
    if (attempt === 1) log.debug('counting', { shelf: 7 })
    throw new Error('no shelf', { cause: new Error('moved') })
  })
  await using tested = await testedBus({ log: pinoLog(logger), handlers: [g] })
  const { id, type } = await tested.bus.publish(ShelfScanned, { shelf: 1 })
  await tested.pass(10)
  const facts = { type, group: 'shop.g', id }
  expect(lines).toMatchObject([
    { level: 20, msg: 'counting', ...facts, attempt: 1, shelf: 7 },
    { level: 40, msg: 'an attempt failed', ...facts, attempt: 1, retryIn: 0, err: { type: 'Error' } },
    {
      level: 50,
      msg: 'an event was parked among the dead letters',
      ...facts,
      attempt: 2,
      reason: 'attempts-exhausted',
      err: { name: 'Error', message: 'no shelf: moved' },
    },
  ])
  for (const { err } of lines.slice(1)) expect((err as { stack: string }).stack).toContain('pino-log.test.ts')
})

test('pinoLog passes on what needs no change: no facts, all levels, an `err` of your own', () => {
  const { logger, lines } = recordingPino()
  const log = pinoLog(logger)
  log.debug('a')
  log.info('b', { n: 1 })
  log.warn('c', { err: new Error('mine'), error: 'theirs' })
  log.error('d', { error: 'a text' })
  expect(lines).toMatchObject([
    { level: 20, msg: 'a' },
    { level: 30, msg: 'b', n: 1 },
    { level: 40, msg: 'c', err: { message: 'mine' }, error: 'theirs' },
    { level: 50, msg: 'd', err: 'a text' },
  ])
})

test('a logger that takes the facts first does not compile, and is refused', async () => {
  const { logger, lines } = recordingPino()
  const options = { source: '/shop', transport: memory() }
  // @ts-expect-error It would write messages without their facts.
  const log: HandlerLog = logger
  // @ts-expect-error So would it here.
  await expect(createBus({ ...options, log: logger })).rejects.toThrow(
    '`log` must be without `bindings`, received an object\nThis logger takes the facts first: pass pinoLog(logger).',
  )
  // @ts-expect-error A child is no better.
  await expect(createBus({ ...options, log: logger.child({ app: 'shop' }) })).rejects.toThrow('pinoLog(logger)')
  log.warn('dropped', { fact: 1 })
  await quiet()
  expect(lines).toEqual([{ level: 40, msg: 'dropped' }])
})

test('which loggers are logs, and which are not, is known to the types', () => {
  type Log = Exclude<BusOptions['log'], false | undefined>
  expectTypeOf<pino.Logger>().not.toExtend<Log>()
  expectTypeOf<pino.Logger<'audit'>>().not.toExtend<Log>()
  expectTypeOf<FastifyLogger>().not.toExtend<Log>()
  expectTypeOf<BunyanLogger>().not.toExtend<Log>()
  expectTypeOf<Console>().toExtend<Log>()
  expectTypeOf<WinstonLogger>().toExtend<Log>()
  expectTypeOf<{
    [level in 'debug' | 'info' | 'warn' | 'error']: (message: string, facts?: object) => void
  }>().toExtend<Log>()
  expectTypeOf<pino.Logger>().toExtend<Parameters<typeof pinoLog>[0]>()
  expectTypeOf<FastifyLogger>().toExtend<Parameters<typeof pinoLog>[0]>()
  expectTypeOf<BunyanLogger>().toExtend<Parameters<typeof pinoLog>[0]>()
})

/** As Fastify 5 declares its own. */
type FastifyLogger = Pick<
  pino.BaseLogger,
  'level' | 'info' | 'error' | 'debug' | 'fatal' | 'warn' | 'trace' | 'silent'
> & { child(bindings: pino.Bindings): FastifyLogger }

/** As @types/bunyan declares it, in short. */
interface BunyanLogger extends Record<'debug' | 'info' | 'warn' | 'error', BunyanMethod> {
  addSerializers(serializers: Record<string, (input: unknown) => unknown>): void
  fields: unknown
}
interface BunyanMethod {
  (error: Error, ...params: never[]): void
  (obj: object, ...params: any[]): void
  (format: any, ...params: any[]): void
}

/** As winston 3 declares it, in short. */
interface WinstonLogger extends Record<'debug' | 'info' | 'warn' | 'error', WinstonMethod> {
  silent: boolean
  child(options: object): this
}
interface WinstonMethod {
  (message: string, ...meta: any[]): WinstonLogger
  (message: unknown): WinstonLogger
  (infoObject: object): WinstonLogger
}
