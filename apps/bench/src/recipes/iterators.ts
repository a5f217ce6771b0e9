import type { Recipe } from './recipe.ts'

/** A contestant whose events are read by an async iterator. `bus`, `topic`, `name` and `payload` as in other recipes. */
export interface IteratorRecipe extends Omit<Recipe, 'subscribe' | 'payload'> {
  /** What is iterated. */
  readonly events: string
  /** The payload within the `value` of a result. */
  readonly value: string
}

const core = () => import('@tidings/core')

export const iteratorRecipes: Readonly<Record<string, IteratorRecipe>> = {
  handle: {
    label: 'tidings, by handle',
    side: 'ours',
    load: core,
    bus: 'new lib.AsyncEventDispatcher()',
    topic: 'bus.topic(name)',
    events: 'bus.events(name)',
    publish: 'void topic.publish(payload)',
    value: 'value',
  },
  string: {
    label: 'tidings, by string',
    side: 'ours',
    load: core,
    bus: 'new lib.AsyncEventDispatcher()',
    events: 'bus.events(topic)',
    publish: 'void bus.publish(topic, payload)',
    value: 'value',
  },
  node: {
    label: 'node:events, on',
    side: 'peer',
    load: () => import('node:events'),
    bus: 'new lib.EventEmitter()',
    events: 'lib.on(bus, topic)',
    publish: 'bus.emit(topic, payload)',
    value: 'value[0]',
  },
  emittery: {
    label: 'emittery, events',
    side: 'peer',
    package: 'emittery',
    load: () => import('emittery'),
    bus: 'new lib.default()',
    events: 'bus.events(topic)',
    publish: 'void bus.emit(topic, payload)',
    value: 'value.data',
  },
}
