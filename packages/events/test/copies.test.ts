import * as z from 'zod'
import { expect, test, vi } from 'vitest'
import * as first from '../src/index.ts'

vi.resetModules()
const second = await import('../src/index.ts')

const schema = z.object({ item: z.string() })
const Ours = first.defineEvent('shop.order.placed', schema)
const Theirs = second.defineEvent('shop.order.placed', schema)

test('two copies of the package are two', () => {
  expect(second.defineEvent).not.toBe(first.defineEvent)
})

test('an event of another copy is known, read and written', () => {
  const event = Theirs.create({ item: 'Book' })
  expect(first.isEvent(event)).toBe(true)
  expect(Ours.is(event)).toBe(true)
  expect(Ours.parse(event)).toEqual(event)
  expect(first.toCloudEvent(event)).toMatchObject({ id: event.id, data: { item: 'Book' } })
  expect(first.createCatalog([Ours]).compare(second.createCatalog([Theirs]))).toEqual({ breaking: [], compatible: [] })
  expect(first.createCatalog([Theirs]).parse(Ours.create({ item: 'Pen' })).data.item).toBe('Pen')
})
