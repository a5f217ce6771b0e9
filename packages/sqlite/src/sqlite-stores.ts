import type { Inbox } from '@tidings/bus'
import type { DeadLetterStore } from '@tidings/bus/transport'
import type { SharedFile } from './file/shared-file.ts'
import { letterStoreOf } from './file/letter-store.ts'

/** What a bus on another transport keeps in a file, for one process or for several on one machine. */
export interface SqliteStores extends AsyncDisposable {
  /** For the option `inbox` of `createBus`. What is as old as the age of `retention` is forgotten. Rejects with `SqliteError`. */
  readonly inbox: Inbox
  /** For the option `deadLetters`. Beside letters of groups of the file itself, each by its group. Rejects with `SqliteError`. */
  readonly deadLetters: DeadLetterStore
  /** Lets go of the file, behind the bus. Idempotent. */
  close(): Promise<void>
}

/** Those of an open file; `release` lets go of it. */
export function storesOf(file: SharedFile, release: () => Promise<void>): SqliteStores {
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => (closing ??= release())
  return {
    inbox: {
      has(event, group) {
        // Another process may have added it since the last look.
        file.refresh()
        return file.inbox.has(event, group)
      },
      add: (event, group) => file.commit(() => file.inbox.add(event, group, file.now())),
    },
    deadLetters: letterStoreOf(file),
    close,
    [Symbol.asyncDispose]: close,
  }
}
