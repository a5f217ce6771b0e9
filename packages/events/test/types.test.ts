import { EventDispatcher, type EventDefinition, type PayloadOf } from '@tidings/core'
import * as z from 'zod'
import { expect, expectTypeOf, test } from 'vitest'
import {
  createCatalog,
  type CreateOptions,
  type DataOf,
  defineEvent,
  type EventOf,
  type EventsOf,
  fromCloudEvent,
  type Immutable,
  type InputOf,
  isEvent,
  type StandardSchema,
  type TidingsEvent,
  type WireOf,
} from '../src/index.ts'

const isoDate = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
})
const OrderPlaced = defineEvent('shop.order.placed', {
  version: 2,
  schema: z.object({
    orderId: z.uuid(),
    lines: z.array(z.object({ sku: z.string(), tags: z.set(z.string()).optional() })),
    userId: z.int().default(0),
    at: isoDate,
  }),
  key: (order) => order.orderId,
  // The parameter takes whatever the author knows about the old version.
  upcast: { 1: (old) => ({ ...old, lines: old.items }) },
})
type OrderPlaced = EventOf<typeof OrderPlaced>
const OrderShipped = defineEvent('shop.order.shipped', z.object({ carrier: z.string() }))
const catalog = createCatalog([OrderPlaced, OrderShipped])

interface OrderData {
  readonly orderId: string
  readonly lines: readonly { readonly sku: string; readonly tags?: ReadonlySet<string> | undefined }[]
  readonly userId: number
  readonly at: Date
}

test('an event has its literal type and its data, deeply readonly', () => {
  expectTypeOf<OrderPlaced>().toEqualTypeOf<TidingsEvent<'shop.order.placed', OrderData>>()
  expectTypeOf<OrderPlaced['type']>().toEqualTypeOf<'shop.order.placed'>()
  const change = (event: OrderPlaced) => {
    // @ts-expect-error an event is immutable
    event.id = 'x'
    // @ts-expect-error so is its data
    event.data.userId = 1
    // @ts-expect-error at every depth
    event.data.lines.push({ sku: 'x' })
    // @ts-expect-error inside its sets
    event.data.lines[0]?.tags?.add('x')
  }
  expect(change).toBeTypeOf('function')
})

test('create takes the decoded side of codecs, leaves defaults out, and accepts readonly values', () => {
  type Input = Parameters<typeof OrderPlaced.create>[0]
  expectTypeOf<Input['at']>().toEqualTypeOf<Date>()
  expectTypeOf<Input['userId']>().toEqualTypeOf<number | undefined>()
  expectTypeOf<OrderData>().toExtend<Input>()
  const wrong = () => {
    // @ts-expect-error the wire form is for parse
    OrderPlaced.create({ orderId: 'a', lines: [], at: '2026-01-31T12:00:00Z' })
    // @ts-expect-error `lines` is missing
    OrderPlaced.create({ orderId: 'a', at: new Date() })
    // @ts-expect-error there is no such option
    OrderPlaced.create({ orderId: 'a', lines: [], at: new Date() }, { corelationId: 'x' })
  }
  expect(wrong).toBeTypeOf('function')
})

test('the input type follows codecs through every wrapper', () => {
  const node = z.object({
    at: isoDate,
    get next() {
      return node.optional()
    },
  })
  const schema = z.object({
    optional: isoDate.optional(),
    nullable: isoDate.nullable(),
    defaulted: isoDate.default(new Date(0)),
    array: z.array(isoDate),
    tuple: z.tuple([z.string(), isoDate]),
    record: z.record(z.string(), isoDate),
    union: z.union([z.int(), z.object({ at: isoDate })]),
    lazy: z.lazy(() => isoDate),
    readonly: isoDate.readonly(),
    map: z.map(z.string(), isoDate),
    piped: isoDate.pipe(z.date()),
    both: z.object({ a: isoDate }).and(z.object({ b: z.string() })),
    variant: z.discriminatedUnion('k', [z.object({ k: z.literal('a'), at: isoDate }), z.object({ k: z.literal('b') })]),
    any: z.any(),
  })
  expectTypeOf<InputOf<typeof schema>>().toEqualTypeOf<{
    readonly optional?: Date | undefined
    readonly nullable: Date | null
    readonly defaulted?: Date | undefined
    readonly array: readonly Date[]
    readonly tuple: readonly [string, Date]
    readonly record: Readonly<Record<string, Date>>
    readonly union: number | { readonly at: Date }
    readonly lazy: Date
    readonly readonly: Date
    readonly map: ReadonlyMap<string, Date>
    readonly piped: Date
    readonly both: { readonly a: Date; readonly b: string }
    readonly variant: { readonly k: 'a'; readonly at: Date } | { readonly k: 'b' }
    readonly any: any
  }>()
  expectTypeOf<NonNullable<InputOf<typeof node>['next']>['at']>().toEqualTypeOf<Date>()
  expectTypeOf<WireOf<typeof OrderPlaced.schema>['at']>().toEqualTypeOf<string>()
  expectTypeOf<DataOf<typeof OrderPlaced.schema>>().toEqualTypeOf<OrderData>()
})

