import { execFileSync } from 'node:child_process'
import { chmodSync, createWriteStream, mkdirSync } from 'node:fs'
import { EventEmitter, once } from 'node:events'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { replay } from '../src/replay/cli.ts'
import type { JsonReport } from '../src/replay/report/json.ts'
import { csv, DemoProcess, Folder, HEADER, replayed, row } from './fixtures/demo-process.ts'

// Processes start slowly where the machine is busy.
vi.setConfig({ testTimeout: 60_000 })

const folder = new Folder()
afterAll(() => folder[Symbol.dispose]())

/** Runs with `--json`; checks what holds of every run. */
async function figures(...args: string[]): Promise<{ code: number | null; stderr: string; report: JsonReport }> {
  const { code, stdout, stderr } = await replayed(...args, '--json')
  expect(stdout.trimEnd()).not.toContain('\n')
  const report = JSON.parse(stdout) as JsonReport
  expect(report.totals.rows).toBe(report.accepted)
  expect((report.rejects ?? []).reduce((sum, { rows }) => sum + rows, 0)).toBe(report.rejected)
  return { code, stderr, report }
}

describe('a file that is fine', () => {
  test('ends with 0 and a report on standard output alone', async () => {
    const { code, stdout, stderr } = await replayed(folder.write('fine.csv', csv(row(), row({ units: '7' }))))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('rows         2 = 2 accepted + 0 rejected')
    expect(stdout).toContain('revenue      £33.150 net, £33.150 clean')
    expect(stdout).toMatch(/speed {8}[\d,]+ rows\/s over/)
    expect(stdout).toMatch(/peak memory {2}\d+ MiB/)
    expect(stdout).not.toContain('\u001b')
  })

  test('lists the rules that rows break, with the first row of each', async () => {
    const { stdout } = await replayed(
      folder.write('rules.csv', csv(row(), row({ text: 'damages' }), row({ text: 'damages' }))),
    )
    expect(stdout).toMatch(/^ {2}description_looks_like_note +2 +3$/m)
    expect(stdout).toMatch(/^ {2}exact_duplicate_of_earlier_row +1 +4$/m)
    expect(stdout).not.toContain('unit_price_zero')
  })

  test('has colours where FORCE_COLOR asks for them', async () => {
    const path = folder.write('colours.csv', csv(row()))
    const { stdout } = await new DemoProcess(['replay', path], { NO_COLOR: undefined, FORCE_COLOR: '1' }).ended
    expect(stdout).toContain('\u001b[1mReplayed')
  })

  test('with a header and no rows is fine, and says so', async () => {
    const { code, stderr, report } = await figures(folder.write('header.csv', `${HEADER}\n`))
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'note the file has a header and no rows\n' })
    expect(report).toMatchObject({ accepted: 0, rejected: 0, rows_by_kind: {}, by_country: {} })
  })

  test('may be gzip under any name, in several members', async () => {
    const text = csv(row(), row({ units: '7' }))
    const members = Buffer.concat([gzipSync(text.slice(0, 100)), gzipSync(text.slice(100))])
    const { code, report } = await figures(folder.write('packed.csv', members))
    expect({ code, units: report.totals.units_net }).toEqual({ code: 0, units: 13 })
  })

  test('may have dates with slashes, the month first', async () => {
    const rows = [row({ date: '12/1/2010 8:26' }), row({ date: '1/31/2011 16:59:30' })]
    const { code, report } = await figures(folder.write('slashes.csv', csv(...rows)))
    expect({ code, months: Object.keys(report.by_month) }).toEqual({ code: 0, months: ['2010-12', '2011-01'] })
  })

  test('may begin with the letters PK', async () => {
    const path = folder.write('pk.csv', `PK,${HEADER}\n1,${row()}\n`)
    expect(await figures(path)).toMatchObject({ code: 0, report: { accepted: 1 } })
  })

  test('may be plain under a name that says gzip', async () => {
    expect(await figures(folder.write('plain.csv.gz', csv(row())))).toMatchObject({ code: 0, report: { accepted: 1 } })
  })

  test('may hold text that would steer a terminal: it is escaped', async () => {
    const { stdout } = await replayed(folder.write('escape.csv', csv(row({ country: '\u001b[31mRed\u202e' }))))
    expect(stdout).toContain('\\u001b[31mRed\\u202e')
    expect(stdout).not.toMatch(/[\u001b\u202e]/)
  })
})

