import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { handler, type HandlerContext, PermanentError } from '../src/index.ts'
import { quiet } from './support/recording-member.ts'
import { OrderPlaced, ShelfScanned, testedBus } from './support/shop.ts'

/** What is written to the console, a level before each. */
let written: string[] = []

beforeEach(() => {
  written = []
  for (const level of ['debug', 'info', 'warn', 'error'] as const) {
    vi.spyOn(console, level).mockImplementation((text: string, ...others: unknown[]) => {
      expect(others).toEqual([])
      written.push(`${level}: ${text}`)
    })
  }
})
afterEach(() => void vi.restoreAllMocks())

/** What is written where a handler of one attempt, on the default log, does this. */
async function writtenBy(handle: (context: HandlerContext) => unknown): Promise<string[]> {
  const g = handler(ShelfScanned, { group: 'g', retry: false }, (_, context) => handle(context))
  await using tested = await testedBus({ log: undefined, handlers: [g] })
  await tested.bus.publish(ShelfScanned, { shelf: 1 })
  await quiet()
  return written
}

const lineOf = (text: string): string => text.split('\n')[0]!

describe('without a log of your own', () => {
  test('an attempt that failed is one line with time, event, group, attempt and the next try, and the error below', async () => {
    const cause = Object.assign(new Error('HTTP 503'), { code: 'EBUSY', response: { body: 'pin 1234' } })
    const flaky = handler(
      OrderPlaced,
      { group: 'billing', retry: { attempts: 2, delay: '1500ms' } },
      function charge() {
        throw new TypeError('the bank is busy', { cause })
      },
    )
    await using tested = await testedBus({ log: undefined, handlers: [flaky] })
    // By the clock of the bus, as its wall shows it.
    tested.clock.advance(new Date(2026, 6, 5, 4, 3, 2, 7).getTime() - tested.clock.now())
    const { id } = await tested.bus.publish(OrderPlaced, { order: 77, item: 'Secret' })
    await quiet()
    const [first] = written
    expect(lineOf(first!)).toMatch(
      new RegExp(
        `^warn: 04:03:02\\.007 WARN  \\[tidings\\] an attempt failed, again in (1\\.5 s|750 ms)  type=shop\\.order\\.placed group=shop\\.billing id=${id} attempt=1$`,
      ),
    )
    const below = first!.split('\n').slice(1)
    expect(below[0]).toBe('    TypeError: the bank is busy')
    expect(below[1]).toMatch(/^ {8}at .*charge.*console-log\.test\.ts:\d+:\d+\)$/)
    const at = below.indexOf('    caused by Error [EBUSY]: HTTP 503')
    expect(below[at + 1]).toMatch(/^ {8}at .*console-log\.test\.ts/)
    expect(below.filter((line) => /node_modules|node:/.test(line))).toEqual([])
    expect(written.join('\n')).not.toMatch(/Secret|pin 1234/)
  })

  test('an event that was given up is an error that names its letter and the reason, with the stack', async () => {
    const [line, ...more] = await writtenBy(function decline() {
      throw new PermanentError('declined')
    })
    expect(more).toEqual([])
    expect(lineOf(line!)).toMatch(
      /^error: [\d:.]{12} ERROR \[tidings\] an event was parked among the dead letters {2}type=shop\.shelf\.scanned group=shop\.g id=([\w-]+) attempt=1 letter=shop\.g~~~2fshop~~\1 reason=permanent-error$/,
    )
    expect(line!.split('\n')[1]).toBe('    PermanentError [PERMANENT]: declined')
    expect(line!.split('\n')[2]).toMatch(/decline/)
  })

  test('what a handler logs has its event before its facts', async () => {
    const [line] = await writtenBy(({ log }) =>
      log.info('reserved', { shelf: 5, attempt: 3, note: 'two words', far: [1] }),
    )
    expect(line).toMatch(
      /^info: [\d:.]{12} INFO {2}\[tidings\] reserved {2}type=shop\.shelf\.scanned group=shop\.g id=[\w-]+ attempt=3 shelf=5 note="two words" far=\[1\]$/,
    )
  })

  test.each([
    ['a text with a line end', 'a\nb', String.raw`odd="a\nb"`],
    ['a text that looks like facts', 'x=1', 'odd="x=1"'],
    ['an empty text', '', 'odd=""'],
    ['an order to the terminal', '\u{1b}[2J\u{9b}1m', String.raw`odd="\u001b[2J\u009b1m"`],
    ['a bigint', 10n, 'odd=10'],
    ['a function', () => {}, 'odd=function'],
    ['a symbol', Symbol('s'), 'odd=symbol'],
    ['what JSON cannot show', { n: 1n }, 'odd=object'],
    ['null', null, 'odd=null'],
    ['a long text', 'x'.repeat(300), `odd=${'x'.repeat(199)}…`],
  ])('%s is a fact that stays in its place', async (_, odd, shown) => {
    const [line, ...more] = await writtenBy(({ log }) => log.warn('odd', { odd }))
    expect(more).toEqual([])
    expect(line).not.toContain('\n')
    expect(line!.endsWith(` ${shown}`)).toBe(true)
  })

  test('no message can write a second line, or to the terminal', async () => {
    const [line] = await writtenBy(({ log }) => log.debug('one\n12:00:00.000 ERROR two\u{1b}[1m'))
    expect(line).toMatch(/^debug: [\d:.]{12} DEBUG \[tidings\] one 12:00:00\.000 ERROR two\\u001b\[1m {2}type=/)
    const [, below] = (
      await writtenBy(({ log }) => log.error('no', { error: new Error('a\nb\r\u{1b}[1m') }))
    )[1]!.split(/\n(.*)/s)
    expect(below).toMatch(/^ {4}Error: a\n {4}b\\u000d\\u001b\[1m\n {8}at /)
  })

  test('every error among the facts is shown below, whatever it is', async () => {
    const { proxy: revoked, revoke } = Proxy.revocable({}, {})
    revoke()
    const [line] = await writtenBy(({ log }) =>
      log.warn('several', {
        error: 'a text',
        first: new AggregateError([new RangeError('inner')], 'outer'),
        revoked,
        nothing: undefined,
      }),
    )
    expect(lineOf(line!)).toMatch(/ attempt=1 revoked=object$/)
    const errors = line!.split('\n').filter((each, i) => i > 0 && !each.trim().startsWith('at '))
    expect(errors).toEqual(['    string: a text', '    AggregateError: outer', '      one of them: RangeError: inner'])
  })

  test('a cause does not show again the frames that it shares', async () => {
    const cause = Object.assign(new Error('inner'), {
      stack: 'Error: inner\n    at send (/a.ts:9:9)\n    at bill (/a.ts:1:1)',
    })
    const error = Object.assign(new Error('outer', { cause }), { stack: 'Error: outer\n    at bill (/a.ts:1:1)' })
    const [line] = await writtenBy(({ log }) => log.warn('no', { error }))
    expect(line!.split('\n').slice(1)).toEqual([
      '    Error: outer',
      '        at bill (/a.ts:1:1)',
      '    caused by Error: inner',
      '        at send (/a.ts:9:9)',
    ])
  })

  test('foreign frames are shown where there are no others', async () => {
    const stack = 'Error: no\n    at get (node:internal/url:1:2)'
    const [line] = await writtenBy(({ log }) => log.warn('no', { error: Object.assign(new Error('no'), { stack }) }))
    expect(line!.split('\n').slice(1)).toEqual(['    Error: no', '        at get (node:internal/url:1:2)'])
  })

  test.each([
    [0, 'under 1 ms'],
    [999, '999 ms'],
    [1000, '1 s'],
    [1550, '1.6 s'],
    [90_000, '1 min 30 s'],
    [5_400_000, '1 h 30 min'],
  ])('a wait of %d ms is told as %s', async (retryIn, words) => {
    const [line] = await writtenBy(({ log }) => log.warn('no', { retryIn }))
    expect(line).toContain(`] no, again in ${words}  type=`)
  })
})

test('`log: false` writes nothing, of the bus or of its handlers', async () => {
  const g = handler(ShelfScanned, { group: 'g', retry: false }, (_, { log }) => {
    log.error('aloud')
    throw new Error('no')
  })
  await using tested = await testedBus({ log: false, handlers: [g] })
  await tested.bus.publish(ShelfScanned, { shelf: 1 })
  await quiet()
  expect(await tested.bus.deadLetters.count()).toBe(1)
  expect(written).toEqual([])
})
