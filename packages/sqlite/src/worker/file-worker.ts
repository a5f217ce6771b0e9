import { errorOf, type ErrorClass } from '@tidings/bus/transport'
import { StoreClosedError } from '@tidings/store'
import { ConcurrencyError, EventExistsError, RecordConflictError, StreamTombstonedError } from '@tidings/store/recorder'
import { Worker } from 'node:worker_threads'
import { SqliteError } from '../errors.ts'
import { type Batch, type Call, Outbox, type Target, theFile, type Told, type WorkerSettings } from './protocol.ts'

const classes: readonly ErrorClass[] = [
  ConcurrencyError,
  EventExistsError,
  RecordConflictError,
  SqliteError,
  StoreClosedError,
  StreamTombstonedError,
]

/** What happens at a target without being asked, by name. */
export type Events = Readonly<Record<string, (...args: never[]) => void>>

/** The methods of a target that can be called from here. */
export type Remote<Methods> = {
  readonly [Name in keyof Methods]: Methods[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never
}

/** The thread that has the file open, as the application sees it. It keeps the process alive until `end`. */
export class FileWorker {
  readonly #worker: Worker
  readonly #file: string
  readonly #outbox: Outbox<Call>
  readonly #calls = new Map<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }>()
  readonly #events = new Map<Target, Events>()
  readonly #onLost = new Set<(error: SqliteError) => void>()
  #numbers = 0
  #targets = theFile
  #lost: SqliteError | undefined
  #thrown: Error | undefined

  constructor(settings: WorkerSettings) {
    // Beside this file, which is TypeScript in the repository and JavaScript in the package.
    const isSource = import.meta.url.endsWith('.ts')
    const script = new URL(isSource ? './worker-main.ts' : './worker-main.js', import.meta.url)
    this.#file = settings.file
    this.#worker = new Worker(script, {
      name: `tidings-sqlite ${settings.file}`,
      workerData: settings,
      ...(isSource ? { execArgv: ['--conditions=@tidings/source'] } : {}),
    })
    this.#outbox = new Outbox(this.#worker)
    this.#worker.on('message', ({ items, n }: Batch<Told>) => {
      this.#outbox.hasSeen(n)
      for (const each of items) this.#isTold(each)
    })
    this.#worker.on('error', (error) => (this.#thrown = error))
    this.#worker.on('exit', (code) => this.#isLost(code))
  }

  /** Why it is there no more; undefined as long as it is. */
  get lost(): SqliteError | undefined {
    return this.#lost
  }

  /** A new target; the other side is to be told its number. `events` are what happens there. */
  target(events: Events = {}): Target {
    const target = ++this.#targets
    this.#events.set(target, events)
    return target
  }

  forget(target: Target): void {
    this.#events.delete(target)
  }

  /** Told when the worker ends without being asked to. The function returned ends it. */
  onLost(listener: (error: SqliteError) => void): () => void {
    this.#onLost.add(listener)
    return () => void this.#onLost.delete(listener)
  }

  /**
   * `bytes`, a part of the arguments, go over as they are. Rejects with what the method throws, or with `SQLITE_WORKER_LOST`:
   * then it is not known whether it was done.
   */
  call(target: Target, method: string, args: readonly unknown[], bytes?: Uint8Array): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#lost !== undefined) return reject(this.#lost)
      const n = ++this.#numbers
      this.#calls.set(n, { resolve, reject })
      this.#outbox.push([n, target, method, args], bytes)
    })
  }

  /** Some methods of a target, as they are called here. */
  remote<Methods>(target: Target, names: readonly (keyof Methods & string)[]): Remote<Methods> {
    const methods = names.map((name) => [name, (...args: unknown[]) => this.call(target, name, args)])
    return Object.fromEntries(methods) as Remote<Methods>
  }

  /** To be called when nothing is under way. */
  async end(): Promise<void> {
    this.#onLost.clear()
    await this.#worker.terminate()
  }

  #isTold(told: Told): void {
    if ('at' in told) {
      this.#events.get(told.at)?.[told.event]?.(...(told.args as never[]))
      return
    }
    const n = 'done' in told ? told.done : told.failed
    const call = this.#calls.get(n)
    this.#calls.delete(n)
    if ('done' in told) call?.resolve(told.value)
    else call?.reject(errorOf(told.error, classes))
  }

  #isLost(code: number): void {
    const why = this.#thrown?.message ?? `exit code ${code}`
    const lost = new SqliteError(
      'SQLITE_WORKER_LOST',
      this.#file,
      `the worker of the file ${JSON.stringify(this.#file)} has ended (${why})\n` +
        'What was confirmed is in the file, what is unsettled is handed out again: begin a new bus or store on it.',
      { cause: this.#thrown },
    )
    this.#lost = lost
    for (const tell of this.#onLost) tell(lost)
    for (const { reject } of this.#calls.values()) reject(lost)
    this.#calls.clear()
  }
}
