import type { Progress } from '../run.ts'
import { count, duration } from './numbers.ts'
import type { Output } from './terminal.ts'

const BAR = 24
/** Milliseconds between two updates of the bar, and between two lines where there is no terminal. */
const REDRAW = 100
const LINE = 5000

/** Shows how far the replay is: a bar on a terminal, a plain line every five seconds elsewhere. */
export class ProgressDisplay {
  readonly #output: Output
  readonly #now: () => number
  readonly #start: number
  #shownAt: number
  #drawn = false

  /** `now` is in milliseconds. */
  constructor(output: Output, now: () => number = () => performance.now()) {
    this.#output = output
    this.#now = now
    this.#start = now()
    this.#shownAt = this.#start
  }

  update(progress: Progress): void {
    const now = this.#now()
    const terminal = this.#output.isTTY === true
    if (now - this.#shownAt < (terminal ? REDRAW : LINE)) return
    this.#shownAt = now
    const seconds = (now - this.#start) / 1000
    if (terminal) this.#draw(bar(progress, seconds))
    else this.#output.write(`${text(progress, seconds)}\n`)
  }

  /** Takes the bar off the terminal, so that something else can be written; the next update draws it again. */
  clear(): void {
    if (this.#drawn) this.#output.write('\r\u001b[K')
    this.#drawn = false
  }

  #draw(line: string): void {
    // A line that wraps could not be drawn over. A terminal that does not know its width says 0.
    const width = (this.#output.columns || 80) - 1
    this.#output.write(`\r\u001b[K${line.slice(0, width)}`)
    this.#drawn = true
  }
}

function bar(progress: Progress, seconds: number): string {
  if (progress.bytesTotal === 0) return text(progress, seconds)
  const filled = Math.round(done(progress) * BAR)
  return `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)} ${text(progress, seconds)}`
}

function text(progress: Progress, seconds: number): string {
  const { rows, accepted, bytesTotal } = progress
  const speed = `${count(rows)} rows, ${count(Math.round(accepted / seconds))} events/s`
  if (bytesTotal === 0) return speed
  const part = done(progress)
  const left = part > 0 ? `, ${duration((seconds * (1 - part)) / part)} left` : ''
  return `${Math.floor(part * 100)} %, ${speed}${left}`
}

function done({ bytesRead, bytesTotal }: Progress): number {
  return Math.min(1, bytesRead / bytesTotal)
}
