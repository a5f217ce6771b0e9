import { defineEvent } from '@tidings/events'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  type BusOptions,
  type DeadLetter,
  type DeadLetterStore,
  handler,
  memory,
  memoryDeadLetters,
  PermanentError,
} from '../src/index.ts'
import { altered } from './support/altered.ts'
import { all, storeOf } from './support/letters.ts'
import { logTransport } from './support/log-transport.ts'
import { quiet } from './support/recording-member.ts'
import { OrderPlaced, testedBus } from './support/shop.ts'

const Note = defineEvent('shop.note', {
  schema: z.object({ order: z.int(), text: z.string().default('nothing') }),
  key: ({ order }) => `order-${order}`,
})

/** A bus whose handler refuses what `broken` names, and parks the key; with the store of dead letters over which `alter` has a say. */
async function parking(alter: (store: DeadLetterStore) => Partial<DeadLetterStore> = () => ({})) {
  const broken = new Set<string>()
  const handled: string[] = []
  const transport = altered(memory(), ({ deadLetters: store }) => ({ deadLetters: storeOf(store!, alter(store!)) }))
  const tested = await testedBus({
    transport,
    handlers: [
      handler([OrderPlaced, Note], { group: 'g', retry: false, deadLetter: 'park-key' }, ({ data }) => {
        const name = 'item' in data ? data.item : data.text
        if (broken.has(name)) throw new Error(`${name} is poison`)
        handled.push(name)
      }),
    ],
  })
  const { deadLetters: letters } = tested.bus
  return {
    tested,
    broken,
    handled,
    letters,
    place: (order: number, item: string) => tested.bus.publish(OrderPlaced, { order, item }),
    [Symbol.asyncDispose]: () => tested[Symbol.asyncDispose](),
  }
}

