import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Bus, memory, type Transport } from '@tidings/bus'
import { sqlite } from '@tidings/sqlite'
import { memoryStore, runSubscription, waitFor } from '@tidings/store'
import { existingFile, fileIn } from './data-folder.ts'
import { recordedEvents } from './events.ts'
import { memoryLedger, sqliteLedger } from './ledger.ts'
import { longMemory, type Memory, shortMemory } from './outside.ts'
import type { Books } from './shop.ts'

/** What a shop stands on: where its events are kept and how they travel. All else is the same wherever it stands. */
export interface Ground extends AsyncDisposable {
  readonly transport: Transport
  readonly books: Books
  /** What those outside remember, who do not end with the shop. */
  readonly outside: { readonly cards: Memory; readonly mail: Memory }
  /** Brings what is appended to streams to those who listen on the bus. */
  carryTo(bus: Bus): Promise<Carrier>
}

/** Brings what is appended to the bus. */
export interface Carrier {
  /** Resolves when all that was appended before is there. */
  caughtUp(): Promise<void>
  stop(): Promise<void>
}

/** In the memory of this process. */
export function inMemory(): Ground {
  const store = memoryStore({ events: recordedEvents })
  return {
    transport: memory(),
    books: { store, ledger: memoryLedger([]) },
    outside: { cards: shortMemory(), mail: shortMemory() },
    // Store and broker are two here, so what is in the one is told to the other.
    async carryTo(bus) {
      const carrier = await runSubscription(store, 'bus', {}, ({ event }) => bus.publish(event))
      return { caughtUp: async () => waitFor(carrier, await store.end()), stop: () => carrier.stop() }
    },
    [Symbol.asyncDispose]: () => store.close(),
  }
}

/** In a folder, which is made where it is not there. Rejects with `DataError`, `SqliteError`. */
export async function inFolder(folder: string): Promise<Ground> {
  const file = sqlite({ file: fileIn(folder, 'shop.db') })
  const outside = join(folder, 'outside')
  mkdirSync(outside, { recursive: true })
  const store = await file.store({ events: recordedEvents })
  return {
    transport: file,
    books: { store, ledger: sqliteLedger },
    outside: { cards: longMemory(join(outside, 'cards.ndjson')), mail: longMemory(join(outside, 'mail.ndjson')) },
    // One log: what is appended is on the bus already, in the same commit.
    carryTo: async () => ({ caughtUp: async () => {}, stop: async () => {} }),
    [Symbol.asyncDispose]: () => store.close(),
  }
}

/** As {@link inFolder}, of a shop that must be there. */
export async function inExistingFolder(folder: string): Promise<Ground> {
  existingFile(folder, 'shop.db', 'demo --data DIR')
  return inFolder(folder)
}
