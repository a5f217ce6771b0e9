import type { IteratorRecipe } from '../recipes/iterators.ts'
import { evaluate, loopOf, payloads, type Sink } from '../run/generate.ts'
import type { Subject } from '../run/subject.ts'
import { nameOf } from '../run/library.ts'

const batch = 64

/** Publishes 64 events, then reads them. */
export async function iterating(recipe: IteratorRecipe): Promise<Subject> {
  const sink: Sink = { count: 0 }
  const lib = await recipe.load?.()
  const stage = evaluate<Record<'bus' | 'topic' | 'iterator', unknown>>(
    { lib, name: nameOf(0) },
    `const bus = ${recipe.bus}
    const topic = ${recipe.topic ?? 'name'}
    return { bus, topic, iterator: ${recipe.events} }`,
  )
  return {
    sink,
    run: loopOf(
      { lib, sink, ...stage, payloads: payloads() },
      `for (let event = 0; event < ${batch}; event++) { const payload = payloads[event & 7]; ${recipe.publish} }
      for (let event = 0; event < ${batch}; event++) {
        const { value } = await iterator.next()
        sink.count += (${recipe.value}).amount
      }`,
      { awaited: true },
    ),
    deliveries: (count) => count * batch,
    units: batch,
  }
}
