import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Bus,
  type BusOptions,
  createBus,
  memory,
  memoryDeadLetters,
  memoryInbox,
  type Middleware,
  type Transport,
} from '@tidings/bus'
import { sqlite, type SqliteTransport } from '@tidings/sqlite'
import { type EventStore, memoryStore, runSubscription, waitFor } from '@tidings/store'
import { type Broker, transportTo } from './broker.ts'
import { existingFile, fileIn } from './data-folder.ts'
import { type RecordedEvent, recordedEvents } from './events.ts'
import { ledgerBeside, memoryLedger, sqliteLedger } from './ledger.ts'
import { longMemory, type Memory, shortMemory } from './outside.ts'
import type { Books } from './shop.ts'

/** What a shop stands on: where its events are kept and how they travel. All else is the same wherever it stands. */
export interface Ground extends AsyncDisposable {
  readonly transport: Transport
  /** What the bus needs beside it: what the transport does not keep. */
  readonly beside: Pick<BusOptions, 'inbox' | 'deadLetters' | 'middleware'>
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

/** In a folder or in memory, and on a broker where one is named. Rejects with `DataError`, `SqliteError`. */
export async function groundFor(folder: string | undefined, broker: Broker | undefined): Promise<Ground> {
  if (broker === undefined) return folder === undefined ? inMemory() : inFolder(folder)
  const transport = await transportTo(broker)
  return folder === undefined ? onBroker(transport) : onBrokerInFolder(transport, folder)
}

/** In the memory of this process. */
export function inMemory(): Ground {
  const store = memoryStore({ events: recordedEvents })
  return {
    transport: memory(),
    beside: {},
    books: { store, ledger: memoryLedger([]) },
    outside: { cards: shortMemory(), mail: shortMemory() },
    carryTo: carrierOf(store),
    [Symbol.asyncDispose]: () => store.close(),
  }
}

/** On a broker, and otherwise in memory: what an earlier shop has left on the broker is passed over. */
function onBroker(transport: Transport): Ground {
  return {
    ...inMemory(),
    transport,
    beside: { inbox: memoryInbox(), deadLetters: memoryDeadLetters(), middleware: [sinceThen(Date.now())] },
  }
}

/**
 * On a broker, with all that the shop knows in a folder, which is made where it is not there: what it was told, what it has
 * handled, and what it could not handle. Rejects with `DataError`, `SqliteError`.
 */
async function onBrokerInFolder(transport: Transport, folder: string): Promise<Ground> {
  const ground = await inFolder(folder)
  const file = ground.transport as SqliteTransport
  const stores = await file.stores()
  const books = await createBus({ source: '/books', transport: file, log: false })
  const { store } = ground.books
  return {
    ...ground,
    transport,
    beside: { inbox: stores.inbox, deadLetters: stores.deadLetters },
    books: { store, ledger: ledgerBeside(books) },
    carryTo: carrierOf(store),
    async [Symbol.asyncDispose]() {
      await books.close()
      await stores.close()
      await ground[Symbol.asyncDispose]()
    },
  }
}

/** Where store and broker are two, what is in the one is told to the other, from where it was when it was stopped. */
function carrierOf(store: EventStore<RecordedEvent>): Ground['carryTo'] {
  return async (bus) => {
    const carrier = await runSubscription(store, 'bus', {}, ({ event }) => bus.publish(event))
    return { caughtUp: async () => waitFor(carrier, await store.end()), stop: () => carrier.stop() }
  }
}

/** Passes over what was published before. */
function sinceThen(then: number): Middleware {
  return {
    name: 'since-then',
    async receive({ message }, next) {
      if (Date.parse(String(message.attributes['time'])) >= then) await next(message)
    },
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
    beside: {},
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
