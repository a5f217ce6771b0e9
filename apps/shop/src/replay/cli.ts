import { parseArgs } from 'node:util'
import type { EventEmitter } from 'node:events'
import { isTidingsError } from '@tidings/core'
import { Archive } from './archive.ts'
import { quoted } from './input/printable.ts'
import { type Reject, rejectLine } from './rejects.ts'
import { humanReport } from './report/human.ts'
import { jsonReport } from './report/json.ts'
import { peakMemory } from './report/memory.ts'
import { count } from './report/numbers.ts'
import { ProgressDisplay } from './report/progress.ts'
import { type Output, print, type Style, styleFor, widthOf } from './report/terminal.ts'
import { type Outcome, runReplay } from './run.ts'
import { type StopSignal, watchSignals } from '../signals.ts'
import { exitCodes, synopsis, usage } from './usage.ts'

/** What the command is connected to; `process` is one. */
export interface ReplayIo {
  readonly stdout: Output
  readonly stderr: Output
  /** Emits `SIGINT` and `SIGTERM`. */
  readonly signals: Pick<EventEmitter, 'on' | 'off'>
  /** Sends this process a signal that it does not listen to any more. */
  readonly raise: (signal: StopSignal) => void
}

/** The `replay` command. Resolves to its exit code, after all output has been handed over; never throws. */
export async function replay(args: readonly string[], io: ReplayIo): Promise<number> {
  const request = parse(args)
  if (typeof request === 'string') {
    io.stderr.write(`${request}\n${synopsis}\n--help tells more.\n`)
    return exitCodes.usage
  }
  if (request.help) {
    await print(io.stdout, usage)
    return exitCodes.complete
  }
  const notes = new Notes(io.stderr, request.showRejects)
  const signals = watchSignals(io, () => notes.stopping())
  try {
    await using archive = request.data === undefined ? undefined : await Archive.make(request.data)
    const outcome = await runReplay(request.file, {
      archive,
      signal: signals.signal,
      onReject: (reject) => notes.reject(reject),
      onProgress: (progress) => notes.display.update(progress),
      onUnusedColumns: (names) => notes.unusedColumns(names),
    })
    notes.end(outcome)
    // Of a file without a row that was read there is nothing to tell but the error.
    const nothing = outcome.status === 'failed' && outcome.accepted + outcome.rejected === 0
    const report = request.json
      ? `${JSON.stringify(jsonReport(outcome))}\n`
      : humanReport(outcome, peakMemory(), styleFor(io.stdout), widthOf(io.stdout))
    const unwritten = nothing && !request.json ? undefined : await print(io.stdout, report)
    notes.ending(outcome)
    if (unwritten) notes.unwritten(unwritten)
    return unwritten ? exitCodes.failed : exitCodeOf(outcome, signals.received)
  } catch (error) {
    // The folder cannot be used; what is wrong with the file is in the outcome.
    notes.failed(error)
    return exitCodes.failed
  } finally {
    signals.stop()
  }
}

interface Request {
  readonly help: boolean
  readonly json: boolean
  readonly file: string
  readonly data: string | undefined
  readonly showRejects: number
}

/** The request, or what is wrong with it. */
function parse(args: readonly string[]): Request | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        json: { type: 'boolean', default: false },
        data: { type: 'string' },
        'show-rejects': { type: 'string', default: '20' },
      },
    })
    const { help, json, data, 'show-rejects': show } = values
    const [file, ...others] = positionals
    if (!help && (file === undefined || file === '')) return 'replay: name the FILE to read'
    if (others.length > 0) return `replay: one FILE at a time; ${quoted(others[0]!)} is one too many`
    if (show !== 'all' && !/^\d{1,9}$/.test(show)) {
      return `replay: --show-rejects must be a whole number or all, not ${quoted(show)}`
    }
    if (data === '') return 'replay: --data takes the folder to keep the events in'
    return { help, json, data, file: file ?? '', showRejects: show === 'all' ? Infinity : Number(show) }
  } catch (error) {
    return `replay: ${error instanceof Error ? error.message : String(error)}`
  }
}

function exitCodeOf({ status, rejected }: Outcome, signal: string | undefined): number {
  if (status === 'failed') return exitCodes.failed
  if (status === 'interrupted') return signal === 'SIGTERM' ? exitCodes.terminated : exitCodes.interrupted
  return rejected > 0 ? exitCodes.rejected : exitCodes.complete
}

/** What goes to standard error: progress, rejected rows, and how it ended. */
class Notes {
  readonly display: ProgressDisplay
  readonly #stderr: Output
  readonly #style: Style
  readonly #limit: number
  #shown = 0

  constructor(stderr: Output, limit: number) {
    this.#stderr = stderr
    this.#style = styleFor(stderr)
    this.#limit = limit
    this.display = new ProgressDisplay(stderr)
  }

  reject(reject: Reject): void {
    if (this.#shown === this.#limit) return
    this.#shown++
    this.#line(`${this.#style('yellow', 'rejected')} ${rejectLine(reject)}`)
  }

  unusedColumns(names: readonly string[]): void {
    this.#line(
      `${this.#style('yellow', 'note')} columns without use here: ${names.map((name) => quoted(name)).join(', ')}`,
    )
  }

  stopping(): void {
    this.#line(`${this.#style('yellow', 'stopping')} with what has been read; once more ends at once`)
  }

  /** Before the report. */
  end({ rejected }: Outcome): void {
    this.display.clear()
    if (rejected > this.#shown) {
      this.#line(`… and ${count(rejected - this.#shown)} more rejected rows; --show-rejects all lists them`)
    }
  }

  /** After the report, so that it is the last thing on the screen. */
  ending({ status, error, accepted, rejected }: Outcome): void {
    if (status === 'failed') this.failed(error)
    if (status === 'interrupted') this.#line(`${this.#style('yellow', 'stopped')} before the end of the file`)
    if (status === 'complete' && accepted + rejected === 0) {
      this.#line(`${this.#style('yellow', 'note')} the file has a header and no rows`)
    }
  }

  failed(error: unknown): void {
    const text = isTidingsError(error) ? error.message : error instanceof Error ? error.stack : String(error)
    this.#line(`${this.#style('red', 'error')} ${text}`)
  }

  unwritten(error: Error): void {
    this.#line(`${this.#style('red', 'error')} the report cannot be written: ${error.message}`)
  }

  #line(text: string): void {
    this.display.clear()
    this.#stderr.write(`${text}\n`)
  }
}
