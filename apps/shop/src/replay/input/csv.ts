import { isUtf8 } from 'node:buffer'

/** Why bytes are no CSV record. */
export type CsvProblemKind =
  | 'stray-quote'
  | 'text-after-quote'
  | 'unclosed-quote'
  | 'invalid-utf8'
  | 'row-too-long'
  | 'cut-off'

/** Where a record stands: spreadsheet rows, so that the header is row 1, and physical lines. */
export interface Place {
  /** Counts records: those of several lines, and the malformed ones, are one row each. */
  readonly row: number
  /** The line that the record begins on; runs ahead of `row` where quoted fields hold line breaks. */
  readonly line: number
}

/** Bytes that are no record. */
export interface CsvProblem {
  readonly kind: CsvProblemKind
  /** From 0: the field in which it shows; undefined where it is the whole row. */
  readonly field: number | undefined
  /** The bytes of that field, or of that row, as far as they were read. */
  readonly bytes: Buffer
}

/** Told each row, in order. */
export interface CsvSink {
  /** A record of sound structure. `fields` and `place` are used again for the next one. */
  record(fields: readonly string[], place: Place): void
  malformed(problem: CsvProblem, place: Place): void
}

/** Longer rows are refused: no file may make the reader hold more than this of it. */
export const MAX_ROW_BYTES = 1024 * 1024

const LF = 10
const CR = 13
const QUOTE = 34
const COMMA = 44
const INCOMPLETE = -1
const MALFORMED = -2

/**
 * A CSV reader (RFC 4180: LF or CRLF, quoted fields, doubled quotes) for UTF-8 bytes that come in chunks.
 *
 * Every row reaches the sink, either as a record or as malformed. Where quotes are broken, the first line of the record
 * is the malformed row and reading goes on with the next line, so that one quote too many costs one row and not the
 * rest of the file. Bytes that are not UTF-8 are a malformed row, never replacement characters.
 */
export class CsvReader {
  readonly #sink: CsvSink
  readonly #fields: string[] = []
  readonly #place = { row: 1, line: 1 }
  /** The bytes of a record whose end has not come yet. */
  #rest: Buffer = Buffer.alloc(0)
  #started = false
  /** Within a row that is too long, already told: its remaining bytes are skipped. */
  #skipping = false

  #bytes: Buffer = this.#rest
  /** `#bytes` as Latin-1, one character a byte, so that offsets are the same: an ASCII field is a slice of it. */
  #text = ''
  #final = false
  #start = 0
  #newlines = 0
  #problem: CsvProblem | undefined

  constructor(sink: CsvSink) {
    this.#sink = sink
  }

  /** Reads on. The sink is called for each row that ends within the bytes so far; `chunk` is free again afterwards. */
  push(chunk: Buffer): void {
    this.#read(this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]), false)
  }

  /** The file is complete: a last row without a line break is a row too. */
  end(): void {
    this.#read(this.#rest, true)
  }

  /** The file broke off: what has begun is malformed, even where it looks like a whole row. */
  cutOff(): void {
    if (this.#rest.length > 0) {
      this.#sink.malformed({ kind: 'cut-off', field: undefined, bytes: this.#rest }, { ...this.#place })
    }
    this.#rest = Buffer.alloc(0)
  }

