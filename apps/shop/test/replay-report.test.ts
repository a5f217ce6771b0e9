import { PassThrough } from 'node:stream'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { printable, quoted, quotedBytes } from '../src/replay/input/printable.ts'
import { peakMemory } from '../src/replay/report/memory.ts'
import { count, duration, pounds } from '../src/replay/report/numbers.ts'
import { ProgressDisplay } from '../src/replay/report/progress.ts'
import { table } from '../src/replay/report/table.ts'

/** A display on an output of our own, with a clock of our own. */
function display(terminal: { isTTY?: boolean; columns?: number } = {}) {
  const clock = { now: 0 }
  const output = Object.assign(new PassThrough(), terminal)
  return {
    clock,
    progress: new ProgressDisplay(output, () => clock.now),
    written: () => (output.read() as Buffer | null)?.toString() ?? '',
  }
}

const half = { rows: 50_000, accepted: 49_000, bytesRead: 500, bytesTotal: 1000 }

describe('progress', () => {
  test('away from a terminal it is a plain line every five seconds', () => {
    const { clock, progress, written } = display()
    progress.update(half)
    clock.now = 4999
    progress.update(half)
    expect(written()).toBe('')
    clock.now = 5000
    progress.update(half)
    progress.update(half)
    expect(written()).toBe('50 %, 50,000 rows, 9,800 events/s, 5.0 s left\n')
    progress.clear()
    expect(written()).toBe('')
  })

  test('on a terminal it is a bar that is drawn over, ten times a second, and taken off in the end', () => {
    const { clock, progress, written } = display({ isTTY: true, columns: 100 })
    clock.now = 99
    progress.update(half)
    expect(written()).toBe('')
    clock.now = 100
    progress.update(half)
    expect(written()).toBe(
      `\r\u001b[K${'█'.repeat(12)}${'░'.repeat(12)} 50 %, 50,000 rows, 490,000 events/s, 100 ms left`,
    )
    progress.clear()
    expect(written()).toBe('\r\u001b[K')
    progress.clear()
    expect(written()).toBe('')
  })

  test.each([20, 0, undefined])('on a terminal of %s columns the bar stays on one line', (columns) => {
    const { clock, progress, written } = display({ isTTY: true, ...(columns === undefined ? {} : { columns }) })
    clock.now = 1000
    progress.update(half)
    expect(written().replace('\r\u001b[K', '').length).toBeLessThan(columns || 80)
  })

  test('of a pipe, whose size nobody knows, it shows no share and no end', () => {
    const { clock, progress, written } = display()
    clock.now = 5000
    progress.update({ ...half, bytesTotal: 0 })
    expect(written()).toBe('50,000 rows, 9,800 events/s\n')
  })
})

describe('numbers', () => {
  test('are grouped by thousands', () => {
    expect([0, 999, 1000, -1000, 541_909, -1_234_567].map(count)).toEqual([
      '0',
      '999',
      '1,000',
      '-1,000',
      '541,909',
      '-1,234,567',
    ])
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(count(value)).toBe(value.toLocaleString('en-GB'))
      }),
    )
  })

  test('money keeps all its decimals and its sign', () => {
    expect([0, 5, -5, 1_234_567, -11_062_060].map(pounds)).toEqual([
      '0.000',
      '0.005',
      '-0.005',
      '1,234.567',
      '-11,062.060',
    ])
  })

  test('durations are short', () => {
    expect([0.0104, 1, 4.24, 59.94, 59.96, 65, 3600].map(duration)).toEqual([
      '10 ms',
      '1.0 s',
      '4.2 s',
      '59.9 s',
      '1 min 00 s',
      '1 min 05 s',
      '60 min 00 s',
    ])
  })
})

test('a table is aligned: text to the left, numbers to the right', () => {
  const lines = table(
    [{ title: 'name' }, { title: 'rows', align: 'right' }, { title: 'note' }],
    [
      ['a', '1', 'x'],
      ['longer', '12,345', ''],
    ],
    (_, text) => text,
  )
  expect(lines).toEqual(['  name      rows  note', '  a            1  x', '  longer  12,345'])
})

test('a table that is too wide is left without columns that may be, the lowest first, and no more than needed', () => {
  const columns = [
    { title: 'name' },
    { title: 'second', align: 'right', leaveOut: 2 },
    { title: 'first', align: 'right', leaveOut: 1 },
    { title: 'kept', align: 'right' },
  ] as const
  const heading = (width?: number): string => table(columns, [['a', '1', '2', '3']], (_, text) => text, width)[0]!
  expect(heading()).toBe('  name  second  first  kept')
  expect(heading(27)).toBe('  name  second  first  kept')
  expect(heading(26)).toBe('  name  second  kept')
  expect(heading(20)).toBe('  name  second  kept')
  expect(heading(19)).toBe('  name  kept')
  expect(heading(1)).toBe('  name  kept')
})

describe('values in messages', () => {
  test('are quoted, shortened, and free of what could steer a terminal', () => {
    expect(quoted('a"b\n\u001b[2J\u009b\u202e\u2028')).toBe('"a\\"b\\n\\u001b[2J\\u009b\\u202e\\u2028"')
    expect(quoted('x'.repeat(70))).toBe(`"${'x'.repeat(60)}…"`)
    expect(printable('café\u0007')).toBe('café\\u0007')
    expect(quotedBytes(Buffer.from('a"é\t\x1b'))).toBe('"a\\"\\xc3\\xa9\\t\\x1b"')
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(quoted(text)).not.toMatch(/[\p{Cc}\p{Cf}]/u)
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(quotedBytes(Buffer.from(bytes))).toMatch(/^"[ -~]*…?"$/)
      }),
    )
  })
})

test('the peak memory is that of this process, and never shrinks', () => {
  const before = peakMemory()
  const ballast = Buffer.alloc(before, 1)
  const after = peakMemory()
  expect(after).toBeGreaterThan(before)
  expect(after - before).toBeLessThan(ballast.length * 2)
})
