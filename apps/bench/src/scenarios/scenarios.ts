import { asyncFeatureRecipes, featureRecipes } from '../recipes/features.ts'
import { concurrentRecipes, serialRecipes } from '../recipes/async.ts'
import { creationRecipes } from '../recipes/creation.ts'
import { iteratorRecipes } from '../recipes/iterators.ts'
import { patternRecipes } from '../recipes/patterns.ts'
import { type Recipe, recipeOf, type Recipes } from '../recipes/recipe.ts'
import { syncRecipes } from '../recipes/sync.ts'
import type { Race, Subject } from '../run/subject.ts'
import { ablations } from './ablations.ts'
import { brokerScenarios } from './brokers.ts'
import { busFailing } from './bus-failing.ts'
import { busAblation, busScenarios } from './bus.ts'
import { churning, onceEach } from './churn.ts'
import { creating, type schemas } from './creation.ts'
import { growthScenarios } from './growth.ts'
import { iterating } from './iterators.ts'
import { type Layout, weigh } from './memory.ts'
import { publishingToPatterns } from './patterns.ts'
import { publishing, type Publishing } from './publish.ts'
import { sqliteAblation } from './sqlite-ablation.ts'
import { sqliteDelay } from './sqlite-delay.ts'
import { sqliteGrowth } from './sqlite-growth.ts'
import { sqliteHandle } from './sqlite-handle.ts'
import { sqliteProcesses } from './sqlite-processes.ts'
import { sqlitePublish } from './sqlite-publish.ts'
import { sqliteRead } from './sqlite-read.ts'
import { sqliteStores } from './sqlite-store.ts'
import type { MemoryScenario, RaceScenario, Scenario } from './scenario.ts'

/** `hot`: one topic in a fresh process. `warmed`: the library was used for other things before. */
const both = ['hot', 'warmed']
/** `real`: as `warmed`, with handlers of about 25 ns. */
const all = [...both, 'real']
/** `changed`: as `hot`, after a subscription was exchanged. `constant`: as `warmed`, with the bus for a constant. */
const few = [...all, 'changed', 'constant']

const node = recipeOf(syncRecipes, 'node')
const promiseAll = recipeOf(concurrentRecipes, 'promise-all')

/** Everything that is measured in a process of its own, in the order of the report. */
export const scenarios: readonly Scenario[] = [
  publishScenario('publish-0', 'Nobody listens', { handlers: 0 }, both),
  publishScenario('publish-1', '1 handler', { handlers: 1 }, few),
  publishScenario('publish-3', '3 handlers', { handlers: 3 }, few),
  publishScenario('publish-10', '10 handlers', { handlers: 10 }, few),
  publishScenario('publish-100', '100 handlers', { handlers: 100 }, all),
  publishScenario('topics-1000', '1,000 topics at random, 3 handlers each', { handlers: 3, topics: 1000 }, all),
  churnScenario('churn-0', 'Subscribe and unsubscribe, nobody else there', 0),
  churnScenario('churn-3', 'Subscribe and unsubscribe among 3 others', 3),
  churnScenario('churn-100', 'Subscribe and unsubscribe among 100 others', 100),
  {
    ...raceOf('once', 'Subscribe for one event and publish it', 'subscriptions', syncRecipes, both),
    contestants: filtered(syncRecipes, (recipe) => recipe.once !== undefined),
    yardstick: node.label,
    unit: 'event',
    prepare: (name, column) =>
      pair(recipeOf(syncRecipes, name), node, (recipe) => onceEach(recipe, { warmed: column === 'warmed' })),
  },
  asyncScenario('async-1', '1 async handler', concurrentRecipes, { handlers: 1, work: 'async' }),
  asyncScenario('async-3', '3 async handlers', concurrentRecipes, { handlers: 3, work: 'async' }),
  asyncScenario('async-10', '10 async handlers', concurrentRecipes, { handlers: 10, work: 'async' }),
  asyncScenario('async-deferred', '3 async handlers that await once', concurrentRecipes, {
    handlers: 3,
    work: 'deferred',
  }),
  asyncScenario('async-sync', '3 synchronous handlers', concurrentRecipes, { handlers: 3, work: 'tiny' }),
  asyncScenario('serial-3', 'One after the other: 3 async handlers', serialRecipes, { handlers: 3, work: 'async' }),
  asyncScenario('serial-sync', 'One after the other: 3 synchronous handlers', serialRecipes, {
    handlers: 3,
    work: 'tiny',
  }),
  {
    ...raceOf(
      'patterns',
      '1,000 subscriptions, 150 of them to patterns, 1,000 topics',
      'patterns',
      patternRecipes,
      both,
    ),
    yardstick: 'eventemitter2, `wildcard: true`',
    unit: 'publish',
    prepare: (name, column) =>
      pair(recipeOf(patternRecipes, name), recipeOf(patternRecipes, 'eventemitter2'), (recipe) =>
        publishingToPatterns(recipe, { warmed: column === 'warmed' }),
      ),
  },
  {
    ...raceOf('iterators', 'Publish 64, consume 64', 'iterators', {}, ['hot']),
    contestants: iteratorRecipes,
    yardstick: 'node:events, on',
    unit: 'event',
    prepare: async (name) => ({
      contestant: await iterating(iteratorRecipes[name]!),
      yardstick: await iterating(iteratorRecipes['node']!),
    }),
  },
  creationScenario('create-flat', 'An object of 4 fields', 'flat'),
  creationScenario('create-nested', 'An order of 5 lines', 'nested'),
  {
    ...publishScenario('features', 'The synchronous dispatcher, 3 handlers', { handlers: 3 }, ['warmed', 'real']),
    group: 'features',
    contestants: featureRecipes,
    prepare: (name, column) =>
      pair(recipeOf(featureRecipes, name), node, (recipe) =>
        publishing(recipe, circumstances({ handlers: 3 }, column)),
      ),
  },
  {
    ...asyncScenario('async-features', 'The asynchronous dispatcher, 3 async handlers', asyncFeatureRecipes, {
      handlers: 3,
      work: 'async',
    }),
    group: 'features',
    columns: ['warmed'],
  },
  ...busScenarios,
  busFailing,
  sqlitePublish,
  sqliteHandle,
  ...sqliteStores,
  sqliteRead,
  sqliteGrowth,
  sqliteDelay,
  sqliteProcesses,
  ...brokerScenarios,
  ...ablations,
  busAblation,
  sqliteAblation,
  ...growthScenarios,
  memoryScenario(),
]

