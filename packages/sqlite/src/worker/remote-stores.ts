import type { Inbox } from '@tidings/bus'
import type { DeadLetterStore } from '@tidings/bus/transport'
import type { SqliteStores } from '../sqlite-stores.ts'
import type { FileWorker } from './file-worker.ts'
import { theFile } from './protocol.ts'
import { sendable } from './remote-connection.ts'

/** The inbox and the dead letters of a file that a worker has open; `release` lets go of the worker. */
export async function openRemoteStores(worker: FileWorker, release: () => Promise<void>): Promise<SqliteStores> {
  const [inbox, letters] = [worker.target(), worker.target()]
  await worker.call(theFile, 'stores', [inbox, letters])
  let closing: Promise<void> | undefined
  const end = async (): Promise<void> => {
    try {
      await worker.call(inbox, 'close', [])
    } catch {
      // The worker is gone, and the file closed.
    }
    for (const target of [inbox, letters]) worker.forget(target)
    await release()
  }
  const close = (): Promise<void> => (closing ??= end())
  const there = worker.remote<DeadLetterStore>(letters, ['add', 'get', 'list', 'remove', 'firstOfKey'])
  return {
    inbox: worker.remote<Inbox>(inbox, ['has', 'add']),
    deadLetters: { ...there, add: (letter) => there.add({ ...letter, message: sendable(letter.message) }) },
    close,
    [Symbol.asyncDispose]: close,
  }
}
