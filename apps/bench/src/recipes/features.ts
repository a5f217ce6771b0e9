import { concurrentRecipes } from './async.ts'
import { recipeOf, type Recipe, type Recipes } from './recipe.ts'
import { syncRecipes } from './sync.ts'

const sync = recipeOf(syncRecipes, 'handle')
const concurrent = recipeOf(concurrentRecipes, 'handle')
const observer = '{ published() {}, handled() {}, failed() {}, unhandled() {}, shed() {} }'

/** The synchronous dispatcher with one feature each: what using it costs, and against `plain` what not using it saves. */
export const featureRecipes: Recipes = {
  plain: { ...sync, label: 'no options' },
  'unhandled-hook': withOptions(sync, '`onUnhandled`', '{ onUnhandled() {} }'),
  'error-hook': withOptions(sync, '`onError`', '{ onError() {} }'),
  'errors-thrown': withOptions(sync, "`errors: 'throw'`", `{ errors: 'throw' }`),
  'no-depth-bound': withOptions(sync, '`maxDepth: Infinity`', '{ maxDepth: Infinity }'),
  'other-pattern': {
    ...sync,
    label: 'a pattern that does not match',
    bus: `((bus) => (bus.subscribe('elsewhere.**', () => {}), bus))(new lib.EventDispatcher())`,
  },
  'by-pattern': {
    ...sync,
    label: 'every handler subscribed by a pattern',
    subscribe: `bus.subscribe(topic.key.replace(/\\w+$/, '*'), handler)`,
  },
  priority: {
    ...sync,
    label: '`priority` on every handler',
    subscribe: 'topic.subscribe(handler, { priority: 1 })',
  },
  storm: withOptions(sync, '`storm`', '{ storm: { limit: Number.MAX_SAFE_INTEGER } }'),
  observer: withOptions(sync, '`observer`, all hooks', `{ observer: ${observer} }`),
}

/** The same of the asynchronous dispatcher. */
export const asyncFeatureRecipes: Recipes = {
  plain: { ...concurrent, label: 'no options' },
  'errors-thrown': withOptions(concurrent, "`errors: 'throw'`", `{ errors: 'throw' }`),
  concurrency: withOptions(concurrent, '`concurrency: 8`', '{ concurrency: 8 }'),
  'depth-along-awaits': withOptions(concurrent, '`maxDepth: 64`, followed across awaits', '{ maxDepth: 64 }'),
  storm: withOptions(concurrent, '`storm`', '{ storm: { limit: Number.MAX_SAFE_INTEGER } }'),
  observer: withOptions(concurrent, '`observer`, all hooks', `{ observer: ${observer} }`),
}

function withOptions(recipe: Recipe, label: string, options: string): Recipe {
  return { ...recipe, label, bus: recipe.bus.replace('()', `(${options})`) }
}
