import type * as zod from 'zod'
import type { CreationRecipe } from '../recipes/creation.ts'
import { evaluate, loopOf, type Sink } from '../run/generate.ts'
import type { Subject } from '../run/subject.ts'

const orderId = '01900a1b-2c3d-7e4f-8a5b-6c7d8e9f0a1b'

/** Data as applications validate it. */
interface Data {
  readonly schema: (z: typeof zod) => zod.ZodType
  readonly input: (at: number) => unknown
  /** What stands for 1 in it. */
  readonly amount: string
}

/** A small object, and one with parts. */
export const schemas: Readonly<Record<'flat' | 'nested', Data>> = {
  flat: {
    schema: (z) =>
      z.object({ orderId: z.uuid(), item: z.string(), quantity: z.int().positive(), userId: z.int().default(0) }),
    input: (at) => ({ orderId, item: `Book ${at}`, quantity: 1 }),
    amount: 'quantity',
  },
  nested: {
    schema: (z) =>
      z.object({
        orderId: z.uuid(),
        customer: z.object({ id: z.string(), email: z.email() }),
        lines: z.array(z.object({ sku: z.string(), quantity: z.int().positive(), price: z.number() })),
        currency: z.enum(['GBP', 'EUR']),
      }),
    input: (at) => ({
      orderId,
      customer: { id: `c-${at}`, email: 'ann@example.com' },
      lines: Array.from({ length: 5 }, (_, line) => ({ sku: `sku-${line}`, quantity: 1, price: 12.5 })),
      currency: 'GBP',
    }),
    amount: 'lines[0].quantity',
  },
}

/** Validates inputs, and makes of them whatever the recipe makes. */
export async function creating(
  recipe: CreationRecipe,
  { data, jitless }: { readonly data: keyof typeof schemas; readonly jitless: boolean },
): Promise<Subject> {
  // Only here: other scenarios are not to be started later, or measured differently, for zod's sake.
  const z = await import('zod')
  z.config({ jitless })
  const { schema, input, amount } = schemas[data]
  const sink: Sink = { count: 0 }
  const inputs = Array.from({ length: 8 }, (_, at) => input(at))
  const lib = await recipe.load?.()
  const maker = evaluate({ lib, schema: schema(z) }, `return ${recipe.maker}`)
  return {
    sink,
    run: loopOf(
      { lib, sink, inputs, maker },
      `const input = inputs[at & 7]
      const made = ${recipe.make}
      sink.count += (${recipe.data}).${amount}`,
    ),
    deliveries: (count) => count,
  }
}
