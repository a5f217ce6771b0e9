import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type CsvProblemKind, CsvReader, MAX_ROW_BYTES } from '../src/replay/input/csv.ts'

type Told = { row: number; line: number } & (
  | { fields: string[] }
  | { kind: CsvProblemKind; field: number | undefined; bytes: string }
)

/** All that the reader tells of a text that comes in chunks of these sizes, over and over. */
function read(text: string | Buffer, sizes: readonly number[] = [Infinity], end: 'end' | 'cutOff' = 'end'): Told[] {
  const bytes = Buffer.from(text)
  const told: Told[] = []
  const reader = new CsvReader({
    record: (fields, { row, line }) => told.push({ row, line, fields: [...fields] }),
    malformed: ({ kind, field, bytes }, { row, line }) =>
      told.push({ row, line, kind, field, bytes: bytes.toString('latin1') }),
  })
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!
    // A copy, which is overwritten afterwards: the reader must not rely on the chunk any more.
    const chunk = Buffer.from(bytes.subarray(at, at + size))
    reader.push(chunk)
    chunk.fill(0x21)
    at += size
  }
  reader[end]()
  return told
}

const fieldsOf = (text: string): unknown[] => read(text).map((each) => ('fields' in each ? each.fields : each.kind))

describe('well-formed rows', () => {
  test('LF, CRLF, a mixture of both and a last row without a line break are read alike', () => {
    const rows = [
      ['a', 'b'],
      ['1', '2'],
      ['3', ''],
    ]
    expect(fieldsOf('a,b\n1,2\n3,\n')).toEqual(rows)
    expect(fieldsOf('a,b\r\n1,2\r\n3,\r\n')).toEqual(rows)
    expect(fieldsOf('a,b\r\n1,2\n3,')).toEqual(rows)
    expect(fieldsOf('a,b\n"1","2"\r\n"3",""\r')).toEqual(rows)
  })

  test('quoted fields hold commas, doubled quotes, and line breaks as they are', () => {
    expect(fieldsOf('"a,b","say ""hi""","two\r\nlines",""""\n')).toEqual([['a,b', 'say "hi"', 'two\r\nlines', '"']])
  })

  test('a byte order mark at the start is left out, one elsewhere is text', () => {
    expect(fieldsOf('\ufeffa\n\ufeffb\n')).toEqual([['a'], ['\ufeffb']])
    expect(read('\ufeff"a"\n', [1])).toEqual([{ row: 1, line: 1, fields: ['a'] }])
  })

  test('a carriage return within a field is text', () => {
    expect(fieldsOf('a\rb,c\n')).toEqual([['a\rb', 'c']])
  })

  test('a blank line is a row of one empty field', () => {
    expect(fieldsOf('a\n\n\r\nb\n')).toEqual([['a'], [''], [''], ['b']])
  })

  test('an empty input has no row', () => {
    expect(read('')).toEqual([])
    expect(read('\ufeff')).toEqual([])
  })

  test('rows count records, lines count line breaks within quotes too', () => {
    expect(read('a\n"b\nb\nb"\nc\n').map(({ row, line }) => [row, line])).toEqual([
      [1, 1],
      [2, 2],
      [3, 5],
    ])
  })
})

