/**
 * What handlers have published at which delivery: inbox and outbox in one. Written in one transaction with what the
 * handler has written down, it makes a handler take effect once, wherever its process ends.
 */
export interface Journal {
  get(place: string): readonly Effect[] | undefined
  /** Called when a handler has ended, before anything else happens. */
  set(place: string, effects: readonly Effect[]): unknown
}

/** The arguments of a `publish`. */
export type Effect = readonly [definition: never, input: never, options: { readonly id: string }]

/** Keeps the last notes. */
export function memoryJournal(keep = 10_000): Journal {
  const notes = new Map<string, readonly Effect[]>()
  return {
    get: (place) => notes.get(place),
    set(place, effects) {
      notes.set(place, effects)
      if (notes.size > keep) notes.delete(notes.keys().next().value!)
    },
  }
}
