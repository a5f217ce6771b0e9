import { type ChildProcess, fork } from 'node:child_process'
import type { Transport } from '@tidings/bus'
import { type Duration, milliseconds, TidingsError } from '@tidings/core'
import type { FromChild, NamedFunction, ToChild } from './child-main.ts'

/** A function that a child process calls: `module[name](options)`. */
export interface ModuleFunction {
  readonly module: URL
  /** The export. Default `'default'`. */
  readonly name?: string | undefined
  /** Must survive a structured clone. */
  readonly options?: unknown
}

/** What {@link spawnChild} takes. */
export interface ChildOptions extends ModuleFunction {
  /** What gives the transport of the program: a function of an adapter with the options that it takes. */
  readonly transport?: ModuleFunction | undefined
  /** How long the program may take to begin. Default `'30s'`. */
  readonly timeout?: Duration | undefined
}

/**
 * The function that a child process runs. It has begun when its promise resolves; what it resolves to is disposed of by
 * {@link Child.stop}, a bus for instance.
 */
export type ChildProgram = (kit: ChildKit) => unknown

/** What a {@link ChildProgram} is given. */
export interface ChildKit {
  /** Makes the transport that the parent named. Throws when it named none. */
  readonly transport: () => Transport
  /** Those that the parent gave. */
  readonly options: unknown
  /** Tells the parent; what was told last may be lost when the process is killed. Must survive a structured clone. */
  readonly report: (value: unknown) => void
  /** Aborts when the parent asks it to stop. */
  readonly signal: AbortSignal
}

export interface ChildExit {
  readonly code: number | null
  /** Such as `'SIGKILL'`. */
  readonly signal: string | null
}

/** A process that can be killed. Made by {@link spawnChild}; disposing of it kills it. */
export interface Child extends AsyncDisposable {
  readonly pid: number
  /** What it reported so far, in order. */
  readonly reports: readonly unknown[]
  readonly exited: Promise<ChildExit>
  /**
   * Resolves as soon as the reports are so. Rejects with `CHILD_PROCESS_FAILED` and what the process wrote when it ends
   * before, or after `timeout`, by default `'30s'`.
   */
  until(condition: (reports: readonly unknown[]) => boolean, timeout?: Duration): Promise<void>
  /** Ends it at once, as `kill -9` does: nothing of it runs any more. Resolves when it is gone. Idempotent. */
  kill(): Promise<void>
  /** Asks it to stop: its signal aborts, what its program made is disposed of, and it exits. Idempotent. */
  stop(): Promise<ChildExit>
}

/**
 * Runs a module in a Node process of its own, so that it can be killed in the middle of its work. Resolves when its
 * program has begun. The process ends with its parent, whatever becomes of that.
 *
 * @example
 * // consumer.ts: export default ({ transport, report }) => createBus({ …, transport: transport() })
 * await using consumer = await spawnChild({ module: new URL('./consumer.ts', import.meta.url), transport: broker.transport })
 * await consumer.until((reports) => reports.length > 0)
 * await consumer.kill()
 */
export async function spawnChild(options: ChildOptions): Promise<Child> {
  const { transport, timeout = '30s' } = options
  // Beside this file, which is TypeScript in the repository and JavaScript in the package.
  const isSource = import.meta.url.endsWith('.ts')
  const script = new URL(isSource ? './child-main.ts' : './child-main.js', import.meta.url)
  const spawned = fork(script, [], {
    execArgv: isSource ? ['--conditions=@tidings/source'] : [],
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const child = new RunningChild(spawned)
  child.tell({ start: named(options), transport: transport && named(transport) })
  try {
    await child.begun(milliseconds(timeout, 'timeout'))
    return child
  } catch (error) {
    await child.kill()
    throw error
  }
}

function named({ module, name = 'default', options }: ModuleFunction): NamedFunction {
  return { module: module.href, name, options }
}

/** How much of what a process wrote is kept, from the end. */
const keptOutput = 8 * 1024

class RunningChild implements Child {
  readonly reports: unknown[] = []
  readonly exited: Promise<ChildExit>
  readonly #process: ChildProcess
  readonly #watchers = new Set<() => void>()
  #output = ''
  #begun = false
  #exit: ChildExit | undefined

  constructor(spawned: ChildProcess) {
    this.#process = spawned
    for (const stream of [spawned.stdout, spawned.stderr]) {
      stream?.on('data', (bytes: Buffer) => (this.#output = (this.#output + bytes.toString()).slice(-keptOutput)))
    }
    spawned.on('message', (message: FromChild) => {
      if ('report' in message) this.reports.push(message.report)
      else this.#begun = true
      this.#changed()
    })
    // The channel breaks when the process is killed with something under way.
    spawned.on('error', () => {})
    this.exited = new Promise((resolve) => {
      // Behind the last words of the process.
      spawned.on('close', (code, signal) => {
        this.#exit = { code, signal }
        this.#changed()
        resolve(this.#exit)
      })
    })
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  begun(timeout: number): Promise<void> {
    return this.#when(() => this.#begun, 'begin', timeout)
  }

  until(condition: (reports: readonly unknown[]) => boolean, timeout: Duration = '30s'): Promise<void> {
    return this.#when(() => condition(this.reports), 'report what was waited for', milliseconds(timeout, 'timeout'))
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.exited
  }

  stop(): Promise<ChildExit> {
    this.tell({ stop: true })
    return this.exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  tell(message: ToChild): void {
    if (this.#process.connected) this.#process.send(message, () => {})
  }

  #when(isSo: () => boolean, what: string, timeout: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (late?: boolean): void => {
        const so = isSo()
        if (!so && late !== true && this.#exit === undefined) return
        clearTimeout(timer)
        this.#watchers.delete(look)
        if (so) resolve()
        else reject(this.#failed(late ? `did not ${what} within ${timeout}ms` : `ended before it did ${what}`))
      }
      const timer = setTimeout(() => look(true), timeout)
      this.#watchers.add(look)
      look()
    })
  }

  #changed(): void {
    for (const look of this.#watchers) look()
  }

  #failed(what: string): TidingsError {
    const end = this.#exit && ` (code ${this.#exit.code}, signal ${this.#exit.signal})`
    return new TidingsError(
      'CHILD_PROCESS_FAILED',
      `the child process ${this.pid} ${what}${end ?? ''}\nIt wrote: ${this.#output.trim() || 'nothing'}`,
    )
  }
}
