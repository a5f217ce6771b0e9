import { isTidingsError } from '@tidings/core'
import { over } from '@tidings/core/tools'
import { type AnyDefinedEvent, createCatalog, defineEvent, type EventOf } from '@tidings/events'
import * as fc from 'fast-check'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { z } from 'zod'
import {
  defineDecider,
  defineProjection,
  type EncryptionOptions,
  type EventStore,
  execute,
  exportTo,
  importFrom,
  type KeyStore,
  keysIn,
  load,
  memoryKeys,
  memoryStore,
  runProjection,
  waitFor,
} from '../src/index.ts'
import { createStore, memoryRecorder, type Recorder } from '../src/recorder/index.ts'
import { all, rejection } from './support/shop.ts'

const secret = () => z.string().meta({ sensitive: true })
const SignedUp = defineEvent('app.user.signed-up', {
  schema: z.object({ user: z.string(), name: secret(), email: z.email().meta({ sensitive: true }), plan: z.string() }),
  key: ({ user }) => user,
})
const Renamed = defineEvent('app.user.renamed', {
  schema: z.object({ user: z.string(), name: secret() }),
  key: ({ user }) => user,
})
const Visited = defineEvent('app.page.visited', z.object({ page: z.string() }))
const catalog = createCatalog([SignedUp, Renamed, Visited])
type AppEvent = EventOf<(typeof catalog.definitions)[number]>

const ada = (user = 'u-1') =>
  SignedUp.create(
    { user, name: 'Ada Lovelace', email: 'ada@example.org', plan: 'free' },
    { extensions: { tenant: 't' } },
  )
// Long enough that no sealed text has them by chance.
const secrets = ['Lovelace', 'ada@example.org', 'Ada Byron']

/** A store that seals, and the bytes below it. */
function sealing(options: Partial<EncryptionOptions> = {}, log = memoryRecorder()) {
  const keys = options.keys ?? memoryKeys()
  const open = (): EventStore<AppEvent> => createStore(log, { events: catalog, encryption: { keys, ...options } })
  return { log, keys, open, store: open(), plain: createStore(log, { events: catalog }) }
}

const dataOf = async (store: EventStore<AppEvent>, stream = 'user-1') =>
  (await all(store.read(stream))).map(({ event }) => event.data)

async function bytesOf(log: Recorder): Promise<string> {
  return JSON.stringify(await log.readLog({ after: 0 as never, limit: 1000 }))
}

