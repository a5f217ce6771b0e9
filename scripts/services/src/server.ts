import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A server of its own on 127.0.0.1, with a temporary folder. It ends with this process, however that ends. */
export interface Server extends AsyncDisposable {
  readonly port: number
  readonly pid: number
  /** Ends it at once, as `kill -9` does; resolves when it is gone. Idempotent. */
  kill(): Promise<void>
  /** Starts it again on its port, with the data that it had; resolves when it answers. Nothing while it runs. */
  start(): Promise<void>
  /** Ends it, and removes its folder. Idempotent. */
  stop(): Promise<void>
  /** Stops it where it is: its connections stand, and nobody answers. */
  suspend(): void
  resume(): void
}

/** What a kind of server is. */
export interface Program {
  readonly name: string
  /** The program and its arguments, which becomes the server itself and stays in the foreground. */
  readonly command: readonly string[]
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly port: number
  /** Whether it answers as a client would be answered: an open port means nothing. */
  answers(): Promise<boolean>
  /** Shell commands that end what it leaves behind; `$1` is its folder. */
  readonly cleanUp?: string | undefined
}

/** Milliseconds that a server may take until it answers, on a machine that has much else to do. */
const patience = 120_000
const betweenLooks = 50

/** A new folder, below that of the system for temporary files. */
export function serverFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `tidings-${name}-`))
}

/** Starts a program; rejects with what it has written, where it ends instead of answering. */
export async function startServer(folder: string, program: Program): Promise<Server> {
  const server = new RunningServer(folder, program)
  try {
    await server.start()
    return server
  } catch (error) {
    await server.stop()
    throw error
  }
}

class RunningServer implements Server {
  readonly port: number
  readonly #folder: string
  readonly #program: Program
  readonly #guard: ChildProcess
  #child: ChildProcess | undefined
  #exited: Promise<void> = Promise.resolve()
  #output = ''

  constructor(folder: string, program: Program) {
    this.#folder = folder
    this.#program = program
    this.port = program.port
    this.#guard = guardOf(folder, program)
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  async start(): Promise<void> {
    if (this.#child !== undefined) return
    // Brokers keep a handle for each of many files; three for a quorum queue.
    const shell = 'ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -H -n)"; exec "$@"'
    const child = spawn('/bin/sh', ['-c', shell, this.#program.name, ...this.#program.command], {
      env: { ...process.env, ...this.#program.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A Ctrl-C for the tests is not meant for it: it would be one more fault.
      detached: true,
    })
    this.#child = child
    this.#output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (bytes: Buffer) => (this.#output = (this.#output + bytes.toString()).slice(-4096)))
    }
    this.#exited = new Promise((resolve) =>
      child.once('exit', () => {
        if (this.#child === child) this.#child = undefined
        resolve()
      }),
    )
    child.unref()
    this.#guard.stdin!.write(`${child.pid}\n`)
    const end = performance.now() + patience
    while (!(await this.#program.answers())) {
      if (this.#child !== child) throw new Error(`${this.#program.name} has ended: ${this.#output}`)
      if (performance.now() > end) throw new Error(`${this.#program.name} does not answer: ${this.#output}`)
      await new Promise((resolve) => setTimeout(resolve, betweenLooks))
    }
  }

  async kill(): Promise<void> {
    this.#child?.ref()
    this.#child?.kill('SIGKILL')
    await this.#exited
  }

  async stop(): Promise<void> {
    this.resume()
    this.#child?.ref()
    this.#child?.kill('SIGTERM')
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), 10_000)
    await this.#exited
    clearTimeout(timer)
    if (this.#guard.exitCode === null) {
      this.#guard.ref()
      const gone = new Promise((resolve) => this.#guard.once('exit', resolve))
      this.#guard.stdin!.end()
      await gone
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }

  suspend(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/**
 * A shell that is told the number of each process that is started, and reads until its input ends: with this process, at
 * the latest. Then it ends the last one, and what belongs to it.
 */
function guardOf(folder: string, { cleanUp = '' }: Program): ChildProcess {
  const script = `while read -r line; do pid=$line; done; [ -n "$pid" ] && kill -9 "$pid" 2>/dev/null\n${cleanUp}\nrm -rf "$1"`
  const guard = spawn('/bin/sh', ['-c', script, 'guard', folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  guard.unref()
  ;(guard.stdin as unknown as { unref?(): void }).unref?.()
  return guard
}
