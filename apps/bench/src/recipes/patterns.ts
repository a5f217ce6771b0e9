import type { Recipes } from './recipe.ts'
import { recipeOf } from './recipe.ts'
import { syncRecipes } from './sync.ts'

/** Contestants that subscribe to patterns of dotted names: `*` for one token, `**` for any number. */
export const patternRecipes: Recipes = {
  handle: { ...recipeOf(syncRecipes, 'handle'), subscribe: 'bus.subscribe(name, handler)' },
  definition: { ...recipeOf(syncRecipes, 'definition'), subscribe: 'bus.subscribe(name, handler)' },
  string: { ...recipeOf(syncRecipes, 'string'), subscribe: 'bus.subscribe(name, handler)' },
  eventemitter2: {
    ...recipeOf(syncRecipes, 'eventemitter2'),
    bus: 'new lib.default.EventEmitter2({ wildcard: true, maxListeners: 0 })',
    subscribe: 'bus.on(name, handler)',
  },
}
