/**
 * How a contestant is used. The texts are JavaScript expressions, put into loops that are generated for each contestant,
 * so that nothing stands between a loop and what it measures. They may name:
 *
 * - `lib`: the module; `bus`: the instance; `name`: the event type as a string; `topic`: what is published to
 * - `handler`, `payload`, and `subscription`: what subscribing returned
 * - `message`: what a handler receives
 */
export interface Recipe {
  /** As tables show it. */
  readonly label: string
  /** Ours, a peer's, or code written by hand that shows what is possible. */
  readonly side: 'ours' | 'peer' | 'hand'
  /** The npm package whose version the report states. */
  readonly package?: string
  readonly load?: () => Promise<unknown>
  readonly bus: string
  /** Default: the name. */
  readonly topic?: string
  readonly subscribe: string
  readonly unsubscribe?: string
  /** Subscribes for one event. */
  readonly once?: string
  readonly publish: string
  /** The payload within a message; default: the message is the payload. */
  readonly payload?: string
}

/** Recipes by the name that jobs, bars and the command line use. */
export type Recipes = Readonly<Record<string, Recipe>>

/** A recipe that must be there. */
export function recipeOf(recipes: Recipes, name: string): Recipe {
  const recipe = recipes[name]
  if (recipe) return recipe
  throw new Error(`there is no contestant "${name}"\nThese are known: ${Object.keys(recipes).join(', ')}.`)
}
