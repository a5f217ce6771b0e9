// What a transport's author relies on: the suite runs without a test runner, and a broken promise is found and named.
import { memory, systemClock as clock } from '@tidings/bus'
import { conformanceCases, runConformance } from '@tidings/conformance'

const broker = memory()
const [first] = conformanceCases
const { results } = await runConformance({ transport: () => broker }, { cases: [first] })
check(results[0]?.outcome === 'passed', results[0]?.reason)

const deaf = { name: 'deaf', capabilities: broker.capabilities, connect: async () => await connected() }
const found = await runConformance({ transport: () => deaf, within: 100 }, { cases: [first] })
check(found.results[0]?.outcome === 'failed', 'a transport that hands out nothing passed')

/** A connection that takes every event and hands out none. */
async function connected() {
  const connection = await broker.connect({ name: 'deaf', clock, onState() {}, onUnroutable() {} })
  return new Proxy(connection, {
    get(target, key) {
      if (key === 'publish') return () => Promise.resolve()
      const value = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function check(holds, what) {
  if (!holds) throw new Error(`conformance: ${what}`)
}