describe('malformed rows', () => {
  test('are rejected one by one with file, row, column and value; the others go on; exit code 3', async () => {
    const path = folder.write(
      'rows.csv',
      Buffer.concat([
        Buffer.from(csv(row(), row({ units: 'six' }), '', '1,2', row({ text: '"two\nlines"' }), row({ text: 'a"b' }))),
        Buffer.from([0xe9, 0x2c, 0x0a]),
        Buffer.from(row({ date: '12/1/2010' })),
      ]),
    )
    const { code, stderr, report } = await figures(path)
    expect(code).toBe(3)
    expect(report).toMatchObject({ accepted: 2, rejected: 6 })
    expect(stderr.trimEnd().split('\n')).toEqual([
      `rejected ${path}, row 3, Quantity: "six": the quantity must be a whole number such as 6 or -6`,
      `rejected ${path}, row 4: "": the line is blank`,
      `rejected ${path}, row 5: "1,2": the row has 2 fields where the header has 8`,
      `rejected ${path}, row 7 (line 8), Description: "a\\"": a quote stands in a field without quotes: quote the field and double the quotes in it`,
      `rejected ${path}, row 8 (line 9), InvoiceNo: "\\xe9": the bytes are not UTF-8; the file may be Latin-1: convert it with iconv -f latin1 -t utf-8`,
      `rejected ${path}, row 9 (line 10), InvoiceDate: "12/1/2010": the date must be one that exists, with a time, as 2011-01-31 16:59 or (month first) 1/31/2011 16:59`,
    ])
    expect(report.rejects?.[0]).toEqual({
      reason: 'bad-quantity',
      rows: 1,
      first: {
        file: path,
        row: 3,
        line: 3,
        column: 'Quantity',
        value: '"six"',
        reason: 'bad-quantity',
        message: 'the quantity must be a whole number such as 6 or -6',
      },
    })
  })

  test('are counted all, and listed as many as asked for', async () => {
    const path = folder.write('many.csv', csv(...Array.from({ length: 30 }, (_, at) => row({ units: `x${at}` }))))
    const listed = (stderr: string): number => stderr.split('\n').filter((line) => line.startsWith('rejected')).length
    const some = await replayed(path)
    expect(listed(some.stderr)).toBe(20)
    expect(some.stderr).toContain('… and 10 more rejected rows; --show-rejects all lists them')
    expect(some.stdout).toMatch(/^ {2}bad-quantity +30 +.*row 2, Quantity: "x0"/m)
    expect(listed((await replayed(path, '--show-rejects', 'all')).stderr)).toBe(30)
    expect(listed((await replayed(path, '--show-rejects', '0')).stderr)).toBe(0)
  })

  test('name the column as the header of the file does', async () => {
    const path = folder.write(
      'other.csv',
      'Price,Customer ID,Country,Invoice,StockCode,Description,Quantity,InvoiceDate\n1.2345,,UK,536365,85123,X,1,2010-12-01 08:26:00\n',
    )
    expect((await replayed(path)).stderr).toContain('row 2, Price: "1.2345": the price must have at most 3 decimals')
  })

  test('a line without end is one rejected row, and does not fill the memory', async () => {
    const endless = gzipSync(
      Buffer.concat([Buffer.from(csv(row())), Buffer.alloc(300_000_000, 0x78), Buffer.from(`\n${row()}\n`)]),
      { level: 1 },
    )
    const { code, stdout } = await replayed(folder.write('endless.csv', endless))
    expect(code).toBe(3)
    expect(stdout).toContain('rows         3 = 2 accepted + 1 rejected')
    expect(Number(/peak memory +(\d+) MiB/.exec(stdout)![1])).toBeLessThan(244)
  })
})