describe('replay', () => {
  test('INVARIANT: only what the filter means is sent or edited, also of a parked key', async () => {
    await using shop = await parking()
    const { tested, broken, handled, letters, place } = shop
    broken.add('a')
    await place(1, 'a')
    await tested.bus.publish(Note, { order: 1, text: 'keep me' })
    await place(1, 'b')
    await quiet()
    broken.clear()
    const edited: unknown[] = []
    const edit = (data: unknown) => {
      edited.push(data)
      return { order: 1, item: 'mended' }
    }
    const replaying = letters.replay({ type: OrderPlaced.type }, { edit })
    await tested.pass(5_000)
    expect(await replaying).toMatchObject({
      replayed: 1,
      failed: [{ error: { code: 'KEY_PARKED' } }],
      ended: 'complete',
    })
    expect(edited).toEqual([{ order: 1, item: 'a' }])
    expect(handled).toEqual(['mended'])
    const rest = await all(letters.list())
    expect(rest.map(({ message }) => message.attributes['type'])).toEqual([Note.type, OrderPlaced.type])
    const [note] = rest
    const named = letters.replay({ ids: [note!.id] })
    await tested.pass(5_000)
    expect(await named).toMatchObject({ replayed: 1 })
    expect(handled).toEqual(['mended', 'keep me'])
    expect(await letters.count()).toBe(1)
  })

  test.each<[string, () => Partial<BusOptions>]>([
    ['the transport', () => ({})],
    ['the member', () => ({ transport: logTransport().transport, deadLetters: memoryDeadLetters() })],
  ])(
    'INVARIANT: what is replayed of a key comes in its order, also where the first one is tried again, held by %s',
    async (_, options) => {
      let endings: readonly Error[] = Array.from({ length: 3 }, () => new PermanentError('the till is closed'))
      const handled: string[] = []
      const bill = handler(
        OrderPlaced,
        { group: 'billing', deadLetter: 'park-key', retry: { attempts: 2, delay: '1s' } },
        ({ data }) => {
          const [error, ...others] = endings
          endings = others
          if (error) throw error
          handled.push(data.item)
        },
      )
      await using tested = await testedBus({ ...options(), handlers: [bill] })
      const { bus } = tested
      for (const item of ['Book', 'Pen', 'Ink']) await bus.publish(OrderPlaced, { order: 1, item })
      await tested.pass(100)
      expect(await bus.deadLetters.count()).toBe(3)
      endings = [new Error('a moment, please')]
      const replayed = bus.deadLetters.replay({}, { rate: Infinity })
      await tested.pass(10_000)
      expect(await replayed).toMatchObject({ replayed: 3, failed: [] })
      expect(handled).toEqual(['Book', 'Pen', 'Ink'])
      expect(await bus.deadLetters.count()).toBe(0)
    },
  )

  test('an edit may be asynchronous, and may discard letters itself', async () => {
    await using shop = await parking()
    const { tested, broken, handled, letters, place } = shop
    for (const item of ['a', 'b']) broken.add(item)
    await place(1, 'a')
    await place(2, 'b')
    await quiet()
    const edit = async (data: unknown, { id }: DeadLetter) => {
      await quiet(2)
      const { order, item } = data as { order: number; item: string }
      if (item === 'a') return { order, item: 'mended' }
      await letters.discard({ ids: [id] })
      return undefined
    }
    const replaying = letters.replay({}, { edit })
    await tested.pass(5_000)
    expect(await replaying).toMatchObject({ replayed: 1, skipped: 1, failed: [] })
    expect(handled).toEqual(['mended'])
    expect(await letters.count()).toBe(0)
  })

  test('a letter that is discarded while its mark is on the way stays away, or its copy is sent first', async () => {
    await using shop = await parking((store) => ({
      add: async (letter) => {
        if (letter.replayedAt !== undefined) await quiet(5)
        await store.add(letter)
      },
    }))
    const { tested, broken, handled, letters, place } = shop
    broken.add('a')
    await place(1, 'a')
    await quiet()
    const replaying = letters.replay({})
    await quiet(2)
    expect(await letters.discard({ ids: [(await all(letters.list()))[0]!.id] })).toBe(1)
    await tested.pass(70_000)
    await replaying
    // What is on its way is handled all the same: poison, it is a letter again.
    expect(handled).toEqual([])
    expect((await all(letters.list())).map(({ replayedAt }) => replayedAt)).toEqual([undefined])
  })

  test('the mark of a later replay stays, although that of the one before is taken off late', async () => {
    let open = (): void => {}
    let hold: Promise<void> | undefined
    let release = (): void => {}
    const handled: string[] = []
    let failures = 2
    const transport = altered(memory(), ({ deadLetters }) => ({
      deadLetters: storeOf(deadLetters!, {
        add: async (letter) => {
          if (hold && letter.reason === 'key-parked' && letter.replayedAt === undefined) await hold
          await deadLetters!.add(letter)
        },
      }),
    }))
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(OrderPlaced, { group: 'g', retry: false, deadLetter: 'park-key' }, async ({ data: { item } }) => {
          if (item === 'a' && failures-- > 0) throw new Error('poison')
          if (item === 'b') await new Promise<void>((resolve) => (open = resolve))
          handled.push(item)
        }),
      ],
    })
    const { deadLetters: letters } = tested.bus
    for (const item of ['a', 'b']) await tested.bus.publish(OrderPlaced, { order: 1, item })
    await quiet()
    hold = new Promise((resolve) => (release = resolve))
    // The first fails again, so the copy of the second comes before its turn, and is to lose its mark.
    const first = letters.replay({}, { rate: Infinity })
    await tested.pass(1_000)
    await first
    const stop = new AbortController()
    const second = letters.replay({}, { rate: Infinity, signal: stop.signal })
    await quiet()
    stop.abort()
    release()
    await quiet()
    await second
    const third = letters.replay({}, { rate: Infinity })
    await quiet()
    for (let copy = 0; copy < 3; copy++) {
      open()
      await tested.pass(1_000)
    }
    await third
    expect(handled).toEqual(['a', 'b'])
    expect(await letters.count()).toBe(0)
  })

  test('closing the bus ends it, with no timer left behind', async () => {
    const shop = await parking()
    const { tested, broken, letters, place } = shop
    for (let order = 1; order <= 20; order++) {
      broken.add(`${order}`)
      await place(order, `${order}`)
    }
    await quiet()
    const replaying = letters.replay({}, { rate: 1 })
    await quiet()
    await tested[Symbol.asyncDispose]()
    expect(await replaying).toMatchObject({ replayed: 1, ended: 'aborted', failed: [] })
    expect(tested.clock.timers).toBe(0)
  })

  test('what it was at work on when it ended is free for the next one', async () => {
    await using shop = await parking()
    const { tested, broken, handled, letters, place } = shop
    for (const item of ['a', 'c']) broken.add(item)
    for (const item of ['a', 'b']) await place(1, item)
    for (const item of ['c', 'd']) await place(2, item)
    await quiet()
    const ends = [
      { signal: AbortSignal.abort() },
      { limit: 1 },
      { edit: () => 'not an order' },
      { edit: () => undefined },
      {
        onProgress: () => {
          throw new Error('stop')
        },
      },
    ]
    for (const options of ends) {
      const replaying = letters.replay({}, { rate: Infinity, ...options }).catch(() => {})
      await tested.pass(70_000)
      await replaying
    }
    broken.clear()
    const replaying = letters.replay({}, { rate: Infinity })
    await tested.pass(5_000)
    expect(await replaying).toMatchObject({ replayed: 4, failed: [] })
    expect(handled).toEqual(expect.arrayContaining(['a', 'b', 'c', 'd']))
  })

  test('whoever is told of the progress may fail later, which is logged', async () => {
    await using shop = await parking()
    const { tested, broken, letters, place } = shop
    broken.add('a')
    await place(1, 'a')
    await quiet()
    broken.clear()
    const replaying = letters.replay({}, { onProgress: () => Promise.reject(new Error('the page is gone')) as never })
    await tested.pass(1_000)
    expect(await replaying).toMatchObject({ replayed: 1 })
    expect(tested.log.lines.at(-1)).toMatchObject({
      message: '`onProgress` of a replay failed',
      facts: { type: OrderPlaced.type, attempt: 1, error: { message: 'the page is gone' } },
    })
  })

  test('each letter counts once, and one that is left where it is holds up those behind it', async () => {
    await using shop = await parking()
    const { tested, broken, handled, letters, place } = shop
    broken.add('a')
    for (const item of ['a', 'b', 'c']) await place(1, item)
    await quiet()
    broken.clear()
    const edit = (data: unknown) => ((data as { item: string }).item === 'b' ? 'no order' : data)
    const replaying = letters.replay({}, { rate: Infinity, edit })
    await tested.pass(5_000)
    const { failed } = await replaying
    expect(failed.map(({ error }) => (error as { code: string }).code)).toEqual(['INVALID_EVENT', 'KEY_PARKED'])
    expect(handled).toEqual(['a'])
    expect(await letters.count()).toBe(2)
  })

  test('what it cannot be asked is a rejection', async () => {
    await using shop = await parking()
    await expect(shop.letters.replay(undefined as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await expect(shop.letters.replay({}, { rate: 0 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await expect(shop.letters.replay({}, null as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  test('that a letter could not be sent is told, whatever becomes of its mark', async () => {
    let isAway = false
    let isFull = false
    await using tested = await testedBus({
      transport: altered(memory(), (connection) => ({
        publish: (outgoing, options) =>
          isAway ? Promise.reject(new Error('the broker is away')) : connection.publish(outgoing, options),
        deadLetters: storeOf(connection.deadLetters!, {
          add: (letter) => {
            if (isFull && letter.replayedAt === undefined) throw new Error('the store is away')
            return connection.deadLetters!.add(letter)
          },
        }),
      })),
      handlers: [
        handler(OrderPlaced, { group: 'g', retry: false }, () => {
          throw new Error('poison')
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    isAway = isFull = true
    const { failed } = await tested.bus.deadLetters.replay({})
    expect(failed).toMatchObject([{ error: { message: 'the broker is away' } }])
    expect(tested.log.lines.at(-1)).toMatchObject({
      message: 'a dead letter that was not sent keeps its mark',
      facts: { type: OrderPlaced.type, group: 'shop.g', attempt: 1, error: { message: 'the store is away' } },
    })
    isAway = isFull = false
  })

  test('a copy that comes late leaves the mark of the one that was sent after it', async () => {
    const handled: string[] = []
    const gates = new Map<string, () => void>()
    let failures = 2
    await using tested = await testedBus({
      handlers: [
        handler(
          OrderPlaced,
          { group: 'g', retry: false, deadLetter: 'park-key', concurrency: 1, timeout: '1h' },
          async ({ data: { item } }) => {
            if (item === 'a' && failures-- > 0) throw new Error('poison')
            if (item !== 'a') await new Promise<void>((resolve) => gates.set(item, resolve))
            handled.push(item)
          },
        ),
      ],
    })
    const { deadLetters: letters } = tested.bus
    const place = (order: number, item: string) => tested.bus.publish(OrderPlaced, { order, item }).then(() => quiet())
    /** Sends what it may at once, and is stopped. */
    const replay = async () => {
      const stop = new AbortController()
      const replaying = letters.replay({}, { rate: Infinity, signal: stop.signal })
      await quiet()
      stop.abort()
      await tested.pass(1_000)
      return replaying
    }
    await place(1, 'a')
    await place(1, 'b')
    await place(3, 'slow')
    const first = replay()
    await place(2, 'slower')
    await first
    // The first copy of `a` fails, and before that of `b` the slot goes to another key.
    gates.get('slow')!()
    await quiet()
    await replay()
    gates.get('slower')!()
    await quiet()
    await replay()
    for (let copy = 0; copy < 4; copy++) {
      gates.get('b')?.()
      await quiet()
    }
    expect(handled).toEqual(['slow', 'slower', 'a', 'b'])
    expect(await letters.count()).toBe(0)
  })

  test('two replays of one letter by its id, on a store that takes its time, send it once', async () => {
    await using shop = await parking((store) => ({
      get: async (id) => (await quiet(2), store.get(id)),
      add: async (letter) => (await quiet(2), store.add(letter)),
    }))
    const { tested, broken, handled, letters, place } = shop
    broken.add('a')
    await place(1, 'a')
    await quiet()
    broken.clear()
    const ids = (await all(letters.list())).map(({ id }) => id)
    let edits = 0
    const edit = (data: unknown) => (edits++, data)
    const replays = Promise.all([1, 2].map(() => letters.replay({ ids }, { edit })))
    await tested.pass(1_000)
    expect((await replays).map(({ replayed, skipped }) => [replayed, skipped])).toEqual([
      [1, 0],
      [0, 1],
    ])
    expect([handled, edits]).toEqual([['a'], 1])
  })

  test('a list that begins anew, since a letter went in the middle of it, has nothing sent twice', async () => {
    const transport = altered(memory(), ({ deadLetters: store }) => ({
      deadLetters: storeOf(store!, {
        list: ({ after, ...query }) =>
          store!.list({ ...query, after: after !== undefined && store!.get(after) === undefined ? undefined : after }),
      }),
    }))
    const { bound, handled, broken } = slowly()
    await using tested = await testedBus({ transport, handlers: [bound] })
    for (let order = 0; order < 250; order++) await tested.bus.publish(OrderPlaced, { order, item: `${order}` })
    await quiet(40)
    broken.clear()
    const { deadLetters: letters } = tested.bus
    // The last of a page, whose next one has not been asked for yet.
    const id = (await all(letters.list()))[199]!.id
    const onProgress = ({ replayed }: { readonly replayed: number }) => {
      if (replayed === 1) void letters.discard({ ids: [id] })
    }
    const replaying = letters.replay({}, { rate: Infinity, onProgress })
    for (let second = 0; second < 20; second++) await tested.pass(1_000)
    expect(await replaying).toMatchObject({ replayed: 249 })
    expect(handled).toHaveLength(249)
    expect(new Set(handled).size).toBe(249)

    function slowly() {
      const refused = new Set(['all'])
      const done: string[] = []
      const taking = handler(
        OrderPlaced,
        { group: 'g', retry: false, deadLetter: 'park-key', prefetch: 500, timeout: '1h' },
        async ({ data: { item } }) => {
          if (refused.size > 0) throw new Error('poison')
          await new Promise<void>((resolve) => tested.clock.after(10, resolve))
          done.push(item)
        },
      )
      return { bound: taking, handled: done, broken: refused }
    }
  })

  test('a store whose promises are of another kind is one as any', async () => {
    /** A promise as another realm makes it. */
    const foreign = <T>(value: T): Promise<T> => {
      const promise = Promise.resolve(value)
      return new Proxy(promise, {
        getPrototypeOf: () => null,
        get: (_, name) => (name === 'then' ? promise.then.bind(promise) : undefined),
      })
    }
    await using shop = await parking((store) => ({ get: (id) => foreign(store.get(id) as DeadLetter | undefined) }))
    const { tested, broken, handled, letters, place } = shop
    broken.add('a')
    await place(1, 'a')
    await quiet()
    broken.clear()
    const replaying = letters.replay({})
    await tested.pass(1_000)
    expect(await replaying).toMatchObject({ replayed: 1, failed: [] })
    expect(handled).toEqual(['a'])
  })

  test('what its signal ends within an edit is not sent any more', async () => {
    await using shop = await parking()
    const { tested, broken, letters, place } = shop
    broken.add('a')
    await place(1, 'a')
    await quiet()
    const stop = new AbortController()
    const edit = async (data: unknown) => (stop.abort(), await quiet(2), data)
    expect(await letters.replay({}, { signal: stop.signal, edit })).toMatchObject({ replayed: 0, ended: 'aborted' })
    expect((await all(letters.list())).map(({ replayedAt }) => replayedAt)).toEqual([undefined])
    expect(tested.hooks('failed')).toHaveLength(1)
  })

  test('a mark that was kept although the store said that it was not is taken off', async () => {
    let isLying = true
    await using shop = await parking((store) => ({
      add: async (letter) => {
        await store.add(letter)
        if (isLying && letter.replayedAt !== undefined) throw new Error('no answer')
      },
    }))
    const { tested, broken, handled, letters, place } = shop
    broken.add('a')
    await place(1, 'a')
    await quiet()
    broken.clear()
    expect(await letters.replay({})).toMatchObject({ replayed: 0, failed: [{ error: { message: 'no answer' } }] })
    isLying = false
    const replaying = letters.replay({})
    await tested.pass(1_000)
    expect(await replaying).toMatchObject({ replayed: 1 })
    expect(handled).toEqual(['a'])
  })

  test('what is behind a letter that an edit leaves out is not sent', async () => {
    await using shop = await parking()
    const { tested, broken, handled, letters, place } = shop
    broken.add('a')
    for (const item of ['a', 'b', 'c']) await place(1, item)
    await quiet()
    broken.clear()
    const edit = (data: unknown) => ((data as { item: string }).item === 'b' ? undefined : data)
    const replaying = letters.replay({}, { edit })
    await tested.pass(1_000)
    expect(await replaying).toMatchObject({ replayed: 1, skipped: 1, failed: [{ error: { code: 'KEY_PARKED' } }] })
    expect(handled).toEqual(['a'])
    expect(await letters.count()).toBe(2)
  })

  test('a letter that is named again, although its copy was only late, is handled once', async () => {
    const handled: string[] = []
    const gates: (() => void)[] = []
    let isBroken = true
    await using tested = await testedBus({
      handlers: [
        handler(OrderPlaced, { group: 'g', retry: false, concurrency: 1 }, async ({ data: { item } }) => {
          if (isBroken) throw new Error('poison')
          if (item === 'slow') await new Promise<void>((resolve) => gates.push(resolve))
          handled.push(item)
        }),
      ],
    })
    const { deadLetters: letters } = tested.bus
    await tested.bus.publish(OrderPlaced, { order: 1, item: 'a' })
    await quiet()
    isBroken = false
    await tested.bus.publish(OrderPlaced, { order: 2, item: 'slow' })
    await quiet()
    const ids = (await all(letters.list())).map(({ id }) => id)
    for (let copy = 0; copy < 3; copy++) expect(await letters.replay({ ids })).toMatchObject({ replayed: 1 })
    for (const open of gates) open()
    await quiet()
    expect(handled).toEqual(['slow', 'a'])
    expect(await letters.count()).toBe(0)
  })
})
