/** One difference between two versions of a schema. */
export interface SchemaChange {
  /** `data.lines[].sku`; `[]` is any item, `.*` the value under any key. */
  readonly path: string
  readonly kind: SchemaChangeKind
  /** What changed. */
  readonly what: string
  /** Old data that the new schema refuses; in words, or `undefined` when there is none. */
  readonly backward?: string
  /** New data that the old schema refuses. */
  readonly forward?: string
}

export type SchemaChangeKind =
  | 'property-added'
  | 'property-removed'
  | 'property-required'
  | 'property-optional'
  | 'default-changed'
  | 'type-changed'
  | 'values-changed'
  | 'constraint-changed'
  | 'alternative-added'
  | 'alternative-removed'
  | 'unknown-keys-changed'
  | 'items-changed'
  | 'not-comparable'

/** What the rules for one kind of schema use to go on, and to say what they found. */
export interface SchemaWalk {
  add(change: SchemaChange): void
  /** Compares two parts, one of the older and one of the newer schema. */
  compare(older: unknown, newer: unknown, path: string): void
  /** Whether the newer part lets through whatever the older one does. */
  fits(older: unknown, newer: unknown): boolean
  /** Whether the older part lets through whatever the newer one does. */
  fitsBack(older: unknown, newer: unknown): boolean
}
