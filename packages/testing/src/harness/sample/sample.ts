import { type DefinedEvent, type InputOf, InvalidEventError, type StandardSchema } from '@tidings/events'
import type { $ZodType } from 'zod/v4/core'
import { chance } from '../chance.ts'
import { SampleError } from './sample-error.ts'
import { sampleOf } from './sample-of.ts'

/** The parts of the data that a test wants to have its way: of objects some fields, as deep as it goes. */
export type Overrides<Data> = Data extends
  | readonly unknown[]
  | Date
  | ReadonlySet<unknown>
  | ReadonlyMap<unknown, unknown>
  ? Data
  : Data extends (...args: never) => unknown
    ? Data
    : Data extends object
      ? { readonly [Key in keyof Data]?: Overrides<Data[Key]> }
      : Data

export interface SampleOptions {
  /** Another seed, other data. A whole number; default 1. */
  readonly seed?: number | undefined
}

/** What chance does not meet in so many tries it will not meet soon. */
const tries = 100

/**
 * Valid data for an event definition, made from its zod schema: what `publish` and `create` take. The same for the same
 * seed. Rules that cannot be read from the schema (`refine`) are met by trying again.
 *
 * @example
 * await t.publish(OrderPlaced, sample(OrderPlaced, { quantity: 3 }))
 *
 * @throws SampleError where no valid value is found; its message names the path to override
 */
export function sample<Type extends string, Schema extends StandardSchema>(
  definition: DefinedEvent<Type, Schema>,
  overrides?: Overrides<NoInfer<InputOf<Schema>>>,
  options: SampleOptions = {},
): InputOf<Schema> {
  const { seed = 1 } = options
  const { schema } = definition
  let last: unknown
  for (let attempt = 0; attempt < tries; attempt++) {
    const data = isZod(schema)
      ? sampleOf(schema, chance(seed * tries + attempt), [], overrides)
      : givenWhole(definition, overrides)
    try {
      // What is checked here is what the type says.
      definition.create(data as InputOf<Schema>)
      return data as InputOf<Schema>
    } catch (error) {
      if (!(error instanceof InvalidEventError)) throw error
      last = error
      if (!isZod(schema)) break
    }
  }
  const { issues, message } = last as InvalidEventError
  // The path of an issue begins with `data`.
  throw new SampleError(issues[0]?.path.slice(1) ?? [], message.split('\n')[0]!, { cause: last })
}

function isZod(schema: object): schema is $ZodType {
  return '_zod' in schema
}

function givenWhole(definition: { readonly type: string; readonly schema: StandardSchema }, data: unknown): unknown {
  if (data !== undefined) return data
  const { vendor } = definition.schema['~standard']
  throw new SampleError([], `the schema of "${definition.type}" is of ${vendor}, and sample reads those of zod`)
}