describe('a store that seals', () => {
  test('INVARIANT: nothing that is sensitive stands in what it stores, and all of it is read', async () => {
    const { store, log, plain } = sealing()
    const event = ada()
    await store.append('user-1', [event, Visited.create({ page: '/' })])
    const bytes = await bytesOf(log)
    for (const word of secrets) expect(bytes).not.toContain(word)
    expect(bytes).toContain('free')
    const [first, second] = await all(store.readAll())
    // The very same event: nothing shows that it was sealed.
    expect(first!.event.toJSON()).toEqual(event.toJSON())
    expect(second!.event.extensions).toEqual({})
    // Who has no keys reads a whole event of its type.
    const [blind] = await dataOf(plain)
    expect(blind).toEqual({ user: 'u-1', name: '[forgotten]', email: 'forgotten@example.invalid', plan: 'free' })
  })

  test('INVARIANT: once a subject is forgotten all that reads goes on, without what was sensitive', async () => {
    const log = memoryRecorder()
    const keys = memoryKeys()
    const names = defineProjection('names', {
      on: [SignedUp, Renamed],
      key: ({ data }) => data.user,
      initial: () => '',
      evolve: (_, { data }) => data.name.toUpperCase(),
    })
    const user = defineDecider({
      initial: () => ({ names: [] as string[] }),
      evolve: (state, event: EventOf<typeof SignedUp> | EventOf<typeof Renamed>) => ({
        names: [...state.names, event.data.name],
      }),
      decide: (name: string) => Renamed.create({ user: 'u-1', name }),
    })
    const store = createStore(log, { events: catalog, inline: [names], encryption: { keys } })
    await store.append('user-1', [ada()])
    await store.append('user-2', [ada('u-2')])
    await execute(store, user as never, 'user-1', 'Ada Byron')
    const running = await runProjection(store, names)
    onTestFinished(() => running.stop())
    await waitFor(running, await store.end())
    expect(await running.get('u-1')).toBe('ADA BYRON')
    expect(await store.state(names, 'u-1')).toBe('ADA BYRON')
    await store.forget('u-1')
    await store.forget('u-1')
    expect((await load(store, user as never, 'user-1')).state).toEqual({ names: ['[forgotten]', '[forgotten]'] })
    expect(await dataOf(store, 'user-2')).toMatchObject([{ name: 'Ada Lovelace' }])
    expect(await running.get('u-1')).toBe('ADA BYRON')
    await running.rebuild()
    expect(await running.get('u-1')).toBe('[FORGOTTEN]')
    expect(await running.get('u-2')).toBe('ADA LOVELACE')
    expect(await all(store.subscribe({ signal: AbortSignal.timeout(20) }))).toHaveLength(3)
  })

  test('an event that comes again is known, one that says something else is refused; of who is forgotten nothing comes', async () => {
    const { store, open, log } = sealing()
    const event = ada()
    const first = await store.append('user-1', [event], { expectedVersion: 0 })
    for (const each of [store, open()]) {
      expect(await each.append('user-1', [event], { expectedVersion: 0 })).toEqual({ ...first, repeated: true })
    }
    const other = SignedUp.create(
      { ...event.data, name: 'Ada Byron' },
      { ...event.toJSON(), extensions: { tenant: 't' } },
    )
    expect(await rejection(store.append('user-1', [other]))).toMatchObject({ code: 'EVENT_EXISTS' })
    await store.forget('u-1')
    const before = await bytesOf(log)
    for (const late of [event, ada()]) {
      const error = await rejection(store.append('user-1', [late]))
      expect(error).toMatchObject({ code: 'SUBJECT_FORGOTTEN', subject: 'u-1' })
    }
    expect(await bytesOf(log)).toBe(before)
    await store.append('user-1', [Visited.create({ page: '/bye' })])
    expect(await dataOf(store)).toHaveLength(2)
  })

  test('the same text of two events is sealed to other bytes, also of one subject', async () => {
    const { store, log } = sealing()
    await store.append('user-1', [ada(), ada()])
    const { events } = await log.readLog({ after: 0 as never, limit: 9 })
    const [one, two] = events.map(({ event }) => String(event.attributes['sealed']))
    expect(one!.slice(0, 12)).not.toBe(two!.slice(0, 12))
    expect(one).not.toBe(two)
  })

  test('what was sealed for another event, or changed, is refused', async () => {
    const { store, log, keys } = sealing()
    await store.append('user-1', [ada(), Renamed.create({ user: 'u-1', name: 'Ada Byron' })])
    const { events } = await log.readLog({ after: 0 as never, limit: 9 })
    const [, { event: second }] = events as [(typeof events)[0], (typeof events)[0]]
    const sealed = String(second.attributes['sealed'])
    const flipped = sealed.replace(/^./, (letter) => (letter === 'A' ? 'B' : 'A'))
    for (const attributes of [{ sealed: flipped }, { sealed }]) {
      const altered = over<Recorder>(log, {
        async readLog(query) {
          const page = await log.readLog(query)
          const change = (logged: (typeof events)[0]) => {
            const { event } = logged
            return { ...logged, event: { ...event, attributes: { ...event.attributes, ...attributes } } }
          }
          return { ...page, events: page.events.map(change) }
        },
      })
      const error = await rejection(all(createStore(altered, { events: catalog, encryption: { keys } }).readAll()))
      expect(error).toMatchObject({ code: 'NOT_READABLE', subject: 'u-1' })
    }
  })

  test('an event without a subject is refused, and the name of its extension is the store’s', async () => {
    const { store } = sealing({ subject: ({ subject }) => (subject === 'u-1' ? undefined : subject) })
    expect(await rejection(store.append('user-1', [ada()]))).toMatchObject({ code: 'NOT_SEALED' })
    await store.append('user-2', [ada('u-2')])
    const error = await rejection(
      store.append('user-1', [Visited.create({ page: '/' }, { extensions: { sealed: 'x' } })]),
    )
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(await rejection(memoryStore({ events: catalog }).forget('u-1'))).toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  test('a subject that is itself sensitive is refused, since it would stand in clear', async () => {
    const schema = z.object({ email: z.email().meta({ sensitive: true }), cards: z.array(secret()) })
    const Joined = defineEvent('app.user.joined', { schema, key: ({ email }) => email })
    const joined = Joined.create({ email: 'ada@example.org', cards: ['4111-1111'] })
    for (const subject of [undefined, () => 'u-1', () => '4111-1111']) {
      const store = memoryStore({ events: [Joined], encryption: { keys: memoryKeys(), subject } })
      const error = await rejection(store.append('user-1', [joined]))
      expect(error).toMatchObject({ code: 'NOT_SEALED' })
      expect((error as Error).message).not.toMatch(/ada|4111/)
    }
  })

  test('a key is held for a while, and asked for no more often', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const keys = memoryKeys()
    const asked: string[] = []
    const counting = over<KeyStore>(keys, { find: (subject) => (asked.push(subject), keys.find(subject)) })
    const { store, open } = sealing({ keys: counting })
    await store.append('user-1', [ada()])
    const other = open()
    await dataOf(other)
    asked.length = 0
    await Promise.all([dataOf(other), dataOf(other)])
    expect(asked).toEqual([])
    await store.forget('u-1')
    expect(await dataOf(store)).toMatchObject([{ name: '[forgotten]' }])
    // Another process may read so long of who was forgotten.
    expect(await dataOf(other)).toMatchObject([{ name: 'Ada Lovelace' }])
    vi.advanceTimersByTime(60_000)
    expect(await dataOf(other)).toMatchObject([{ name: '[forgotten]' }])
  })

  test.for<object>([
    { keys: {} },
    { keys: memoryKeys(), hold: 'long' },
    { keys: memoryKeys(), missing: 'ignore' },
    { key: 1 },
  ])('refuses encryption: %j', (encryption) => {
    const make = (): unknown => memoryStore({ events: catalog, encryption: encryption as EncryptionOptions })
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })
})

describe('export and import', () => {
  test('carry what is sealed as it is, and who has the keys reads it', async () => {
    const { store, keys } = sealing()
    await store.append('user-1', [ada()])
    const lines: string[] = []
    await exportTo(store, (line) => lines.push(line))
    for (const word of secrets) expect(lines.join('')).not.toContain(word)
    const names = defineProjection('names', { on: [SignedUp], initial: () => '', evolve: (_, { data }) => data.name })
    const target = memoryStore({ events: catalog, inline: [names], encryption: { keys } })
    await importFrom(target, lines)
    expect(await dataOf(target)).toMatchObject([{ name: 'Ada Lovelace' }])
    expect(await target.state(names)).toBe('Ada Lovelace')
    const again: string[] = []
    await exportTo(target, (line) => again.push(line))
    const sealedOf = (text: string[]) => (JSON.parse(text[1]!) as { attributes: object }).attributes
    expect(sealedOf(again)).toEqual(sealedOf(lines))
    await store.forget('u-1')
    const [late, strange, blind] = [
      memoryStore({ events: catalog, encryption: { keys } }),
      memoryStore({ events: catalog, encryption: { keys: memoryKeys() } }),
      memoryStore({ events: catalog, encryption: { keys: memoryKeys(), missing: 'forgotten' } }),
    ]
    for (const each of [late, strange, blind]) await importFrom(each, lines)
    expect(await dataOf(late)).toMatchObject([{ name: '[forgotten]' }])
    expect(await dataOf(blind)).toMatchObject([{ name: '[forgotten]' }])
    // Most likely the wrong key store: not as good as forgotten.
    const error = await rejection(dataOf(strange))
    expect(error).toMatchObject({ code: 'NOT_READABLE' })
    expect((error as Error).message).toMatch(
      /^event \S+ \("app.user.signed-up"\) cannot be read: there is no key of subject "u-1"\n/,
    )
  })
})

describe('what stands for a value that is forgotten', () => {
  const sensitive = { sensitive: true }
  test.for<[string, z.ZodType, unknown, unknown]>([
    ['a text', z.string(), 'Ada', '[forgotten]'],
    ['a short text', z.string().max(4), 'Ada', '[for'],
    ['a long text', z.string().min(14), 'Ada Lovelace Byron', '[forgotten]...'],
    ['a text of digits', z.string().regex(/^\d{4}$/), '1815', '0000'],
    ['an address', z.email(), 'ada@example.org', 'forgotten@example.invalid'],
    ['a UUID', z.uuid(), '0198c0de-0000-7000-8000-000000000001', '00000000-0000-0000-0000-000000000000'],
    ['a URL', z.url(), 'https://ada.example.org', 'https://example.invalid/'],
    ['a date', z.iso.date(), '1815-12-10', '1970-01-01'],
    ['a time', z.iso.datetime(), '1815-12-10T00:00:00Z', '1970-01-01T00:00:00Z'],
    ['a number', z.number(), 36, 0],
    ['a number from 18 on', z.int().min(18), 36, 18],
    ['a number above 0', z.int().positive(), 36, 1],
    ['a multiple', z.number().multipleOf(5).min(12), 35, 15],
    ['a number below 0', z.int().negative(), -5, -1],
    ['a yes', z.boolean(), true, false],
    ['one of several', z.enum(['red', 'blue']), 'blue', 'red'],
    ['a literal', z.literal('x'), 'x', 'x'],
    ['one or nothing', z.string().nullable(), 'Ada', '[forgotten]'],
    ['a list', z.array(z.string()), ['Ada'], []],
    ['a list of one at least', z.array(z.int()).min(1), [7, 8], [0]],
    ['an object', z.object({ a: z.int(), b: z.string().optional() }), { a: 7, b: 'x' }, { a: 0 }],
    [
      'a codec',
      z.codec(z.iso.datetime(), z.date(), { decode: (text) => new Date(text), encode: (date) => date.toISOString() }),
      new Date(5),
      new Date(0),
    ],
    ['one of two kinds', z.union([z.int(), z.string()]), 'Ada', 0],
    ['a record', z.record(z.string(), z.int()), { Ada: 1 }, {}],
  ])('%s', async ([, schema, value, expected]) => {
    const Kept = defineEvent('app.value.kept', z.object({ id: z.string(), value: schema.meta(sensitive) }))
    const store = memoryStore({ events: [Kept], encryption: { keys: memoryKeys(), subject: () => 'u-1' } })
    await store.append('a', [Kept.create({ id: 'x', value })])
    const read = async () => (await all(store.readAll())).map(({ event }) => (event.data as { value: unknown }).value)
    expect(await read()).toEqual([value])
    await store.forget('u-1')
    expect(await read()).toEqual([expected])
  })

  test('deep in lists and objects, under names that are sensitive, and by paths', async () => {
    const Ordered = defineEvent('shop.order.placed', {
      schema: z.object({
        lines: z.array(z.object({ item: z.string(), note: secret().optional() })),
        contacts: z.record(secret(), z.string()),
        card: z.object({ number: z.string(), type: z.string() }),
      }),
      sensitive: ['card.number'],
    })
    const log = memoryRecorder()
    const store = createStore(log, {
      events: [Ordered],
      encryption: { keys: memoryKeys(), subject: (_, { stream }) => stream },
    })
    const data = {
      lines: [{ item: 'Book', note: 'for Ada' }, { item: 'Pen' }],
      contacts: { Ada: 'great-aunt', Lovelace: 'uncle' },
      card: { number: '4111-1111', type: 'visa' },
    }
    await store.append('order-1', [Ordered.create(data)])
    for (const word of ['for Ada', 'Lovelace', 'great-aunt', '4111-1111'])
      expect(await bytesOf(log)).not.toContain(word)
    expect((await all(store.readAll()))[0]!.event.data).toEqual(data)
    await store.forget('order-1')
    expect((await all(store.readAll()))[0]!.event.data).toEqual({
      lines: [{ item: 'Book', note: '[forgotten]' }, { item: 'Pen' }],
      contacts: {},
      card: { number: '[forgotten]', type: 'visa' },
    })
  })

  test('a text and bytes that are sensitive as a whole', async () => {
    const Said = defineEvent('app.word.said', { schema: secret(), dataContentType: 'text/plain' })
    const Shot = defineEvent('app.photo.shot', {
      schema: z.instanceof(Uint8Array).meta(sensitive),
      dataContentType: 'image/png',
    })
    const log = memoryRecorder()
    const store = createStore(log, { events: [Said, Shot], encryption: { keys: memoryKeys(), subject: () => 'u-1' } })
    await store.append('a', [Said.create('Ada Lovelace'), Shot.create(new Uint8Array([1, 2, 3]))])
    expect(await bytesOf(log)).not.toContain('Lovelace')
    const read = async () => (await all(store.readAll())).map(({ event }) => event.data)
    expect(await read()).toEqual(['Ada Lovelace', new Uint8Array([1, 2, 3])])
    await store.forget('u-1')
    expect(await read()).toEqual(['[forgotten]', new Uint8Array()])
  })

  test('INVARIANT: what could not be read once its subject is forgotten is refused at once, and can be stated', async () => {
    const Paid = defineEvent(
      'shop.order.paid',
      z.object({
        iban: z
          .string()
          .refine((text) => text.startsWith('DE'))
          .meta(sensitive),
      }),
    )
    const events = [Paid]
    const encryption = { keys: memoryKeys(), subject: () => 'u-1' }
    const store = memoryStore({ events, encryption })
    const paid = Paid.create({ iban: 'DE0212' })
    const error = await rejection(store.append('a', [paid]))
    expect(isTidingsError(error, 'NOT_SEALED')).toBe(true)
    expect((error as Error).message).not.toContain('0212')
    expect((error as Error).message).toContain("forgotten: { 'shop.order.paid': { 'the.path': … } }")
    const stating = memoryStore({
      events,
      encryption: { ...encryption, forgotten: { 'shop.order.paid': { iban: 'DE00' } } },
    })
    await stating.append('a', [paid])
    await stating.forget('u-1')
    expect((await all(stating.readAll())).map(({ event }) => event.data)).toEqual([{ iban: 'DE00' }])
  })

  test('goes through upcasting as a value of its time', async () => {
    const [old, next] = [
      defineEvent('app.user.moved', z.object({ user: z.string(), city: secret() })),
      defineEvent('app.user.moved', {
        version: 2,
        schema: z.object({ user: z.string(), place: z.object({ city: secret() }) }),
        upcast: { 1: ({ user, city }: { user: string; city: string }) => ({ user, place: { city: city.trim() } }) },
      }),
    ]
    const log = memoryRecorder()
    const encryption = { keys: memoryKeys(), subject: () => 'u-1' }
    await createStore(log, { events: [old], encryption }).append('a', [old.create({ user: 'u-1', city: ' London ' })])
    const store = createStore(log, { events: [next], encryption })
    const read = async () => (await all(store.readAll())).map(({ event }) => event.data.place.city)
    expect(await read()).toEqual(['London'])
    await store.forget('u-1')
    expect(await read()).toEqual(['[forgotten]'])
  })

  test('INVARIANT: whatever the data, it comes back as it was, and nothing sensitive is stored', async () => {
    const Any = defineEvent('app.any.kept', z.object({ open: z.unknown(), hidden: z.unknown().meta(sensitive) }))
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.jsonValue(), async (shown, hidden) => {
        const log = memoryRecorder()
        const encryption = { keys: memoryKeys(), subject: () => 'u-1' }
        const store = createStore(log, { events: [Any as AnyDefinedEvent], encryption })
        const event = Any.create({ open: shown, hidden: { mark: 'unheard-of', hidden } })
        await store.append('a', [event])
        expect(await bytesOf(log)).not.toContain('unheard-of')
        const [read] = await all(store.readAll())
        // As text, since no JSON has a negative zero.
        expect(JSON.stringify(read!.event)).toBe(JSON.stringify(event))
        expect(await store.append('a', [event])).toMatchObject({ repeated: true })
        await store.forget('u-1')
        const [blind] = await all(store.readAll())
        expect(JSON.stringify(blind)).not.toContain('unheard-of')
      }),
      { numRuns: 100 },
    )
  })
})

