import { recipeOf, type Recipe, type Recipes } from '../recipes/recipe.ts'
import { syncRecipes } from '../recipes/sync.ts'
import type { Subject } from '../run/subject.ts'
import { churning, fillingAndEmptying } from './churn.ts'
import { publishing } from './publish.ts'
import type { RaceScenario } from './scenario.ts'

const sizes = [10, 100, 1000, 10_000, 100_000]
const contestants: Recipes = Object.fromEntries(
  ['handle', 'string', 'node', 'eventemitter3'].map((name) => [name, recipeOf(syncRecipes, name)]),
)

/** How cost grows with numbers: each contestant against itself at 10, in one process. */
export const growthScenarios: readonly RaceScenario[] = [
  growth('growth-topics', 'Publish to 3 handlers while other topics are subscribed to', 'publish', (recipe, others) =>
    publishing(recipe, { handlers: 3, work: 'tiny', others }),
  ),
  growth('growth-random', 'Publish at random to so many topics of one handler', 'publish', (recipe, topics) =>
    publishing(recipe, { handlers: 1, work: 'tiny', topics, alike: true }),
  ),
  growth('growth-handlers', 'Publish to so many handlers of one topic', 'handler', (recipe, handlers) =>
    publishing(recipe, { handlers, work: 'tiny', alike: true, perHandler: true }),
  ),
  growth('growth-churn', 'Subscribe and unsubscribe among so many others', 'subscription', (recipe, others) =>
    churning(recipe, { others }),
  ),
  growthOfRemoval('growth-remove-random', 'Subscribe so many, unsubscribe them in random order', 'random'),
  growthOfRemoval('growth-remove-oldest', 'Subscribe so many, unsubscribe the oldest first', 'oldest-first'),
]

function growth(
  id: string,
  title: string,
  unit: string,
  make: (recipe: Recipe, size: number) => Promise<Subject>,
): RaceScenario {
  return {
    kind: 'race',
    id,
    title,
    group: 'growth',
    columns: sizes.map(String),
    contestants,
    rounds: 3,
    yardstick: 'itself at 10',
    unit,
    prepare: async (name, column) => ({
      contestant: await make(recipeOf(contestants, name), Number(column)),
      yardstick: await make(recipeOf(contestants, name), 10),
    }),
  }
}

function growthOfRemoval(id: string, title: string, order: 'random' | 'oldest-first'): RaceScenario {
  return {
    ...growth(id, title, 'subscription', (recipe, size) => fillingAndEmptying(recipe, { size, order })),
    leftOut: (name, column) =>
      recipeOf(contestants, name).side === 'peer' && Number(column) > 10_000
        ? 'one removal looks through all others: a single pass takes many seconds'
        : undefined,
  }
}
