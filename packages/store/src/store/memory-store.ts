import { knownOptions } from '@tidings/core/tools'
import type { AnyDefinedEvent, EventOf } from '@tidings/events'
import { memoryRecorder, type MemoryRecorderOptions } from '../recorder/memory-recorder.ts'
import { createStore } from './create-store.ts'
import type { EventStore } from './event-store.ts'
import type { StoreOptions } from './options.ts'

/** What {@link memoryStore} takes. */
export interface MemoryStoreOptions<Definitions extends readonly AnyDefinedEvent[] = readonly AnyDefinedEvent[]>
  extends StoreOptions<Definitions>, MemoryRecorderOptions {}

/**
 * A store in this process, **lost with it**: for tests, and to begin with. It keeps all events in memory, without bound.
 *
 * @throws TidingsError `INVALID_ARGUMENT`
 *
 * @example
 * const store = memoryStore({ events: createCatalog([OrderPlaced, OrderShipped]) })
 */
export function memoryStore<const Definitions extends readonly AnyDefinedEvent[]>(
  options: MemoryStoreOptions<Definitions>,
): EventStore<EventOf<Definitions[number]>> {
  knownOptions(options, ['events', 'inline', 'encryption', 'clock'], 'memoryStore')
  const { clock, ...rest } = options
  return createStore<Definitions>(memoryRecorder({ clock }), rest)
}