test('a definition is a definition of core, payload and input included', () => {
  expectTypeOf(OrderShipped).toExtend<
    EventDefinition<'shop.order.shipped', EventOf<typeof OrderShipped>, { carrier: string }, CreateOptions>
  >()
  expectTypeOf<PayloadOf<typeof OrderShipped>>().toEqualTypeOf<EventOf<typeof OrderShipped>>()
  const dispatcher = new EventDispatcher()
  dispatcher.subscribe(OrderShipped, (event) => expectTypeOf(event.data.carrier).toEqualTypeOf<string>())
  const wrong = () => {
    // @ts-expect-error the input does not fit the schema
    dispatcher.publish(OrderShipped, { carrier: 5 })
  }
  expect(wrong).toBeTypeOf('function')
})

test('types that cannot name an event do not compile', () => {
  const wrong = () => {
    // @ts-expect-error a pattern
    defineEvent('shop.*', z.string())
    // @ts-expect-error an empty token
    defineEvent('shop..order', z.string())
    // @ts-expect-error nothing
    defineEvent('', z.string())
    // @ts-expect-error no schema
    defineEvent('shop.order', {})
    // @ts-expect-error an option that does not exist
    defineEvent('shop.order', { schema: z.string(), verison: 2 })
    // @ts-expect-error a key that the data does not have
    defineEvent('shop.order', { schema: z.object({ id: z.string() }), key: (data) => data.orderId })
  }
  expect(wrong).toBeTypeOf('function')
})

test('is, parse and isEvent narrow', () => {
  const value: unknown = OrderShipped.create({ carrier: 'ship' })
  if (OrderShipped.is(value)) expectTypeOf(value).toEqualTypeOf<EventOf<typeof OrderShipped>>()
  if (isEvent(value)) expectTypeOf(value).toEqualTypeOf<TidingsEvent>()
  expectTypeOf(OrderShipped.parse).returns.toEqualTypeOf<EventOf<typeof OrderShipped>>()
  const result = OrderShipped.safeParse(value)
  if (result.success) expectTypeOf(result.event.data.carrier).toEqualTypeOf<string>()
  else expectTypeOf(result.error.code).toEqualTypeOf<string>()
  expect(result.success).toBe(true)
})

test('a catalog knows its types', () => {
  expectTypeOf<EventsOf<typeof catalog>>().toEqualTypeOf<{
    'shop.order.placed': OrderPlaced
    'shop.order.shipped': EventOf<typeof OrderShipped>
  }>()
  expectTypeOf(catalog.parse).returns.toEqualTypeOf<OrderPlaced | EventOf<typeof OrderShipped>>()
  expectTypeOf(catalog.get('shop.order.placed')).toEqualTypeOf<typeof OrderPlaced>()
  expectTypeOf(catalog.get('x' as string)).toEqualTypeOf<typeof OrderPlaced | typeof OrderShipped | undefined>()
  const event = fromCloudEvent(
    { specversion: '1.0', id: '1', source: '/', type: 'shop.order.shipped', data: { carrier: 'x' } },
    catalog,
  )
  expectTypeOf(event).toEqualTypeOf<OrderPlaced | EventOf<typeof OrderShipped>>()
  // The discriminant is the type.
  if (event.type === 'shop.order.shipped') expectTypeOf(event.data.carrier).toEqualTypeOf<string>()
  const one = () => fromCloudEvent({}, OrderShipped)
  expectTypeOf(one).returns.toEqualTypeOf<EventOf<typeof OrderShipped>>()
  expect(event.type).toBe('shop.order.shipped')
})

test('Immutable leaves primitives, built-in classes, any and unknown as they are', () => {
  expectTypeOf<
    Immutable<{ a: Date; b: Uint8Array; c: any; d: unknown; e: () => void; f: string & { brand: 1 } }>
  >().toEqualTypeOf<{
    readonly a: Date
    readonly b: Uint8Array
    readonly c: any
    readonly d: unknown
    readonly e: () => void
    readonly f: string & { brand: 1 }
  }>()
  expectTypeOf<Immutable<[number, { a: string[] }]>>().toEqualTypeOf<
    readonly [number, { readonly a: readonly string[] }]
  >()
})

test('schemas of other vendors type input and data', () => {
  const schema: StandardSchema<{ at: string }, { at: Date }> = {
    '~standard': {
      version: 1,
      vendor: 'own',
      validate: (value) => ({ value: { at: new Date((value as { at: string }).at) } }),
    },
  }
  const Dated = defineEvent('dated', schema)
  expectTypeOf<Parameters<typeof Dated.create>[0]>().toEqualTypeOf<{ readonly at: string }>()
  expectTypeOf<EventOf<typeof Dated>['data']>().toEqualTypeOf<{ readonly at: Date }>()
  expect(Dated.create({ at: '1970-01-01' }).data.at.getTime()).toBe(0)
})
