import type { Transport } from '@tidings/bus'
import { createStore } from '@tidings/store/recorder'
import { SharedUse } from '../file/shared-use.ts'
import type { SqliteTransport } from '../sqlite.ts'
import { FileWorker } from './file-worker.ts'
import { theFile, type WorkerSettings } from './protocol.ts'
import { RemoteConnection } from './remote-connection.ts'
import { RemoteRecorder } from './remote-recorder.ts'
import { openRemoteStores } from './remote-stores.ts'

/** A file that a worker has open, as a transport and a store: one worker for all who use the value. */
export function inWorker(
  settings: WorkerSettings,
  capabilities: Transport['capabilities'],
  ttlOf: (options: Parameters<SqliteTransport['claimChecks']>[0]) => number,
): SqliteTransport {
  const shared = new SharedUse<FileWorker, void>(
    async () => {
      const worker = new FileWorker(settings)
      worker.onLost(() => shared.forget(worker))
      return worker
    },
    (worker) => worker.end(),
  )
  const call = async (method: string, args: readonly unknown[], bytes?: Uint8Array): Promise<unknown> => {
    const { thing: worker, release } = await shared.use()
    try {
      return await worker.call(theFile, method, args, bytes)
    } finally {
      await release()
    }
  }
  const opened = async <Opened>(
    open: (worker: FileWorker, release: () => Promise<void>) => Promise<Opened>,
  ): Promise<Opened> => {
    const { thing: worker, release } = await shared.use()
    try {
      return await open(worker, release)
    } catch (error) {
      await release()
      throw error
    }
  }
  return {
    name: 'sqlite',
    capabilities,
    async connect(options) {
      options.signal?.throwIfAborted()
      return opened((worker, release) => RemoteConnection.open(worker, options, release))
    },
    async store(options) {
      return createStore(await opened((worker, release) => RemoteRecorder.open(worker, release)), options)
    },
    stores: () => opened(openRemoteStores),
    aggregations: () => ({
      add: (entry) => call('add', [entry]) as never,
      read: (aggregation) => call('read', [aggregation]) as never,
      seal: (aggregation, reason) => call('seal', [aggregation, reason]) as never,
      close: (aggregation) => call('close', [aggregation]) as never,
    }),
    claimChecks(options) {
      const ttl = ttlOf(options)
      return {
        async put(key, bytes) {
          // The caller keeps its own.
          const copy = new Uint8Array(bytes)
          await call('put', [ttl, key, copy], copy)
        },
        get: (key) => call('get', [key]) as never,
      }
    },
  }
}