describe('a file that cannot be read to its end: exit code 1', () => {
  test.each<[string, () => string, string]>([
    ['that is missing', () => join(folder.path, 'nowhere.csv'), 'does not exist'],
    ['below a file', () => join(folder.write('file.csv', ''), 'x.csv'), 'does not exist'],
    ['that is a directory', () => folder.path, 'is a directory'],
    ['that is empty', () => folder.write('empty.csv', ''), 'is empty'],
    ['that is a byte order mark', () => folder.write('bom.csv', '\ufeff'), 'is empty'],
    ['that is gzip of nothing', () => folder.write('nothing.gz', gzipSync('')), 'is empty'],
    [
      'with another header',
      () => folder.write('a.csv', 'a,b\n'),
      'the header lacks InvoiceNo or Invoice, StockCode, Description',
    ],
    [
      'with a header that is not UTF-8',
      () => folder.write('u.csv', Buffer.from('\xff\xfeI\0', 'latin1')),
      'the header cannot be read: "\\xff\\xfeI\\x00": the bytes are not UTF-8',
    ],
    [
      'with quoted names between semicolons',
      () =>
        folder.write(
          'q.csv',
          HEADER.split(',')
            .map((name) => `"${name}"`)
            .join(';'),
        ),
      'the fields are separated by semicolons instead of commas',
    ],
    [
      'with names between tabs, the second one quoted',
      () => folder.write('q.tsv', 'InvoiceNo\t"StockCode"\n'),
      'the fields are separated by tabs instead of commas',
    ],
    [
      'with a header in Latin-1',
      () => folder.write('l.csv', Buffer.from(`${HEADER},Größe\n`, 'latin1')),
      'the file may be Latin-1: convert it with iconv -f latin1 -t utf-8',
    ],
    [
      'that is an .xlsx or another zip archive',
      () => folder.write('retail.csv', Buffer.from('PK\x03\x04\x14\0\x06\0,;"\n')),
      'is a spreadsheet or zip archive\nSave it as CSV UTF-8 first',
    ],
    [
      'that is an .xls',
      () => folder.write('retail.xls', Buffer.from('d0cf11e0a1b11ae1', 'hex')),
      'is a spreadsheet or zip archive',
    ],
    [
      'of one gzip byte pair',
      () => folder.write('two.gz', gzipSync(csv()).subarray(0, 2)),
      'is cut off: its gzip data end too early',
    ],
  ])('%s', async (_, make, message) => {
    const path = make()
    const { code, stderr, report } = await figures(path)
    expect(code).toBe(1)
    expect(stderr.startsWith(`error ${path}`)).toBe(true)
    expect(stderr).toContain(message)
    expect(report).toMatchObject({ accepted: 0, rejected: 0 })
    expect(report.error!.message).toContain(message)
  })

  test('before its first row is told by its error alone', async () => {
    const path = join(folder.path, 'nowhere.csv')
    const { code, stdout, stderr } = await replayed(path)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^error .*nowhere\.csv does not exist\nCheck the path; .*\n$/)
  })

  test('that this user may not read', async () => {
    const path = folder.write('secret.csv', csv(row()))
    chmodSync(path, 0)
    // Root may read everything: it becomes somebody else, after the program has been loaded.
    const script = `
      import { replay } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, '../src/replay/cli.ts')).href)}
      if (process.getuid?.() === 0) process.seteuid(65534)
      const { stdout, stderr } = process
      process.exitCode = await replay(process.argv.slice(1), { stdout, stderr, signals: process, raise() {} })`
    const { code, stderr } = await new DemoProcess(['--', path], {}, ['--input-type=module', '-e', script]).ended
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `error ${path} may not be read by this user\nCheck its permissions and those of the folders above it.\n`,
    })
  })

  const rows = Array.from({ length: 5000 }, (_, at) =>
    row({ invoice: String(100_000 + at), units: String((at * 7919) % 997) }),
  )
  const packed = gzipSync(csv(...rows))

  test('INVARIANT: of a gzip file that was cut off, every row before the cut counts and half a row does not', async () => {
    const { code, stderr, report } = await figures(folder.write('cut.csv.gz', packed.subarray(0, packed.length >> 1)))
    expect(code).toBe(1)
    expect(report.error!.code).toBe('REPLAY_GZIP_TRUNCATED')
    expect(stderr).toContain('is cut off: its gzip data end too early')
    expect(report.accepted).toBeGreaterThan(1000)
    const units = rows.slice(0, report.accepted).map((line) => Number(line.split(',')[3]))
    expect(report.totals.units_net).toBe(units.reduce((sum, each) => sum + each))
    expect(report.rejects?.map(({ reason, rows, first }) => [reason, rows, first.row])).toEqual([
      ['cut-off', 1, report.accepted + 2],
    ])
  })

  test('a cut in the checksum behind the last row loses no row', async () => {
    const { code, report } = await figures(folder.write('crc.csv.gz', packed.subarray(0, -3)))
    expect({ code, accepted: report.accepted, rejected: report.rejected }).toEqual({
      code: 1,
      accepted: 5000,
      rejected: 0,
    })
  })

  test('damaged gzip data are told, with what was read before them', async () => {
    const damaged = Buffer.from(packed)
    damaged[damaged.length - 6]! ^= 1
    const { code, stderr, report } = await figures(folder.write('damaged.csv.gz', damaged))
    expect(code).toBe(1)
    expect(report.error!.code).toBe('REPLAY_GZIP_CORRUPT')
    expect(stderr).toContain('is damaged: incorrect data check')
  })

  test('text behind the gzip data is told, not left out in silence', async () => {
    const { code, report } = await figures(
      folder.write('tail.csv.gz', Buffer.concat([packed, Buffer.from('more rows')])),
    )
    expect(code).toBe(1)
    expect(report.error!.code).toBe('REPLAY_GZIP_CORRUPT')
  })

  test('sums that would not be exact end the replay', async () => {
    const huge = row({ units: String(Number.MAX_SAFE_INTEGER), price: '0.001' })
    const { code, stderr, report } = await figures(folder.write('huge.csv', csv(huge, huge, row())))
    expect(code).toBe(1)
    expect(stderr).toContain(`${Number.MAX_SAFE_INTEGER} + ${Number.MAX_SAFE_INTEGER} cannot be counted exactly`)
    expect(report).toMatchObject({ accepted: 2, rejected: 0, error: { code: 'REPLAY_TOTAL_OVERFLOW' } })
  })
})

