import {
  churnAblation,
  definitionAblation,
  handleAblation,
  latchAblation,
  streamAblation,
} from '../recipes/ablations.ts'
import { concurrentRecipes } from '../recipes/async.ts'
import { iteratorRecipes } from '../recipes/iterators.ts'
import { recipeOf, type Recipes } from '../recipes/recipe.ts'
import { syncRecipes } from '../recipes/sync.ts'
import type { Subject } from '../run/subject.ts'
import { churning } from './churn.ts'
import { iterating } from './iterators.ts'
import { publishing, type Publishing } from './publish.ts'
import type { RaceScenario } from './scenario.ts'

const node = recipeOf(syncRecipes, 'node')
const promiseAll = recipeOf(concurrentRecipes, 'promise-all')

/** Columns, and what is published in each. All of them are warmed. */
const byHandle: Readonly<Record<string, Publishing>> = {
  '1 handler': { handlers: 1, work: 'tiny', warmed: true },
  '1, real work': { handlers: 1, work: 'real', warmed: true },
  '3 handlers': { handlers: 3, work: 'tiny', warmed: true },
  '3, real work': { handlers: 3, work: 'real', warmed: true },
}
const byDefinition: typeof byHandle = {
  '1 handler': { handlers: 1, work: 'tiny', warmed: true },
  '3 handlers': { handlers: 3, work: 'tiny', warmed: true },
  '1,000 topics': { handlers: 3, work: 'tiny', topics: 1000, warmed: true },
}

/** What each guarantee costs: our own code, and what it would be without. */
export const ablations: readonly RaceScenario[] = [
  publishAblation('ablation-handle', 'What a publish by handle spends', handleAblation, byHandle),
  publishAblation('ablation-definition', 'What a publish by definition spends', definitionAblation, byDefinition),
  {
    ...ablation('ablation-churn', 'What subscribing and unsubscribing spend', churnAblation, [
      '3 others',
      '100 others',
    ]),
    yardstick: node.label,
    unit: 'subscription',
    prepare: async (name, column) => {
      const options = { others: Number.parseInt(column, 10), warmed: true }
      return {
        contestant: await churning(recipeOf(churnAblation, name), options),
        yardstick: await churning(node, options),
      }
    },
  },
  {
    ...ablation('ablation-async', 'What an awaited publish spends', latchAblation, ['3 async handlers']),
    yardstick: promiseAll.label,
    unit: 'publish',
    prepare: async (name) => {
      const options: Publishing = { handlers: 3, work: 'async', awaited: true, warmed: true }
      return {
        contestant: await publishing(recipeOf(latchAblation, name), options),
        yardstick: await publishing(promiseAll, options),
      }
    },
  },
  {
    ...ablation('ablation-iterator', 'What an async iterator spends', {}, ['64 at a time']),
    contestants: streamAblation,
    yardstick: 'node:events, on',
    unit: 'event',
    prepare: async (name) => ({
      contestant: await iterating(streamAblation[name]!),
      yardstick: await iterating(iteratorRecipes['node']!),
    }),
  },
]

function publishAblation(id: string, title: string, recipes: Recipes, columns: typeof byHandle): RaceScenario {
  const subject = (name: Recipes[string], column: string): Promise<Subject> => publishing(name, columns[column]!)
  return {
    ...ablation(id, title, recipes, Object.keys(columns)),
    yardstick: node.label,
    unit: 'publish',
    prepare: async (name, column) => ({
      contestant: await subject(recipeOf(recipes, name), column),
      yardstick: await subject(node, column),
    }),
  }
}

function ablation(
  id: string,
  title: string,
  contestants: Recipes,
  columns: readonly string[],
): Pick<RaceScenario, 'kind' | 'id' | 'title' | 'group' | 'contestants' | 'columns'> {
  return { kind: 'race', id, title, group: 'ablations', contestants, columns }
}
