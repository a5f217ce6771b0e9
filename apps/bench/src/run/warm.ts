import { evaluate, handlers, otherPayloads, type Sink } from './generate.ts'
import { type Library, nameOf } from './library.ts'

const instances = 3
const topics = 24
const rounds = 40

/**
 * Uses a library as an application does before its hot path is reached: 3 instances of 24 topics with 0 to 5 handlers
 * each, and payloads of other shapes. Without this, a benchmark measures code that has only ever seen one case.
 */
export async function exercise(library: Library, awaited: boolean): Promise<void> {
  const { lib, recipe } = library
  const sink: Sink = { count: 0 }
  const pool = handlers(32, 'other', sink)
  if (awaited) pool.push(...handlers(32, 'other-async', sink))
  const places: { bus: unknown; topic: unknown; name: string }[] = []
  let subscribed = 0
  for (let instance = 0; instance < instances; instance++) {
    const bus = library.bus()
    for (let index = 0; index < topics; index++) {
      const name = nameOf(index)
      const topic = library.topic(bus, name)
      places.push({ bus, topic, name })
      for (let turn = 0; turn < index % 6; turn++) {
        library.subscribe(bus, topic, name, pool[(subscribed++ * 7) % pool.length]!)
      }
    }
  }
  const run = evaluate<() => void | Promise<void>>(
    { lib, places, payloads: otherPayloads, rounds },
    `return ${awaited ? 'async ' : ''}() => {
      for (let round = 0; round < rounds; round++)
        for (const { bus, topic, name } of places)
          for (const payload of payloads) { ${awaited ? `await (${recipe.publish})` : recipe.publish} }
    }`,
  )
  await run()
  const expected = subscribed * otherPayloads.length * rounds
  if (sink.count !== expected) {
    throw new Error(`${recipe.label} delivered ${sink.count} events while it was warmed up, expected ${expected}`)
  }
}