describe('usage', () => {
  test.each([
    [[], 'name the FILE to read'],
    [['a.csv', 'b.csv'], 'one FILE at a time; "b.csv" is one too many'],
    [['a.csv', '--bogus'], "Unknown option '--bogus'"],
    [['a.csv', '--show-rejects', '-1'], '--show-rejects'],
    [['a.csv', '--show-rejects', 'some'], '--show-rejects must be a whole number or all, not "some"'],
  ])('%j is refused with exit code 2', async (args, message) => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const code = await replay(args, { stdout, stderr, signals: new EventEmitter(), raise: () => {} })
    const said = String(stderr.read())
    expect({ code, stdout: stdout.read() as unknown }).toEqual({ code: 2, stdout: null })
    expect(said).toContain(message)
    expect(said).toContain('Usage: demo replay FILE')
  })

  test('--help lists options and exit codes', async () => {
    const { code, stdout, stderr } = await replayed('--help')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const exit of [0, 1, 2, 3, 130, 143]) expect(stdout).toMatch(new RegExp(`^ +${exit}  \\w`, 'm'))
    for (const option of ['FILE', '--json', '--show-rejects', '--help']) expect(stdout).toContain(`\n  ${option} `)
  })
})

describe('stopping', () => {
  const chunk = Array.from({ length: 500 }, () => `${row()}\n`).join('')

  /** A replay of a pipe; the first row is malformed, so that one can see when reading has begun. */
  async function begun(
    name: string,
  ): Promise<{ demo: DemoProcess; feed: NodeJS.WritableStream; ended: Promise<unknown> }> {
    const path = join(folder.path, name)
    execFileSync('sh', ['-c', 'mkfifo "$0"', path])
    const demo = new DemoProcess(['replay', path, '--json'])
    const feed = createWriteStream(path)
    feed.on('error', () => {})
    feed.write(csv('malformed', row()))
    await demo.told('rejected')
    return { demo, feed, ended: demo.ended.then(() => feed.destroy()) }
  }

  /** Feeds rows without end, so that only the signal can end the replay. */
  async function feedUntilEnded(demo: DemoProcess, feed: NodeJS.WritableStream): Promise<void> {
    const ended = demo.ended.then(() => 'ended')
    for (let last: unknown; last !== 'ended';) {
      last = feed.write(chunk) || (await Promise.race([once(feed, 'drain').catch(() => undefined), ended]))
    }
  }

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends with a summary so far and exit code %i', async (signal, expected) => {
    const { demo, feed } = await begun(`${signal}.fifo`)
    demo.child.kill(signal)
    await feedUntilEnded(demo, feed)
    const { code, stdout, stderr } = await demo.ended
    expect(code).toBe(expected)
    const report = JSON.parse(stdout) as JsonReport
    expect(report).toMatchObject({ interrupted: true, rejected: 1 })
    expect(report.accepted).toBeGreaterThan(0)
    expect(report.totals.rows).toBe(report.accepted)
    expect(stderr).toMatch(
      /\nstopping with what has been read; once more ends at once\n(?:.*\n)*stopped before the end of the file\n$/,
    )
  })

  test('a second SIGINT ends at once, without a summary', async () => {
    const { demo, ended } = await begun('twice.fifo')
    demo.child.kill('SIGINT')
    await demo.told('stopping')
    demo.child.kill('SIGINT')
    const { code, stdout } = await demo.ended
    await ended
    // Ended by the signal itself, which a shell shows as 130.
    expect({ code, stdout, signal: demo.child.signalCode }).toEqual({ code: null, stdout: '', signal: 'SIGINT' })
  })
})

