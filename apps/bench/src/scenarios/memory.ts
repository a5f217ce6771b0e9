import type { Recipe } from '../recipes/recipe.ts'
import { closures, type Sink } from '../run/generate.ts'
import { nameOf, openLibrary } from '../run/library.ts'

/** How subscriptions are spread over topics. */
export interface Layout {
  readonly topics: number
  readonly handlers: number
  /** Whether what subscribing returned is kept, to unsubscribe by. */
  readonly kept?: boolean
}

/** Heap bytes of one subscription. `collect` is a full garbage collection. */
export async function weigh(recipe: Recipe, layout: Layout, collect: () => Promise<void>): Promise<number> {
  const { topics, handlers, kept = false } = layout
  const library = await openLibrary(recipe)
  const sink: Sink = { count: 0 }
  const pool = closures(topics * handlers, sink, recipe.payload)
  const names = Array.from({ length: topics }, (_, index) => nameOf(index))
  // The list is there before, so that only what it comes to hold counts.
  const keeping: unknown[] = Array.from({ length: pool.length })
  // The first use of a library makes what is not a subscription's: compiled code, shapes, an instance.
  subscribeAll(library, library.bus(), names.slice(0, 1), pool.slice(0, 1), 1, [])
  const bus = library.bus()
  await collect()
  const before = process.memoryUsage().heapUsed
  const held = subscribeAll(library, bus, names, pool, handlers, kept ? keeping : undefined)
  await collect()
  const bytes = process.memoryUsage().heapUsed - before
  // It also keeps bus and topics alive until here.
  library.publish(bus, held[0], names[0]!, { amount: 1, key: 'customer-0' })
  if (sink.count !== handlers) {
    throw new Error(`${recipe.label} delivered ${sink.count} events to one of its topics, expected ${handlers}`)
  }
  return bytes / pool.length
}

/** Subscribes each handler and returns the topics, which the publisher would hold. */
function subscribeAll(
  library: Awaited<ReturnType<typeof openLibrary>>,
  bus: unknown,
  names: readonly string[],
  pool: ReturnType<typeof closures>,
  each: number,
  keeping: unknown[] | undefined,
): unknown[] {
  return names.map((name, at) => {
    const topic = library.topic(bus, name)
    for (let turn = 0; turn < each; turn++) {
      const position = at * each + turn
      const subscription = library.subscribe(bus, topic, name, pool[position]!)
      if (keeping) keeping[position] = subscription
    }
    return topic
  })
}
