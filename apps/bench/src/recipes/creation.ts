/** A way to get from unknown data to data that a zod schema has validated. The texts are as those of other recipes. */
export interface CreationRecipe {
  readonly label: string
  readonly side: 'ours' | 'peer' | 'hand'
  readonly package?: string
  readonly load?: () => Promise<unknown>
  /** Made once, of `lib` and `schema`. */
  readonly maker: string
  /** Of `maker` and `input`. */
  readonly make: string
  /** The validated data within `made`. */
  readonly data: string
}

const events = () => import('@tidings/events')

export const creationRecipes: Readonly<Record<string, CreationRecipe>> = {
  validation: {
    label: 'tidings, its validation alone',
    side: 'ours',
    load: internalValidator,
    maker: `lib.validatorOf(schema, 'bench.made')`,
    make: 'maker(input)',
    data: 'made.value',
  },
  create: {
    label: 'tidings, `create`: validated, frozen, with id, time and sequence',
    side: 'ours',
    load: events,
    maker: `lib.defineEvent('bench.made', schema)`,
    make: 'maker.create(input)',
    data: 'made.data',
  },
  parse: {
    label: 'zod, `parse`',
    side: 'peer',
    package: 'zod',
    maker: 'schema',
    make: 'maker.parse(input)',
    data: 'made',
  },
  'safe-parse': {
    label: 'zod, `safeParse`',
    side: 'peer',
    package: 'zod',
    maker: 'schema',
    make: 'maker.safeParse(input)',
    data: 'made.data',
  },
  'by-hand': {
    label: 'zod and an envelope by hand, frozen at its top only',
    side: 'hand',
    maker: '{ schema, count: 0 }',
    make: `Object.freeze({
      id: crypto.randomUUID(),
      type: 'bench.made',
      version: 1,
      source: '/',
      time: new Date().toISOString(),
      sequence: ++maker.count,
      data: Object.freeze(maker.schema.parse(input)),
    })`,
    data: 'made.data',
  },
}

/** The validation of events is no public name: it is measured to tell its share of `create`. */
async function internalValidator(): Promise<unknown> {
  const entry = import.meta.resolve('@tidings/events')
  const extension = entry.slice(entry.lastIndexOf('.'))
  return import(new URL(`schema/validator${extension}`, entry).href) as Promise<unknown>
}