describe('output', () => {
  test('a reader who leaves early, as head does, is no error', async () => {
    const path = folder.write(
      'pipe.csv',
      csv(...Array.from({ length: 3000 }, (_, at) => row({ country: `Country ${at}` }))),
    )
    for (const args of [[path], [path, '--json'], ['--help']]) {
      const demo = new DemoProcess(['replay', ...args])
      demo.child.stdout!.destroy()
      const { code, stderr } = await demo.ended
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    }
  })

  describe('tables', () => {
    const path = folder.write(
      'wide.csv',
      csv(
        row({ units: '987654321', price: '1234.567', country: 'United Arab Emirates' }),
        row({ text: 'X'.repeat(50), country: 'United Arab Emirates', price: '98765432' }),
        row({ invoice: 'C536366', units: '-98765432', price: '1234.567' }),
        row({ units: 'six' }),
      ),
    )

    /** What is written to an output of such a kind, without what differs from run to run, its lines apart. */
    async function linesOn(output: { isTTY?: boolean; columns?: number }): Promise<string[]> {
      const stdout = Object.assign(new PassThrough(), output)
      await replay([path], { stdout, stderr: new PassThrough(), signals: new EventEmitter(), raise: () => {} })
      const lines = stripVTControlCharacters(String(stdout.read())).split('\n')
      return lines.filter((line) => !/^Replayed|^ {2}(?:speed|peak memory)/.test(line))
    }

    test.each([80, 72, 100])('fit a terminal of %i columns', async (columns) => {
      const lines = await linesOn({ isTTY: true, columns })
      expect(lines.filter((line) => line.length > columns)).toEqual([])
      expect(lines.join('\n')).toMatch(/country .*revenue net £/)
      expect(lines.join('\n')).not.toContain('cancelled £')
      expect(lines.join('\n')).toMatch(/^ {2}bad-quantity +1 {2}row 5$/m)
    })

    test('have all their columns on a wide terminal, one that does not know its width, and elsewhere', async () => {
      const all = await linesOn({})
      expect(all.some((line) => line.includes('cancelled £') && line.length > 80)).toBe(true)
      expect(await linesOn({ isTTY: true, columns: 1000 })).toEqual(all)
      expect(await linesOn({ isTTY: true, columns: 0 })).toEqual(all)
      expect(await linesOn({ isTTY: false, columns: 80 })).toEqual(all)
    })
  })

  test.each([
    [['--seed'], '--seed takes one whole number from 0 on'],
    [['--seed='], '--seed takes one whole number from 0 on, received ""'],
    [['--seed', '-1'], '--seed takes one whole number from 0 on'],
    [['--seed', '1.5'], '--seed takes one whole number from 0 on, received "1.5"'],
    [['--seed', '9007199254740992'], 'received "9007199254740992"'],
    [['--seed', '1', '2'], 'there is no command "2"'],
    [['--foo'], "Unknown option '--foo'\n"],
    [['--seed', '1', 'replay'], 'replay comes first'],
    [[''], 'there is no command ""'],
  ])('the demo refuses %j with exit code 2 and tells no story', async (args, message) => {
    const { code, stdout, stderr } = await new DemoProcess(args).ended
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr.startsWith('demo: ')).toBe(true)
    expect(stderr).toContain(message)
    expect(stderr).toContain('Usage: demo')
  })

  test.each(['help', '--help', '-h'])('the demo explains itself for %s', async (word) => {
    const { code, stdout } = await new DemoProcess([word]).ended
    expect({ code, usage: stdout.startsWith('Usage: demo [--seed N]') }).toEqual({ code: 0, usage: true })
  })

  test('the demo without a command, or with one that it does not know, says what there is', async () => {
    const bare = await new DemoProcess([]).ended
    expect(bare.stdout + bare.stderr).not.toBe('')
    const unknown = await new DemoProcess(['reply']).ended
    expect(unknown.code).toBe(2)
    expect(unknown.stderr).toContain('"reply"')
    expect(unknown.stderr).toContain('replay')
  })
})

test('a name that is no file stands in the error as it was given', async () => {
  mkdirSync(join(folder.path, 'with space'))
  expect((await replayed(join(folder.path, 'with space', 'x.csv'))).stderr).toContain(
    `${join('with space', 'x.csv')} does not exist`,
  )
})
