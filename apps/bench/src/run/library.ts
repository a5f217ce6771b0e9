import type { Recipe } from '../recipes/recipe.ts'
import { evaluate, type Handler } from './generate.ts'

/** A contestant's module, with what a recipe says compiled for it. */
export interface Library {
  readonly recipe: Recipe
  readonly lib: unknown
  bus(): unknown
  topic(bus: unknown, name: string): unknown
  subscribe(bus: unknown, topic: unknown, name: string, handler: Handler): unknown
  unsubscribe(bus: unknown, topic: unknown, handler: Handler, subscription: unknown): void
  publish(bus: unknown, topic: unknown, name: string, payload: unknown): unknown
}

export async function openLibrary(recipe: Recipe): Promise<Library> {
  const lib = await recipe.load?.()
  const compiled = <F>(parameters: string, body: string): F => evaluate({ lib }, `return (${parameters}) => ${body}`)
  return {
    recipe,
    lib,
    bus: compiled('', `(${recipe.bus})`),
    topic: compiled('bus, name', `(${recipe.topic ?? 'name'})`),
    subscribe: compiled('bus, topic, name, handler', `(${recipe.subscribe})`),
    unsubscribe: compiled('bus, topic, handler, subscription', `{ ${recipe.unsubscribe ?? ''} }`),
    publish: compiled('bus, topic, name, payload', `{ ${recipe.publish} }`),
  }
}

/** An event type for each number, alike in form. */
export function nameOf(index: number): string {
  return `area${index}.changed`
}
