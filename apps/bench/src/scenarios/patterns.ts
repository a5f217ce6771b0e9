import type { Recipe } from '../recipes/recipe.ts'
import { handlers, loopOf, payloads, type Sink } from '../run/generate.ts'
import { openLibrary } from '../run/library.ts'
import { seeded } from '../run/random.ts'
import type { Subject } from '../run/subject.ts'
import { exercise } from '../run/warm.ts'

const draws = 4096
const digits = Array.from({ length: 10 }, (_, digit) => digit)

/** 1,000 topics `a.b.c`, ten by ten by ten, and 1,000 subscriptions: 850 exact, 100 `a.b.*`, 40 `a.*.c`, 10 `a.**`. */
const board: { readonly names: readonly string[]; readonly subscriptions: readonly string[] } = (() => {
  const names = digits.flatMap((a) => digits.flatMap((b) => digits.map((c) => `a${a}.b${b}.c${c}`)))
  return {
    names,
    subscriptions: [
      ...names.slice(0, 850),
      ...digits.flatMap((a) => digits.map((b) => `a${a}.b${b}.*`)),
      ...digits.flatMap((a) => digits.slice(0, 4).map((c) => `a${a}.*.c${c}`)),
      ...digits.map((a) => `a${a}.**`),
    ],
  }
})()

/** Publishes at random to the topics of the board. */
export async function publishingToPatterns(recipe: Recipe, { warmed }: { readonly warmed: boolean }): Promise<Subject> {
  const library = await openLibrary(recipe)
  if (warmed) await exercise(library, false)
  const sink: Sink = { count: 0 }
  const bus = library.bus()
  const pool = handlers(256, 'tiny', sink, recipe.payload)
  board.subscriptions.forEach((name, at) => library.subscribe(bus, undefined, name, pool[at % pool.length]!))
  const random = seeded(1)
  const order = Uint16Array.from({ length: draws }, () => Math.floor(random() * board.names.length))
  return {
    sink,
    run: loopOf(
      {
        lib: library.lib,
        bus,
        topics: board.names.map((name) => library.topic(bus, name)),
        order,
        payloads: payloads(),
      },
      `const payload = payloads[at & 7], topic = topics[order[at & ${draws - 1}]]; ${recipe.publish}`,
    ),
    deliveries: counter(order),
  }
}

/** How many handlers the first so many draws reach. */
function counter(order: Uint16Array): (count: number) => number {
  const expressions = board.subscriptions.map(
    (pattern) => new RegExp(`^${pattern.replaceAll('.', '\\.').replace('**', '.+').replaceAll('*', '[^.]+')}$`),
  )
  const matches = board.names.map((name) => expressions.filter((expression) => expression.test(name)).length)
  const sums = [0]
  for (const at of order) sums.push(sums.at(-1)! + matches[at]!)
  return (count) => Math.floor(count / draws) * sums[draws]! + sums[count % draws]!
}
