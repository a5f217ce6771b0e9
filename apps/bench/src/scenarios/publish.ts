import type { Recipe } from '../recipes/recipe.ts'
import { closures, type Handler, handlers, loopOf, payloads, type Sink, type Work } from '../run/generate.ts'
import { type Library, nameOf, openLibrary } from '../run/library.ts'
import { seeded } from '../run/random.ts'
import type { Subject } from '../run/subject.ts'
import { exercise } from '../run/warm.ts'

/** What is published to whom. */
export interface Publishing {
  /** Handlers of each topic. */
  readonly handlers: number
  readonly work: Work
  /** Topics that are published to, at random; default 1. */
  readonly topics?: number
  /** Topics of one handler that are not published to; default 0. */
  readonly others?: number
  /** Whether the library was used for other things before; default false. */
  readonly warmed?: boolean
  /** Whether a subscription changes before it is timed; default false. */
  readonly changed?: boolean
  /** Whether instance and topic are constants to the publishing code; default false. */
  readonly constant?: boolean
  /** Whether each publish is awaited; default false. */
  readonly awaited?: boolean
  /** Whether time is told for each handler, not for each publish; default false. */
  readonly perHandler?: boolean
  /** Whether handlers share their code, since it would take too long to compile so many; default false. */
  readonly alike?: boolean
}

const draws = 4096
/** The handlers that many topics draw on. */
const manyTopicsPool = 256

/** Publishes to one topic, or to many at random. */
export async function publishing(recipe: Recipe, options: Publishing): Promise<Subject> {
  const { topics = 1, others = 0, awaited = false } = options
  const library = await openLibrary(recipe)
  if (options.warmed) await exercise(library, awaited)
  const sink: Sink = { count: 0 }
  const bus = library.bus()
  const places = Array.from({ length: topics }, (_, index) => placeOf(library, bus, nameOf(index)))
  const pool = poolOf(recipe, options, sink)
  const change = fill(library, bus, places, pool, options.handlers)
  const bystanders = handlers(64, 'tiny', sink, recipe.payload)
  for (let index = 0; index < others; index++) {
    const { name, topic } = placeOf(library, bus, nameOf(topics + index))
    library.subscribe(bus, topic, name, bystanders[index % bystanders.length]!)
  }
  const publish = awaited ? `await (${recipe.publish})` : recipe.publish
  const { lib } = library
  const run =
    topics === 1
      ? loopOf(
          { lib, bus, ...places[0], payloads: payloads() },
          `const payload = payloads[at & 7]; ${publish}`,
          options,
        )
      : loopOf(
          { lib, bus, topics: places.map(({ topic }) => topic), order: drawn(topics), payloads: payloads() },
          `const payload = payloads[at & 7], topic = topics[order[at & ${draws - 1}]]; ${publish}`,
          options,
        )
  return {
    run,
    sink,
    deliveries: (count) => count * options.handlers,
    units: options.perHandler ? options.handlers : 1,
    ...(options.changed ? { change } : {}),
  }
}

interface Place {
  readonly name: string
  readonly topic: unknown
}

function placeOf(library: Library, bus: unknown, name: string): Place {
  return { name, topic: library.topic(bus, name) }
}

/** One handler more than are subscribed, for the change. */
function poolOf(recipe: Recipe, { handlers: count, topics = 1, work, alike }: Publishing, sink: Sink): Handler[] {
  const size = topics > 1 ? manyTopicsPool : count + 1
  return alike ? closures(size, sink, recipe.payload) : handlers(size, work, sink, recipe.payload)
}

/** Subscribes the handlers, and returns how one of them is exchanged. */
function fill(
  library: Library,
  bus: unknown,
  places: readonly Place[],
  pool: readonly Handler[],
  count: number,
): () => void {
  let next = 0
  let last: { place: Place; handler: Handler; subscription: unknown } | undefined
  for (const place of places) {
    for (let turn = 0; turn < count; turn++) {
      const handler = pool[next++ % pool.length]!
      last = { place, handler, subscription: library.subscribe(bus, place.topic, place.name, handler) }
    }
  }
  return (): void => {
    if (!last) return
    const { place, handler, subscription } = last
    library.unsubscribe(bus, place.topic, handler, subscription)
    library.subscribe(bus, place.topic, place.name, pool[next % pool.length]!)
  }
}

function drawn(topics: number): Uint32Array {
  const random = seeded(1)
  return Uint32Array.from({ length: draws }, () => Math.floor(random() * topics))
}