describe('malformed rows', () => {
  test('a quote within a field without quotes costs that row', () => {
    expect(read('a\nx,1"2,y\nb\n')).toEqual([
      { row: 1, line: 1, fields: ['a'] },
      { row: 2, line: 2, kind: 'stray-quote', field: 1, bytes: '1"' },
      { row: 3, line: 3, fields: ['b'] },
    ])
  })

  test('text behind a closing quote costs that row', () => {
    expect(fieldsOf('a\n"x"y,2\nb\n')).toEqual([['a'], 'text-after-quote', ['b']])
    expect(fieldsOf('a\n"x"\ry,2\nb\n')).toEqual([['a'], 'text-after-quote', ['b']])
  })

  test('a quote that is never closed costs its first line, not the rest of the file', () => {
    expect(read('a\n1,"x\nb\nc\n')).toEqual([
      { row: 1, line: 1, fields: ['a'] },
      { row: 2, line: 2, kind: 'unclosed-quote', field: 1, bytes: '"x\nb\nc\n' },
      { row: 3, line: 3, fields: ['b'] },
      { row: 4, line: 4, fields: ['c'] },
    ])
  })

  test('a quote that a later row closes by chance costs its first line as well', () => {
    expect(fieldsOf('a\n1,"x\nb,"c"\nd\n')).toEqual([['a'], 'text-after-quote', ['b', 'c'], ['d']])
  })

  test.each([
    ['a lone Latin-1 letter', [0x63, 0x61, 0x66, 0xe9]],
    ['a continuation byte', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['beyond Unicode', [0xf4, 0x90, 0x80, 0x80]],
    ['a cut sequence', [0xe2, 0x82]],
  ])('%s is not UTF-8 and no replacement character', (_, bytes) => {
    const bad = Buffer.from(bytes)
    const told = read(
      Buffer.concat([Buffer.from('é,b\nx,'), bad, Buffer.from(',y\n"'), bad, Buffer.from('\nz"\nlast\n')]),
    )
    expect(told).toEqual([
      { row: 1, line: 1, fields: ['é', 'b'] },
      { row: 2, line: 2, kind: 'invalid-utf8', field: 1, bytes: bad.toString('latin1') },
      { row: 3, line: 3, kind: 'invalid-utf8', field: 0, bytes: `${bad.toString('latin1')}\nz` },
      { row: 4, line: 5, fields: ['last'] },
    ])
  })

  test('a row longer than the limit is told once, and reading goes on behind it', () => {
    const long = 'x'.repeat(MAX_ROW_BYTES)
    for (const sizes of [[Infinity], [65_536], [MAX_ROW_BYTES - 1, 5]]) {
      const told = read(`a\n${long}\n${long}y\n"${long}"\nb\n`, sizes)
      expect(told.map((each) => ('fields' in each ? each.fields[0]!.length : each.kind))).toEqual([
        1,
        MAX_ROW_BYTES,
        'row-too-long',
        'row-too-long',
        1,
      ])
      expect(told.map(({ row }) => row)).toEqual([1, 2, 3, 4, 5])
    }
  })

  test('a file that broke off has half a row, though it looks like a whole one', () => {
    const told = read('a,b\nc,d\ne,f', [4], 'cutOff')
    expect(told.at(-1)).toEqual({ row: 3, line: 3, kind: 'cut-off', field: undefined, bytes: 'e,f' })
    expect(read('a,b\nc,d\n', [4], 'cutOff')).toHaveLength(2)
  })
})

describe('properties', () => {
  /** What the same text comes to when it is read whole, character by character, without a thought for speed. */
  function naive(text: string): unknown[] {
    const rows: unknown[] = []
    let rest = text.startsWith('\ufeff') ? text.slice(1) : text
    while (rest !== '') {
      const record = naiveRecord(rest)
      if (typeof record === 'string') {
        rows.push(record)
        const newline = rest.indexOf('\n')
        rest = newline < 0 ? '' : rest.slice(newline + 1)
      } else {
        rows.push(record.fields)
        rest = record.rest
      }
    }
    return rows
  }

  function naiveRecord(text: string): CsvProblemKind | { fields: string[]; rest: string } {
    const fields: string[] = []
    let rest = text
    while (true) {
      if (rest.startsWith('"')) {
        const match = /^"((?:[^"]|"")*)"(?!")/.exec(rest)
        if (!match) return 'unclosed-quote'
        fields.push(match[1]!.replaceAll('""', '"'))
        rest = rest.slice(match[0].length)
        if (rest === '\r') rest = ''
        if (!/^(?:,|\n|\r\n|$)/.test(rest)) return 'text-after-quote'
      } else {
        const raw = /^[^,\n]*/.exec(rest)![0]
        if (raw.includes('"')) return 'stray-quote'
        rest = rest.slice(raw.length)
        const ends = !rest.startsWith(',')
        fields.push(ends && raw.endsWith('\r') ? raw.slice(0, -1) : raw)
      }
      const end = /^(?:\r?\n|$)/.exec(rest)
      if (end) return { fields, rest: rest.slice(end[0].length) }
      rest = rest.slice(1)
    }
  }

  const messy = fc
    .array(
      fc.constantFrom('"', '""', ',', '\n', '\r\n', '\r', 'a', '7', ' ', 'é', '€', '😀', '\ufeff', '",', ',"', '"\n'),
      {
        maxLength: 40,
      },
    )
    .map((parts) => parts.join(''))
  const chunks = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 })

  test('INVARIANT: any text is read as a naive reader would, wherever the chunks end', () => {
    fc.assert(
      fc.property(messy, chunks, (text, sizes) => {
        const told = read(text, sizes)
        expect(told.map((each) => ('fields' in each ? each.fields : each.kind))).toEqual(naive(text))
        expect(told.map(({ row }) => row)).toEqual(told.map((_, index) => index + 1))
        expect(told).toEqual(read(text))
      }),
      { numRuns: 2000 },
    )
  })

  test('what a writer of RFC 4180 has written is read back', () => {
    const table = fc.array(fc.array(fc.string({ unit: 'grapheme', maxLength: 8 }), { minLength: 1, maxLength: 5 }), {
      maxLength: 8,
    })
    const quote = (field: string): string => `"${field.replaceAll('"', '""')}"`
    fc.assert(
      fc.property(table, fc.constantFrom('\n', '\r\n'), chunks, (rows, newline, sizes) => {
        const text = rows.map((row) => row.map(quote).join(',') + newline).join('')
        expect(read(text, sizes).map((each) => 'fields' in each && each.fields)).toEqual(rows)
      }),
    )
  })
})