describe('keys beside a log', () => {
  test('are there for whoever opens it, one for each subject, and what was forgotten stays so', async () => {
    const log = memoryRecorder()
    const keyLog = createStore(memoryRecorder(), { events: [] })
    const { store } = sealing({ keys: keysIn(keyLog) }, log)
    await store.append('user-1', [ada()])
    const { store: again } = sealing({ keys: keysIn(keyLog) }, log)
    expect(await dataOf(again)).toMatchObject([{ name: 'Ada Lovelace' }])
    const [one, two] = [keysIn(keyLog), keysIn(keyLog)]
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? one : two).obtain('u-2')),
    )
    expect(new Set(made.map(String)).size).toBe(1)
    await one.forget('u-3')
    await one.forget('u-1')
    expect([await two.find('u-1'), await two.find('u-3'), await two.find('u-4')]).toEqual([
      'forgotten',
      'forgotten',
      undefined,
    ])
    expect(await two.obtain('u-3')).toBe('forgotten')
  })

  test('a key that is none is refused without showing it', async () => {
    const keys = over<KeyStore>(memoryKeys(), { obtain: async () => new Uint8Array([7, 7, 7]) })
    const { store } = sealing({ keys })
    const error = await rejection(store.append('user-1', [ada()]))
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect((error as Error).message).not.toContain('7')
  })
})