function publishScenario(
  id: string,
  title: string,
  what: Pick<Publishing, 'handlers' | 'topics'>,
  columns: readonly string[],
): RaceScenario {
  return {
    ...raceOf(id, title, 'publish', syncRecipes, columns),
    yardstick: node.label,
    unit: 'publish',
    prepare: (name, column) =>
      pair(recipeOf(syncRecipes, name), node, (recipe) => publishing(recipe, circumstances(what, column))),
  }
}

function circumstances(what: Pick<Publishing, 'handlers' | 'topics'>, column: string): Publishing {
  return {
    ...what,
    work: column === 'real' ? 'real' : 'tiny',
    warmed: column === 'warmed' || column === 'real' || column === 'constant',
    changed: column === 'changed',
    constant: column === 'constant',
  }
}

function churnScenario(id: string, title: string, others: number): RaceScenario {
  return {
    ...raceOf(id, title, 'subscriptions', syncRecipes, both),
    yardstick: node.label,
    unit: 'subscription',
    prepare: (name, column) =>
      pair(recipeOf(syncRecipes, name), node, (recipe) => churning(recipe, { others, warmed: column === 'warmed' })),
  }
}

function asyncScenario(
  id: string,
  title: string,
  recipes: Recipes,
  what: Pick<Publishing, 'handlers' | 'work'>,
): RaceScenario {
  return {
    ...raceOf(id, title, 'async', recipes, both),
    yardstick: promiseAll.label,
    unit: 'publish',
    prepare: (name, column) =>
      pair(recipeOf(recipes, name), promiseAll, (recipe) =>
        publishing(recipe, { ...what, awaited: true, warmed: column === 'warmed' }),
      ),
  }
}

function creationScenario(id: string, title: string, data: keyof typeof schemas): RaceScenario {
  return {
    ...raceOf(id, title, 'creation', {}, ['jit', 'jitless']),
    contestants: creationRecipes,
    yardstick: 'zod, `parse`',
    unit: 'event',
    prepare: async (name, column) => {
      const options = { data, jitless: column === 'jitless' }
      return {
        contestant: await creating(creationRecipes[name]!, options),
        yardstick: await creating(creationRecipes['parse']!, options),
      }
    },
  }
}

function memoryScenario(): MemoryScenario {
  const layouts: Readonly<Record<string, Layout>> = {
    'one topic': { topics: 1, handlers: 20_000 },
    '10 each': { topics: 2000, handlers: 10 },
    '1 each': { topics: 20_000, handlers: 1 },
    '1 each, kept': { topics: 20_000, handlers: 1, kept: true },
  }
  return {
    kind: 'memory',
    id: 'memory',
    title: 'Heap bytes of one of 20,000 subscriptions',
    group: 'memory',
    columns: Object.keys(layouts),
    contestants: filtered(syncRecipes, (_, name) => name !== 'loop' && name !== 'handle' && name !== 'definition'),
    rounds: 3,
    weigh: (name, column, collect) => weigh(recipeOf(syncRecipes, name), layouts[column]!, collect),
  }
}

function raceOf(
  id: string,
  title: string,
  group: Scenario['group'],
  contestants: Recipes,
  columns: readonly string[],
): Pick<RaceScenario, 'kind' | 'id' | 'title' | 'group' | 'contestants' | 'columns'> {
  return { kind: 'race', id, title, group, contestants, columns }
}

async function pair(one: Recipe, two: Recipe, make: (recipe: Recipe) => Promise<Subject>): Promise<Race> {
  return { contestant: await make(one), yardstick: await make(two) }
}

function filtered(recipes: Recipes, keep: (recipe: Recipe, name: string) => boolean): Recipes {
  return Object.fromEntries(Object.entries(recipes).filter(([name, recipe]) => keep(recipe, name)))
}
