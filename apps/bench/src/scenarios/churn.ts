import type { Recipe } from '../recipes/recipe.ts'
import { closures, handlers, loopOf, payloads, type Handler, type Sink } from '../run/generate.ts'
import { type Library, nameOf, openLibrary } from '../run/library.ts'
import { seeded, shuffled } from '../run/random.ts'
import type { Subject } from '../run/subject.ts'
import { exercise } from '../run/warm.ts'

/** What subscriptions come and go among. */
export interface Churning {
  /** Other handlers of the same topic. */
  readonly others: number
  /** Whether the library was used for other things before; default false. */
  readonly warmed?: boolean
}

const comers = 64

/** Subscribes a handler and unsubscribes it, among others that stay. */
export async function churning(recipe: Recipe, { others, warmed = false }: Churning): Promise<Subject> {
  const library = await openLibrary(recipe)
  if (warmed) await exercise(library, false)
  const sink: Sink = { count: 0 }
  const bus = library.bus()
  const name = nameOf(0)
  const topic = library.topic(bus, name)
  const staying = others < 256 ? handlers(others, 'tiny', sink, recipe.payload) : closures(others, sink, recipe.payload)
  for (const handler of staying) library.subscribe(bus, topic, name, handler)
  const coming = handlers(comers, 'tiny', sink, recipe.payload)
  const publish = (): unknown => library.publish(bus, topic, name, payloads()[0])
  comeAndGo(library, { bus, topic, name, sink, publish }, coming[0]!, others)
  return {
    sink,
    run: loopOf(
      { lib: library.lib, bus, topic, name, coming },
      `const handler = coming[at & ${comers - 1}]
      const subscription = ${recipe.subscribe}
      ;${recipe.unsubscribe}`,
    ),
    deliveries: () => 0,
    // Whether those who left are gone, and those who stayed are there.
    prove: () => {
      publish()
      return others
    },
  }
}

/** Subscribes for one event and publishes it. */
export async function onceEach(recipe: Recipe, { warmed = false }: { readonly warmed?: boolean }): Promise<Subject> {
  const library = await openLibrary(recipe)
  if (warmed) await exercise(library, false)
  const sink: Sink = { count: 0 }
  const bus = library.bus()
  const name = nameOf(0)
  const topic = library.topic(bus, name)
  const coming = handlers(comers, 'tiny', sink, recipe.payload)
  return {
    sink,
    run: loopOf(
      { lib: library.lib, bus, topic, name, coming, payloads: payloads() },
      `const handler = coming[at & ${comers - 1}], payload = payloads[at & 7]
      ;${recipe.once}
      ;${recipe.publish}`,
    ),
    deliveries: (count) => count,
  }
}

/** Subscribes as many handlers as told to one topic, then unsubscribes all of them. */
export async function fillingAndEmptying(
  recipe: Recipe,
  { size, order }: { readonly size: number; readonly order: 'random' | 'oldest-first' },
): Promise<Subject> {
  const library = await openLibrary(recipe)
  const sink: Sink = { count: 0 }
  const bus = library.bus()
  const name = nameOf(0)
  const topic = library.topic(bus, name)
  const positions = Array.from({ length: size }, (_, at) => at)
  const publish = (): unknown => library.publish(bus, topic, name, payloads()[0])
  comeAndGo(library, { bus, topic, name, sink, publish }, closures(1, sink, recipe.payload)[0]!, 0)
  return {
    sink,
    run: loopOf(
      {
        lib: library.lib,
        bus,
        topic,
        name,
        handlers: closures(size, sink, recipe.payload),
        order: order === 'random' ? shuffled(positions, seeded(1)) : positions,
        subscriptions: Array.from({ length: size }),
      },
      `for (let place = 0; place < handlers.length; place++) {
        const handler = handlers[place]
        subscriptions[place] = ${recipe.subscribe}
      }
      for (const place of order) {
        const handler = handlers[place], subscription = subscriptions[place]
        ;${recipe.unsubscribe}
      }`,
    ),
    deliveries: () => 0,
    // It must find nobody.
    prove: () => {
      publish()
      return 0
    },
    units: size,
  }
}

interface Stage {
  readonly bus: unknown
  readonly topic: unknown
  readonly name: string
  readonly sink: Sink
  readonly publish: () => unknown
}

/** Throws unless a handler is called exactly while it is subscribed: a loop that measures nothing would look fast. */
function comeAndGo(
  library: Library,
  { bus, topic, name, sink, publish }: Stage,
  handler: Handler,
  others: number,
): void {
  const delivered = (): number => {
    const before = sink.count
    publish()
    return sink.count - before
  }
  const subscription = library.subscribe(bus, topic, name, handler)
  const during = delivered()
  library.unsubscribe(bus, topic, handler, subscription)
  const after = delivered()
  if (during !== others + 1 || after !== others) {
    throw new Error(
      `${library.recipe.label} called ${during} handlers with one more subscribed and ${after} without, expected ${others + 1} and ${others}`,
    )
  }
}