  #read(bytes: Buffer, final: boolean): void {
    let at = 0
    if (!this.#started) {
      if (bytes.length < 3 && !final) {
        this.#rest = Buffer.from(bytes)
        return
      }
      this.#started = true
      if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) at = 3
    }
    this.#bytes = bytes
    this.#text = bytes.toString('latin1')
    this.#final = final
    if (this.#skipping) at = this.#skip(at)
    while (at < bytes.length) {
      const next = this.#record(at)
      if (next === INCOMPLETE) break
      at = next === MALFORMED ? this.#reject(at) : next
    }
    // A copy: a view would keep the whole chunk for the sake of its last bytes.
    this.#rest = Buffer.from(bytes.subarray(at))
    this.#bytes = this.#rest
    this.#text = ''
  }

  /** Reads one record from `at`; the offset behind it, or why there is none. */
  #record(at: number): number {
    const { length } = this.#bytes
    this.#fields.length = 0
    this.#newlines = 0
    this.#problem = undefined
    this.#start = at
    while (true) {
      const end = this.#bytes[at] === QUOTE ? this.#quoted(at) : this.#plain(at)
      if (end === MALFORMED) return MALFORMED
      // Judged by the length alone, so that the verdict does not depend on where the chunks end.
      if ((end === INCOMPLETE ? length : end) - this.#start > MAX_ROW_BYTES)
        return this.#malformed('row-too-long', at, length)
      if (end === INCOMPLETE) return INCOMPLETE
      if (end === length || this.#bytes[end] !== COMMA) {
        this.#deliver()
        this.#place.row++
        this.#place.line += this.#newlines + 1
        return end === length ? end : end + (this.#bytes[end] === CR ? 2 : 1)
      }
      at = end + 1
      if (at === length && !this.#final) return INCOMPLETE
    }
  }

  /** Adds the field without quotes at `at`; the offset of the comma or line break (CR of CRLF) that ends it. */
  #plain(at: number): number {
    const bytes = this.#bytes
    const { length } = bytes
    let end = at
    let seen = 0
    for (; end < length; end++) {
      const byte = bytes[end]!
      if (byte > COMMA) seen |= byte
      else if (byte === COMMA || byte === LF) break
      else if (byte === QUOTE) return this.#malformed('stray-quote', at, end + 1)
    }
    if (end === length && !this.#final) return INCOMPLETE
    if (end > at && bytes[end] !== COMMA && bytes[end - 1] === CR) end--
    this.#add(at, end, seen > 0x7f)
    return end
  }

  /** Adds the quoted field at `at`; the offset of the comma or line break (CR of CRLF) that ends it. */
  #quoted(at: number): number {
    const bytes = this.#bytes
    const { length } = bytes
    let end = at + 1
    let seen = 0
    let doubled = false
    for (; ; end++) {
      if (end === length) return this.#final ? this.#malformed('unclosed-quote', at, end) : INCOMPLETE
      const byte = bytes[end]!
      seen |= byte
      if (byte === LF) this.#newlines++
      if (byte !== QUOTE) continue
      if (end + 1 === length && !this.#final) return INCOMPLETE
      if (bytes[end + 1] !== QUOTE) break
      doubled = true
      end++
    }
    this.#add(at + 1, end, seen > 0x7f)
    if (doubled) this.#fields.push(this.#fields.pop()!.replaceAll('""', '"'))
    const next = end + 1
    if (next === length || bytes[next] === COMMA || bytes[next] === LF) return next
    if (bytes[next] === CR) {
      if (next + 1 === length) return this.#final ? length : INCOMPLETE
      if (bytes[next + 1] === LF) return next
    }
    return this.#malformed('text-after-quote', at, next + 1)
  }

  #add(from: number, to: number, beyondAscii: boolean): void {
    if (!beyondAscii) {
      this.#fields.push(this.#text.slice(from, to))
      return
    }
    const bytes = this.#bytes.subarray(from, to)
    if (!isUtf8(bytes)) this.#problem ??= { kind: 'invalid-utf8', field: this.#fields.length, bytes }
    this.#fields.push(bytes.toString('utf8'))
  }

  #deliver(): void {
    if (this.#problem) this.#sink.malformed(this.#problem, { ...this.#place })
    else this.#sink.record(this.#fields, this.#place)
  }

  #malformed(kind: CsvProblemKind, from: number, to: number): typeof MALFORMED {
    const tooLong = to - this.#start > MAX_ROW_BYTES
    this.#problem = tooLong
      ? { kind: 'row-too-long', field: undefined, bytes: this.#bytes.subarray(this.#start, to) }
      : { kind, field: this.#fields.length, bytes: this.#bytes.subarray(from, to) }
    return MALFORMED
  }

  /** Tells of the malformed row at `at` and goes on behind its first line. */
  #reject(at: number): number {
    this.#sink.malformed(this.#problem!, { ...this.#place })
    this.#skipping = true
    return this.#skip(at)
  }

  #skip(at: number): number {
    const newline = this.#bytes.indexOf(LF, at)
    if (newline < 0) return this.#bytes.length
    this.#skipping = false
    this.#place.row++
    this.#place.line++
    return newline + 1
  }
}
