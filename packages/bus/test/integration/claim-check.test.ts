import { defineEvent } from '@tidings/events'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { handler, memory, memoryDeadLetters, type Message, type Middleware } from '../../src/index.ts'
import { claimCheck, type ClaimCheckStore, memoryClaimChecks } from '../../src/integration/index.ts'
import { ManualClock, until } from '../support/recording-member.ts'
import { atOnce, busOf, someDeadLetters } from './integration-bus.ts'

const PageScanned = defineEvent('shop.page.scanned', { schema: z.object({ text: z.string() }), key: () => 'book' })
const Scan = defineEvent('shop.scan', { schema: z.instanceof(Uint8Array), dataContentType: 'image/png' })
const Note = defineEvent('shop.note', { schema: z.string(), dataContentType: 'text/plain' })

const large = 'ä€😀'.repeat(10_000)

/** Notes what goes over the wire; stands behind the claim check. */
function wire(): Middleware & { readonly sent: Message[] } {
  const sent: Message[] = []
  return {
    name: 'wire',
    sent,
    async publish(message, next) {
      sent.push(message)
      await next(message)
    },
  }
}

test('large data goes to the store, and the handler sees the whole event', async () => {
  const store = memoryClaimChecks()
  const line = wire()
  const seen: string[] = []
  const extensions: unknown[] = []
  const reading = handler(PageScanned, { group: 'reading' }, ({ data, extensions: others }) => {
    seen.push(data.text)
    extensions.push(others)
  })
  await using bus = await busOf([reading], { middleware: [claimCheck({ store }), line] })
  await bus.publish(PageScanned, { text: large }, { extensions: { priority: 3 } })
  await bus.publish(PageScanned, { text: 'small' })
  await until(() => seen.length === 2)
  expect(seen).toEqual([large, 'small'])
  expect(extensions).toEqual([{ priority: 3 }, {}])
  const [reference, whole] = line.sent
  expect(reference).toMatchObject({ body: undefined, contentType: undefined })
  expect(reference!.attributes['dataref']).toMatch(/^ni:\/\/\/sha-256;[\w-]{43}$/)
  expect(whole!.attributes['dataref']).toBeUndefined()
  expect(whole!.body).toBe('{"text":"small"}')
})

test('the threshold counts bytes, and what has as many passes', async () => {
  const line = wire()
  await using bus = await busOf([], { middleware: [claimCheck({ store: memoryClaimChecks(), threshold: 15 }), line] })
  // {"text":"…"} has eleven bytes beside the text.
  for (const text of ['abcd', 'abcde', 'ää', 'ä€']) await bus.publish(PageScanned, { text })
  expect(line.sent.map(({ body }) => body !== undefined)).toEqual([true, false, true, false])
})

test('bytes and texts come back as they were, with their media types', async () => {
  const seen: unknown[] = []
  const bytes = crypto.getRandomValues(new Uint8Array(5000))
  const all = handler([Scan, Note], { group: 'all' }, ({ data }) => seen.push(data))
  await using bus = await busOf([all], { middleware: [claimCheck({ store: memoryClaimChecks(), threshold: 100 })] })
  await bus.publish(Scan, bytes)
  await bus.publish(Note, large)
  await until(() => seen.length === 2)
  expect(seen).toEqual([bytes, large])
})

test('an event too large for the transport fits as a reference', async () => {
  const seen: number[] = []
  const transport = memory({ maxMessageSize: 2000 })
  const reading = handler(PageScanned, { group: 'reading' }, ({ data }) => seen.push(data.text.length))
  const middleware = [claimCheck({ store: memoryClaimChecks(), threshold: 1000 })]
  await using bus = await busOf([reading], { transport, middleware })
  await bus.publish(PageScanned, { text: large })
  await until(() => seen.length === 1)
  expect(seen).toEqual([large.length])
})

test('INVARIANT: retries, dead letters and replays carry the reference, and check the data out anew', async () => {
  const line = wire()
  const seen: string[] = []
  let fails = true
  const flaky = handler(PageScanned, { group: 'reading', retry: { attempts: 2, delay: 0 } }, ({ data }) => {
    seen.push(data.text)
    if (fails) throw new Error('not yet')
  })
  const deadLetters = memoryDeadLetters()
  const middleware = [claimCheck({ store: memoryClaimChecks() }), line]
  await using bus = await busOf([flaky], { middleware, deadLetters })
  await bus.publish(PageScanned, { text: large })
  const [letter] = await someDeadLetters(bus)
  expect(new TextDecoder().decode(letter!.message.body as Uint8Array), 'as a handler would see it').toContain(large)
  const kept = await deadLetters.get(letter!.id)
  expect(kept!.message.attributes['dataref']).toBe(line.sent[0]!.attributes['dataref'])
  fails = false
  await bus.deadLetters.replay({})
  await until(() => seen.length === 3)
  expect(new Set(seen)).toEqual(new Set([large]))
  expect(line.sent.every(({ body }) => body === undefined)).toBe(true)
})

