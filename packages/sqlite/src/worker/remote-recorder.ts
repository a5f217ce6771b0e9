import { StoreClosedError } from '@tidings/store'
import type {
  Commit,
  Committed,
  LoggedEvent,
  LogPage,
  LogQuery,
  LogRecord,
  Recorder,
  RecordQuery,
  StreamPage,
  StreamQuery,
} from '@tidings/store/recorder'
import type { FileWorker, Remote } from './file-worker.ts'
import { ownBytes, type Target, theFile } from './protocol.ts'

/** A log of events in a file that a worker has open. */
export class RemoteRecorder implements Recorder {
  readonly name = 'sqlite'
  readonly #worker: FileWorker
  readonly #target: Target
  readonly #there: Remote<Omit<Recorder, 'name' | 'watch'>>
  readonly #release: () => Promise<void>
  readonly #watchers = new Set<() => void>()
  readonly #stopListening: () => void
  #closing: Promise<void> | undefined

  private constructor(worker: FileWorker, release: () => Promise<void>) {
    this.#worker = worker
    this.#release = release
    this.#target = worker.target({ wake: () => this.#wake() })
    const methods = ['commit', 'readStream', 'readLog', 'readRecord', 'listRecords', 'close'] as const
    this.#there = worker.remote(this.#target, methods)
    // Who waits finds out.
    this.#stopListening = worker.onLost(() => this.#wake())
  }

  /** `release` lets go of the worker. */
  static async open(worker: FileWorker, release: () => Promise<void>): Promise<Recorder> {
    const recorder = new RemoteRecorder(worker, release)
    await worker.call(theFile, 'recorder', [recorder.#target])
    return recorder
  }

  async commit(commit: Commit): Promise<Committed> {
    this.#check('commit()')
    const { appends } = commit
    return this.#there.commit(
      appends === undefined
        ? commit
        : { ...commit, appends: appends.map((append) => ({ ...append, events: append.events.map(sendable) })) },
    )
  }

  async readStream(query: StreamQuery): Promise<StreamPage> {
    this.#check('readStream()')
    return this.#there.readStream(query)
  }

  async readLog(query: LogQuery): Promise<LogPage> {
    this.#check('readLog()')
    return this.#there.readLog(query)
  }

  async readRecord(key: string): Promise<LogRecord | undefined> {
    this.#check('readRecord()')
    return this.#there.readRecord(key)
  }

  async listRecords(query: RecordQuery): Promise<readonly LogRecord[]> {
    this.#check('listRecords()')
    return this.#there.listRecords(query)
  }

  watch(wake: () => void): () => void {
    const watcher = (): void => wake()
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#wake()
    this.#watchers.clear()
    try {
      await this.#there.close()
    } catch {
      // The worker is gone, and the file closed.
    }
    this.#stopListening()
    this.#worker.forget(this.#target)
    await this.#release()
  }

  #check(call: string): void {
    if (this.#closing !== undefined) throw new StoreClosedError(call)
  }

  #wake(): void {
    for (const wake of this.#watchers) wake()
  }
}

function sendable(event: LoggedEvent['event']): LoggedEvent['event'] {
  const { body } = event
  return body instanceof Uint8Array ? { ...event, body: ownBytes(body) } : event
}
