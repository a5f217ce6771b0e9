import { describe, expect, test } from 'vitest'
import { recipeOf, type Recipe } from '../src/recipes/recipe.ts'
import { syncRecipes } from '../src/recipes/sync.ts'
import { Counted } from '../src/run/subject.ts'
import { busStage, codecStage, transportStage } from '../src/run/bus-stage.ts'
import { churning, onceEach } from '../src/scenarios/churn.ts'
import { weigh } from '../src/scenarios/memory.ts'
import { publishing } from '../src/scenarios/publish.ts'
import { scenarios } from '../src/scenarios/scenarios.ts'

/** Columns are circumstances: two scenarios are tried in all of theirs, the others in their first. */
const races = scenarios.flatMap((scenario) => {
  if (scenario.kind !== 'race') return []
  const all = scenario.id === 'publish-3' || scenario.id === 'async-3'
  const columns = all ? scenario.columns : scenario.columns.slice(0, 1)
  // A million rows are no test; `sqlite.test.ts` has some.
  if (scenario.id === 'sqlite-growth') return []
  // `brokers.test.ts` has those that need a server.
  if (scenario.server !== undefined) return []
  return (scenario.group === 'growth' ? ['100'] : columns).flatMap((column) =>
    Object.keys(scenario.contestants)
      .filter((contestant) => scenario.leftOut?.(contestant, column) === undefined)
      .map((contestant) => ({ id: scenario.id, scenario, column, contestant })),
  )
})

describe('every event arrives as often as it should', { timeout: 60_000 }, () => {
  test.for(races)('$id, $column, $contestant', async ({ scenario, column, contestant }) => {
    const race = await scenario.prepare(contestant, column)
    for (const subject of [race.contestant, race.yardstick]) {
      const counted = new Counted(subject, contestant)
      const before = subject.sink.count
      await counted.time(5)
      counted.check('at first')
      subject.change?.()
      await counted.time(11)
      counted.check('then')
      const after = subject.sink.count
      const proven = subject.prove?.() ?? 0
      expect(subject.sink.count - after).toBe(proven)
      expect(after - before).toBe(subject.deliveries(5) + subject.deliveries(11) + 2 * proven)
    }
    await race.close?.()
  })

  const memory = scenarios.find((scenario) => scenario.kind === 'memory')
  test.for(Object.entries(syncRecipes).filter(([name]) => name in (memory?.contestants ?? {})))(
    'memory, %s',
    async ([, recipe]) => {
      await expect(weigh(recipe, { topics: 3, handlers: 4, kept: true }, async () => {})).resolves.toBeTypeOf('number')
    },
  )
})

describe('a stage delivers each event once', () => {
  test.for([
    { what: 'a bus', open: busStage, options: {} },
    { what: 'an idempotent one', open: busStage, options: { idempotent: true } },
    { what: 'the broker alone', open: transportStage, options: {} },
    { what: 'the codec alone', open: codecStage, options: {} },
  ])('$what', async ({ open, options }) => {
    let handled = 0
    const stage = await open(options, () => handled++)
    await stage.deliver(250, 100)
    await stage.deliver(3, 1)
    await stage.close()
    expect(handled).toBe(open === busStage ? 253 : 0)
  })
})

describe('events that fail on a stage', () => {
  test.for([true, false])('wait for their next attempt beside those that are handled, keyed: %s', async (keyed) => {
    let handled = 0
    const stage = await busStage({ retry: { delay: '1h' } }, () => handled++, { keyed })
    await stage.fail(120)
    await stage.deliver(250, 100)
    expect(await stage.waiting()).toBe(120)
    expect(handled).toBe(250)
    await stage.close()
  })

  test('are missed where they do not wait', async () => {
    const stage = await busStage({ retry: false })
    await expect(stage.fail(3, 20)).rejects.toThrow('0 of 3 events that fail wait for their next attempt')
    await stage.close()
  })
})

describe('a contestant that does not do what it should is found out', () => {
  const sound = recipeOf(syncRecipes, 'eventemitter3')

  const faults: { fault: string; recipe: Recipe }[] = [
    { fault: 'publishes nothing', recipe: { ...sound, publish: 'undefined' } },
    { fault: 'publishes twice', recipe: { ...sound, publish: 'bus.emit(topic, payload), bus.emit(topic, payload)' } },
  ]

  test.for(faults)('one that $fault', async ({ recipe }) => {
    const counted = new Counted(await publishing(recipe, { handlers: 2, work: 'tiny' }), 'it')
    await counted.time(3)
    expect(() => counted.check('then')).toThrow(/^it delivered (0|12) events then, expected 6$/)
    await expect(publishing(recipe, { handlers: 2, work: 'tiny', warmed: true })).rejects.toThrow('warmed up')
  })

  test('one that unsubscribes nobody', async () => {
    await expect(churning({ ...sound, unsubscribe: '' }, { others: 3 })).rejects.toThrow(
      'eventemitter3 called 4 handlers with one more subscribed and 4 without, expected 4 and 3',
    )
  })

  test('one whose subscription for one event stays', async () => {
    const counted = new Counted(await onceEach({ ...sound, once: 'bus.on(topic, handler)' }, {}), 'it')
    await counted.time(3)
    expect(() => counted.check('then')).toThrow('it delivered 6 events then, expected 3')
  })
})