test('INVARIANT: data that is missing or changed parks the event at once, with the reference', async () => {
  const kept = memoryClaimChecks()
  let answer: Uint8Array | undefined
  const store: ClaimCheckStore = { put: (key, bytes) => kept.put(key, bytes), get: () => answer }
  const line = wire()
  const seen: unknown[] = []
  const reading = handler(PageScanned, { group: 'reading', retry: atOnce }, (event) => seen.push(event))
  await using bus = await busOf([reading], { middleware: [claimCheck({ store }), line] })
  const missing = await bus.publish(PageScanned, { text: large })
  const reference = String(line.sent[0]!.attributes['dataref'])
  const letters = await someDeadLetters(bus)
  expect(letters).toMatchObject([{ reason: 'permanent-error', error: { code: 'CLAIM_CHECK_MISSING' } }])
  expect(letters[0]!.error!.message).toContain(
    `the data of the event "shop.page.scanned" ${missing.id} is not in the claim-check store: ${reference}`,
  )
  await bus.deadLetters.discard({ before: new Date(Date.now() + 1000) })
  answer = new TextEncoder().encode('{"text":"other"}')
  await bus.publish(PageScanned, { text: large })
  expect(await someDeadLetters(bus)).toMatchObject([
    { reason: 'permanent-error', error: { code: 'CLAIM_CHECK_CORRUPT' } },
  ])
  expect(seen).toEqual([])
})

test('when the store cannot be asked, the event is tried again', async () => {
  const kept = memoryClaimChecks()
  let failures = 3
  const store: ClaimCheckStore = {
    put: (key, bytes) => kept.put(key, bytes),
    get(key) {
      if (failures-- > 0) throw new Error('the bucket is away')
      return kept.get(key)
    },
  }
  const seen: string[] = []
  const reading = handler(PageScanned, { group: 'reading', retry: { attempts: 4, delay: 0 } }, ({ data }) =>
    seen.push(data.text),
  )
  await using bus = await busOf([reading], { middleware: [claimCheck({ store })] })
  await bus.publish(PageScanned, { text: large })
  await until(() => seen.length === 1)
  expect(failures).toBe(-1)
})

test('nothing is published when the store does not take the data', async () => {
  const line = wire()
  await using bus = await busOf([], {
    middleware: [claimCheck({ store: memoryClaimChecks({ maxBytes: 1000 }) }), line],
  })
  await expect(bus.publish(PageScanned, { text: large })).rejects.toMatchObject({
    code: 'CLAIM_CHECKS_FULL',
    details: { size: 90_011, maxBytes: 1000 },
  })
  expect(line.sent).toEqual([])
})

test('a reference that somebody else made passes untouched', async () => {
  const seen: unknown[] = []
  const Linked = defineEvent('shop.linked', z.unknown())
  const reading = handler(Linked, { group: 'reading' }, ({ extensions }) => seen.push(extensions['dataref']))
  await using bus = await busOf([reading], { middleware: [claimCheck({ store: memoryClaimChecks() })] })
  await bus.publish(Linked, undefined, { extensions: { dataref: 'https://example.com/data/1' } })
  await bus.publish(Linked, { with: 'data' }, { extensions: { dataref: 'ni:///sha-256;not-ours' } })
  await until(() => seen.length === 2)
  expect(seen).toEqual(['https://example.com/data/1', 'ni:///sha-256;not-ours'])
})

describe('memoryClaimChecks', () => {
  const bytes = (length: number, fill = 0) => new Uint8Array(length).fill(fill)

  test('keeps what it was given, apart from its owner', async () => {
    const store = memoryClaimChecks()
    const given = bytes(3)
    await store.put('a', given)
    given.fill(1)
    const got = await store.get('a')
    got!.fill(2)
    expect(await store.get('a')).toEqual(bytes(3))
    expect(await store.get('b')).toBeUndefined()
  })

  test('drops data by age only, and a put begins it anew', async () => {
    const clock = new ManualClock()
    const store = memoryClaimChecks({ ttl: '1m', maxBytes: 10, clock })
    await store.put('a', bytes(4))
    await store.put('b', bytes(4))
    clock.advance(30_000)
    await store.put('a', bytes(4))
    expect(() => store.put('c', bytes(4))).toThrow('4 bytes find no room in a claim-check store of 10')
    clock.advance(30_000)
    expect(await store.get('b')).toBeUndefined()
    await store.put('c', bytes(4))
    expect(await store.get('a')).toEqual(bytes(4))
    expect(store.size).toBe(8)
  })
})

test('what makes no sense is refused', () => {
  expect(() => claimCheck({} as never)).toThrow('`store.put` must be a function, received undefined')
  expect(() => claimCheck({ store: memoryClaimChecks(), threshold: -1 })).toThrow(
    '`threshold` must be a whole number from 0',
  )
  expect(() => claimCheck({ store: memoryClaimChecks(), limit: 1 } as never)).toThrow(
    '`limit` is no option of claimCheck',
  )
  expect(() => memoryClaimChecks({ maxBytes: 0 })).toThrow('`maxBytes` must be a whole number from 1 on')
  expect(() => memoryClaimChecks({ ttl: 0 })).toThrow('`ttl` must be more than 0')
  // @ts-expect-error a store needs get
  const half: ClaimCheckStore = { put: () => {} }
  expect(() => claimCheck({ store: half })).toThrow('`store.get` must be a function')
})
