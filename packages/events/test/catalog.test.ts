import { AsyncEventDispatcher, EventDispatcher } from '@tidings/core'
import * as z from 'zod'
import { describe, expect, test, vi } from 'vitest'
import {
  createCatalog,
  defineEvent,
  type EventsOf,
  InvalidDefinitionError,
  InvalidEventError,
  UnknownEventTypeError,
} from '../src/index.ts'

const OrderPlaced = defineEvent('shop.order.placed', z.object({ item: z.string() }))
const OrderShipped = defineEvent('shop.order.shipped', {
  version: 2,
  schema: z.object({ carrier: z.string() }),
  upcast: { 1: (old) => ({ carrier: old.by }) },
})
const catalog = createCatalog([OrderPlaced, OrderShipped])

describe('a catalog', () => {
  test('finds definitions by type', () => {
    expect(catalog.get('shop.order.placed')).toBe(OrderPlaced)
    expect(catalog.get('shop.order.lost' as string)).toBeUndefined()
    expect(catalog.has('shop.order.shipped')).toBe(true)
    expect(catalog.has('toString')).toBe(false)
    expect(catalog.types).toEqual(['shop.order.placed', 'shop.order.shipped'])
    expect(catalog.definitions).toEqual([OrderPlaced, OrderShipped])
  })

  test('parses whatever is in it by its type', () => {
    const event = OrderPlaced.create({ item: 'Book' })
    expect(catalog.parse(event)).toBe(event)
    expect(catalog.parse(JSON.parse(JSON.stringify(event)))).toEqual(event)
    const old = { ...event.toJSON(), type: 'shop.order.shipped', version: 1, data: { by: 'ship' } }
    expect(catalog.parse(old).data).toEqual({ carrier: 'ship' })
    expect(catalog.safeParse(old)).toMatchObject({ success: true })
  })

  test('says of an unknown type what it may have been', () => {
    const parse = () => catalog.parse({ ...OrderPlaced.create({ item: 'a' }).toJSON(), type: 'shop.order.palced' })
    expect(parse).toThrow(UnknownEventTypeError)
    expect(parse).toThrow(
      /Event type "shop\.order\.palced" is not in the catalog of 2 types\n.*Did you mean 'shop\.order\.placed'\?/,
    )
    expect(catalog.safeParse({ type: 'x' })).toMatchObject({ error: { code: 'EVENT_TYPE_UNKNOWN' } })
    expect(catalog.safeParse({ type: 'constructor' })).toMatchObject({ error: { code: 'EVENT_TYPE_UNKNOWN' } })
  })

  test('refuses what names no type', () => {
    for (const value of [undefined, null, 1, {}, [], { type: 5 }]) {
      expect(() => catalog.parse(value)).toThrow(InvalidEventError)
      expect(catalog.safeParse(value)).toMatchObject({ success: false, error: { code: 'INVALID_EVENT' } })
    }
    expect(() => catalog.parse('{}')).toThrow(/JSON text must go through JSON\.parse first/)
  })

  test('refuses two definitions of one type, and what is no definition', () => {
    const create = () => createCatalog([OrderPlaced, OrderShipped, defineEvent('shop.order.placed', z.any())])
    expect(create).toThrow(InvalidDefinitionError)
    expect(create).toThrow(
      /received event type 'shop\.order\.placed' twice, the second time at index 2\nVersions of a type are one definition/,
    )
    expect(() => createCatalog([null as never])).toThrow(/received null at index 0/)
    expect(() => createCatalog([z.string() as never, OrderPlaced])).toThrow(InvalidDefinitionError)
  })

  test('may be empty', () => {
    expect(createCatalog([]).types).toEqual([])
    expect(createCatalog([]).toJSON()).toEqual({ tidings: 1, events: {} })
  })

  test('does not change when the array that it was made of does', () => {
    const definitions = [OrderPlaced]
    const copy = createCatalog(definitions)
    definitions.pop()
    expect(copy.types).toEqual(['shop.order.placed'])
    expect(copy.definitions).toHaveLength(1)
  })

  test('writes itself as JSON, sorted by type, for a file under version control', () => {
    const text = JSON.stringify(createCatalog([OrderShipped, OrderPlaced]))
    expect(text).toBe(JSON.stringify(createCatalog([OrderPlaced, OrderShipped])))
    expect(JSON.parse(text)).toEqual({
      tidings: 1,
      events: {
        'shop.order.placed': { version: 1, schema: expect.objectContaining({ type: 'object' }) },
        'shop.order.shipped': { version: 2, upcasts: [1], schema: expect.objectContaining({ required: ['carrier'] }) },
      },
    })
  })
})

describe('with the dispatchers of core', () => {
  test('a definition is a key: publish validates and hands over the event', () => {
    const dispatcher = new EventDispatcher()
    const handler = vi.fn()
    dispatcher.subscribe(OrderPlaced, handler)
    expect(dispatcher.publish(OrderPlaced, { item: 'Book' })).toBe(1)
    const event = OrderPlaced.create({ item: 'Pen' })
    dispatcher.publish(event)
    expect(handler.mock.calls.map(([received]) => received.data)).toEqual([{ item: 'Book' }, { item: 'Pen' }])
    expect(() => dispatcher.publish(OrderPlaced, { item: 5 as never })).toThrow(InvalidEventError)
  })

  test('a catalog types a dispatcher by event type', async () => {
    const dispatcher = new AsyncEventDispatcher<EventsOf<typeof catalog>>()
    const items: string[] = []
    dispatcher.subscribe('shop.order.placed', (event) => items.push(event.data.item))
    await dispatcher.publish('shop.order.placed', OrderPlaced.create({ item: 'Book' }))
    expect(items).toEqual(['Book'])
    await dispatcher.close()
  })
})
