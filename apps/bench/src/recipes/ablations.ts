import { churnGuarantees, strippedSubscriptions } from '../ablations/churn.ts'
import { upTo } from '../ablations/guarantees.ts'
import { latchGuarantees, strippedAsyncBus } from '../ablations/latch.ts'
import { definitionGuarantees, publishGuarantees, strippedBus } from '../ablations/publish.ts'
import { streamGuarantees, strippedStream } from '../ablations/stream.ts'
import { concurrentRecipes } from './async.ts'
import { iteratorRecipes, type IteratorRecipe } from './iterators.ts'
import { type Recipe, recipeOf, type Recipes } from './recipe.ts'
import { syncRecipes } from './sync.ts'

const handled = {
  bus: 'new lib.Bus()',
  topic: 'bus.topic(name)',
  subscribe: 'topic.subscribe(handler)',
  unsubscribe: 'subscription.unsubscribe()',
  publish: 'topic.publish(payload)',
}

/** A publish by handle with one guarantee after the other, up to our own. */
export const handleAblation: Recipes = {
  ...ladder(publishGuarantees, 'a function for each number of handlers, nothing guaranteed', (kept) => ({
    ...handled,
    load: async () => strippedBus(kept),
  })),
  handle: recipeOf(syncRecipes, 'handle'),
}

/** A publish by definition, likewise. */
export const definitionAblation: Recipes = {
  ...ladder(definitionGuarantees, 'the topic by index and a loop, nothing guaranteed', (kept) => ({
    load: async () => ({ ...strippedBus(kept), ...(await import('@tidings/core')) }),
    bus: 'new lib.Bus()',
    topic: 'lib.eventType()(name)',
    subscribe: 'bus.subscribe(topic, handler)',
    unsubscribe: 'subscription.unsubscribe()',
    publish: 'bus.publish(topic, payload)',
  })),
  definition: recipeOf(syncRecipes, 'definition'),
}

/** Subscriptions that come and go, likewise. */
export const churnAblation: Recipes = {
  ...ladder(churnGuarantees, 'a list, nothing guaranteed', (kept) => ({
    ...handled,
    load: async () => strippedSubscriptions(kept),
  })),
  handle: recipeOf(syncRecipes, 'handle'),
}

/** An awaited publish, likewise. */
export const latchAblation: Recipes = {
  ...ladder(latchGuarantees, 'a countdown, nothing guaranteed', (kept) => ({
    ...handled,
    load: async () => strippedAsyncBus(kept),
  })),
  handle: recipeOf(concurrentRecipes, 'handle'),
}

/** An async iterator, likewise. */
export const streamAblation: Readonly<Record<string, IteratorRecipe>> = {
  ...ladder(streamGuarantees, 'an array, nothing guaranteed', (kept): Omit<IteratorRecipe, 'label' | 'side'> => ({
    load: async () => strippedStream(kept),
    bus: 'lib.open(name)',
    topic: 'bus.topic',
    events: 'bus.stream',
    publish: 'topic.publish(payload)',
    value: 'value',
  })),
  handle: iteratorRecipes['handle']!,
}

/** A variant for each guarantee, with all those before it. */
function ladder<Guarantee extends string, Of extends Omit<Recipe, 'label' | 'side' | 'subscribe'>>(
  labels: Readonly<Record<Guarantee, string>>,
  bare: string,
  recipe: (kept: readonly Guarantee[]) => Of,
): Record<string, Of & Pick<Recipe, 'label' | 'side'>> {
  return Object.fromEntries(
    upTo(labels).map((kept) => {
      const last = kept.at(-1)
      const label = last === undefined ? bare : `and ${labels[last]}`
      return [last ?? 'bare', { ...recipe(kept), label, side: 'hand' as const }]
    }),
  )
}
