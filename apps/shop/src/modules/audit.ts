import type { EventStore } from '@tidings/store'
import type { RecordedEvent } from '../events.ts'

/** What one event led to, itself included, as the log has it: each type with its depth in the chain of causes. */
export async function story(
  store: EventStore<RecordedEvent>,
  correlationId: string,
): Promise<{ type: string; depth: number }[]> {
  const found: { type: string; depth: number }[] = []
  for await (const { event } of store.readAll()) {
    if (event.id !== correlationId && event.correlationId !== correlationId) continue
    found.push({ type: event.type, depth: event.causationDepth })
  }
  return found
}
