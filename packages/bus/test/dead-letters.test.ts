import { defineEvent } from '@tidings/events'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createBus, type DeadLetter, type DeadLetterStore, handler, memory, PermanentError } from '../src/index.ts'
import { altered } from './support/altered.ts'
import { all } from './support/letters.ts'
import { connectTo, message, quiet } from './support/recording-member.ts'
import { OrderPlaced, PaymentTaken, ShelfScanned, testedBus } from './support/shop.ts'

/** A handler of one group that refuses orders while `broken` holds them. */
function refusing(broken: Set<number>, group = 'billing') {
  const handled: string[] = []
  const bound = handler(OrderPlaced, { group, retry: false }, ({ data }) => {
    if (broken.has(data.order)) throw new PermanentError(`${data.order} refused`)
    handled.push(`${data.order}${data.item}`)
  })
  return { bound, handled }
}

/** A store that answers some turns later, as one in a database does. */
function slowly(store: DeadLetterStore): DeadLetterStore {
  return {
    add: async (letter) => (await quiet(3), store.add(letter)),
    get: async (id) => (await quiet(3), store.get(id)),
    list: async (query) => (await quiet(3), store.list(query)),
    remove: async (id) => (await quiet(3), store.remove(id)),
    firstOfKey: async (group, key) => (await quiet(3), store.firstOfKey(group, key)),
  }
}

describe('what is parked', () => {
  test.each([
    ['garbage', 'undecodable', message('1', { type: OrderPlaced.type, body: 'no JSON' })],
    [
      'what is no CloudEvent',
      'undecodable',
      { ...message('1', { type: OrderPlaced.type }), attributes: { type: OrderPlaced.type } },
    ],
    ['what breaks the schema', 'invalid', message('1', { type: OrderPlaced.type, body: '{"order":"x"}' })],
  ])('%s is parked with its bytes, and the stream goes on', async (_, reason, bad) => {
    const { bound, handled } = refusing(new Set())
    const transport = memory()
    await using tested = await testedBus({ transport, handlers: [bound] })
    const { connection } = await connectTo(transport, tested.clock)
    await connection.publish({ message: bad })
    await tested.bus.publish(OrderPlaced, { order: 2 })
    await quiet()
    expect(handled).toEqual(['2Book'])
    const [letter, ...more] = await all(tested.bus.deadLetters.list())
    expect(more).toEqual([])
    expect(letter).toMatchObject({ reason, attempts: 0, group: 'shop.billing', message: bad })
    await connection.close()
  })

  test('a newer version, and a type that nobody knows, are left to newer members for a while, then say so', async () => {
    const transport = memory()
    await using tested = await testedBus({
      transport,
      handlers: [handler('**', { group: 'g' }, () => {})],
      definitions: [OrderPlaced],
    })
    const { connection } = await connectTo(transport, tested.clock)
    const newer = message('1', { type: OrderPlaced.type, body: '{"order":1}' })
    await connection.publish({ message: { ...newer, attributes: { ...newer.attributes, dataversion: 2 } } })
    await connection.publish({ message: message('2', { type: 'unheard.of' }) })
    await tested.pass(20_000)
    expect((await all(tested.bus.deadLetters.list())).map(({ reason }) => reason).toSorted()).toEqual([
      'unknown-type',
      'unknown-version',
    ])
    await connection.close()
  })

  test('INVARIANT: a letter that cannot be kept leaves its event unsettled, and it is parked once there is room', async () => {
    const kept = new Map<string, DeadLetter>()
    let full = true
    const deadLetters: DeadLetterStore = {
      add(letter) {
        if (full) throw new Error('full')
        kept.set(letter.id, letter)
      },
      get: (id) => kept.get(id),
      list: () => [...kept.values()],
      remove: (id) => kept.delete(id),
      firstOfKey: () => undefined,
    }
    const { bound } = refusing(new Set([1]))
    await using tested = await testedBus({ deadLetters, handlers: [bound] })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(1_000)
    expect(kept.size).toBe(0)
    // It waits at the broker, in nobody's way.
    const waiting = { running: 0, held: 0, retrying: 1, settled: 0 }
    expect((await tested.bus.health()).groups).toMatchObject([waiting])
    full = false
    await tested.pass(10_000)
    expect([...kept.values()]).toMatchObject([{ reason: 'permanent-error' }])
    expect((await tested.bus.health()).groups).toMatchObject([{ running: 0, retrying: 0, settled: 1 }])
  })

  test('discard drops what fails, and tells', async () => {
    await using tested = await testedBus({
      handlers: [
        handler(OrderPlaced, { group: 'g', retry: false, deadLetter: 'discard' }, () => {
          throw new Error('no')
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    expect(tested.hooks('discarded')).toMatchObject([{ reason: 'attempts-exhausted', group: 'shop.g' }])
    expect(await tested.bus.deadLetters.count()).toBe(0)
  })
})

describe('looking at dead letters, and throwing them away', () => {
  test('they are found by each condition', async () => {
    const one = refusing(new Set([1, 2, 3]), 'one')
    const two = refusing(new Set([3]), 'two')
    await using tested = await testedBus({ handlers: [one.bound, two.bound] })
    for (const order of [1, 2, 3]) await tested.bus.publish(OrderPlaced, { order })
    await quiet()
    const { deadLetters } = tested.bus
    expect(await deadLetters.count()).toBe(4)
    expect(await deadLetters.count({ group: 'one' })).toBe(3)
    expect(await deadLetters.count({ group: 'shop.two' })).toBe(1)
    expect(await deadLetters.count({ key: 'order-3' })).toBe(2)
    expect(await deadLetters.count({ type: PaymentTaken.type })).toBe(0)
    expect(await deadLetters.count({ reason: 'permanent-error', group: 'two' })).toBe(1)
    expect(await deadLetters.count({ before: '2026-01-01T00:00:00Z' })).toBe(0)
    const [letter] = await all(deadLetters.list({ group: 'two' }))
    expect(await deadLetters.get(letter!.id)).toEqual(letter)
    expect(await all(deadLetters.list({ ids: [letter!.id] }))).toEqual([letter])
    expect(await deadLetters.get('nothing')).toBeUndefined()
  })

  test('hundreds are listed over many pages, in the order of arrival', async () => {
    const { bound } = refusing(new Set(Array.from({ length: 350 }, (_, order) => order)))
    await using tested = await testedBus({ handlers: [bound] })
    for (let order = 0; order < 350; order++) await tested.bus.publish(OrderPlaced, { order })
    await quiet(100)
    const letters = await all(tested.bus.deadLetters.list())
    expect(letters).toHaveLength(350)
    expect(new Set(letters.map(({ id }) => id)).size).toBe(350)
  })

  test('discard throws away what the filter names, and never everything by mistake', async () => {
    const { bound } = refusing(new Set([1, 2]))
    await using tested = await testedBus({ handlers: [bound] })
    for (const order of [1, 2]) await tested.bus.publish(OrderPlaced, { order })
    await quiet()
    await expect(tested.bus.deadLetters.discard({})).rejects.toThrow('`filter` must be given')
    expect(await tested.bus.deadLetters.discard({ key: 'order-1' })).toBe(1)
    expect(await tested.bus.deadLetters.count()).toBe(1)
    await expect(tested.bus.deadLetters.count({ kye: 'x' } as never)).rejects.toThrow('`kye` is no option')
  })
})

describe('replaying', () => {
  test('a letter goes back to the group that gave it up, and to no other', async () => {
    const broken = new Set([1])
    const one = refusing(broken, 'one')
    const two = refusing(new Set(), 'two')
    await using tested = await testedBus({ handlers: [one.bound, two.bound] })
    const event = await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    broken.clear()
    expect(await tested.bus.deadLetters.replay({ group: 'one' })).toEqual({
      replayed: 1,
      skipped: 0,
      failed: [],
      ended: 'complete',
    })
    await quiet()
    expect(one.handled).toEqual(['1Book'])
    expect(two.handled).toEqual(['1Book'])
    expect(await tested.bus.deadLetters.count()).toBe(0)
    expect(tested.hooks('handled').at(-1)).toMatchObject({
      message: { attributes: { id: event.id }, headers: { 'x-tidings-replay-of': `shop.one~~~2fshop~~${event.id}` } },
    })
  })

  test('what fails again is parked again, as the same letter', async () => {
    const { bound } = refusing(new Set([1]))
    await using tested = await testedBus({ handlers: [bound] })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    const [before] = await all(tested.bus.deadLetters.list())
    await tested.bus.deadLetters.replay({})
    await quiet()
    expect(await all(tested.bus.deadLetters.list())).toMatchObject([
      { id: before!.id, attempts: 1, message: before!.message },
    ])
  })

  test('it keeps to its rate, tells its progress, and ends at its limit or signal', async () => {
    const broken = new Set(Array(10).keys())
    const { bound, handled } = refusing(broken)
    await using tested = await testedBus({ handlers: [bound] })
    for (const order of broken) await tested.bus.publish(OrderPlaced, { order })
    await quiet()
    broken.clear()
    const progress: number[] = []
    const replayed = tested.bus.deadLetters.replay(
      {},
      { rate: 2, limit: 4, onProgress: (so) => progress.push(so.replayed) },
    )
    await tested.pass(900)
    expect(progress).toEqual([1, 2])
    await tested.pass(2_000)
    expect(await replayed).toMatchObject({ replayed: 4, ended: 'limit' })
    const controller = new AbortController()
    const aborted = tested.bus.deadLetters.replay({}, { rate: 1, signal: controller.signal })
    await quiet()
    controller.abort()
    expect(await aborted).toMatchObject({ replayed: 1, ended: 'aborted' })
    await quiet()
    expect(handled).toHaveLength(5)
    expect(await tested.bus.deadLetters.count()).toBe(5)
  })

  test('data can be edited on the way back; what does not match then stays', async () => {
    const handled: unknown[] = []
    await using tested = await testedBus({
      handlers: [
        handler(OrderPlaced, { group: 'g', retry: false }, ({ id, data }) => {
          if (data.item === 'Bok') throw new Error('no such item')
          handled.push([id, data])
        }),
      ],
    })
    const events = [1, 2, 3].map((order) => tested.bus.publish(OrderPlaced, { order, item: 'Bok' }))
    const [first] = await Promise.all(events)
    await quiet()
    const edit = (data: unknown): unknown => {
      const { order } = data as { order: number }
      return order === 1 ? { order, item: 'Book' } : order === 2 ? undefined : { order: 'three' }
    }
    const result = await tested.bus.deadLetters.replay({}, { edit, rate: Infinity })
    await quiet()
    expect(result).toMatchObject({ replayed: 1, skipped: 1, failed: [{ error: { code: 'INVALID_EVENT' } }] })
    expect(handled).toEqual([[first!.id, { order: 1, item: 'Book' }]])
    expect(await tested.bus.deadLetters.count()).toBe(2)
  })
})

describe('a replay loses nothing on the way', () => {
  /** A bus on a broker whose confirms come late, and some parked shelves. */
  async function parked(...shelves: number[]) {
    const broken = new Set(shelves)
    const handled: number[] = []
    const transport = altered(memory(), (connection) => ({
      async publish(outgoing, patience) {
        await connection.publish(outgoing, patience)
        await quiet()
      },
    }))
    const tested = await testedBus({
      transport,
      handlers: [
        handler(ShelfScanned, { group: 'g', retry: false }, ({ data }) => {
          if (broken.has(data.shelf)) throw new Error('no')
          handled.push(data.shelf)
        }),
      ],
    })
    for (const shelf of shelves) await tested.bus.publish(ShelfScanned, { shelf })
    await quiet()
    return { tested, broken, handled, letters: tested.bus.deadLetters }
  }

  test('INVARIANT: a copy that is given up again before its sending is confirmed keeps its letter', async () => {
    const { tested, letters } = await parked(1)
    await letters.replay({})
    await quiet()
    expect(tested.hooks('deadLettered')).toHaveLength(2)
    const [letter, ...more] = await all(letters.list())
    expect(more).toEqual([])
    expect(letter!.replayedAt).toBeUndefined()
    await tested[Symbol.asyncDispose]()
  })

  test('INVARIANT: a letter stays until its copy is handled, and is not sent twice meanwhile', async () => {
    const transport = memory()
    let end!: () => void
    const handled: number[] = []
    let broken = true
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(ShelfScanned, { group: 'g', retry: false }, async ({ data }) => {
          if (broken) throw new Error('no')
          await new Promise<void>((resolve) => (end = resolve))
          handled.push(data.shelf)
        }),
      ],
    })
    const { deadLetters } = tested.bus
    await tested.bus.publish(ShelfScanned, { shelf: 1 })
    await quiet()
    broken = false
    const results = await Promise.all([deadLetters.replay({}), deadLetters.replay({})])
    expect(results.map(({ replayed, skipped }) => [replayed, skipped])).toEqual([
      [1, 0],
      [0, 1],
    ])
    const [letter] = await all(deadLetters.list())
    expect(letter!.replayedAt).toBe(new Date(tested.clock.now()).toISOString())
    end()
    await quiet()
    expect(handled).toEqual([1])
    expect(await deadLetters.count()).toBe(0)
  })

  test('a letter whose copy was lost is sent again after a while, or when it is named', async () => {
    const { connection } = await connectTo(memory())
    const deadLetters = connection.deadLetters!
    let isLost = false
    const transport = altered(memory(), (real) => ({
      publish: (outgoing, patience) => (isLost ? undefined : real.publish(outgoing, patience)),
    }))
    const handled: number[] = []
    let broken = true
    await using tested = await testedBus({
      transport,
      deadLetters,
      handlers: [
        handler(ShelfScanned, { group: 'g', retry: false }, ({ data }) => {
          if (broken) throw new Error('no')
          handled.push(data.shelf)
        }),
      ],
    })
    for (const shelf of [1, 2]) await tested.bus.publish(ShelfScanned, { shelf })
    await quiet()
    broken = false
    isLost = true
    await tested.bus.deadLetters.replay({}, { rate: Infinity })
    isLost = false
    tested.clock.advance(9 * 60_000)
    expect(await tested.bus.deadLetters.replay({}, { limit: 1 })).toMatchObject({ replayed: 0, skipped: 2 })
    const [first] = await all(tested.bus.deadLetters.list())
    expect(await tested.bus.deadLetters.replay({ ids: [first!.id] })).toMatchObject({ replayed: 1 })
    tested.clock.advance(60_001)
    expect(await tested.bus.deadLetters.replay({})).toMatchObject({ replayed: 1, skipped: 0 })
    await quiet()
    expect(handled).toEqual([1, 2])
    expect(await tested.bus.deadLetters.count()).toBe(0)
    await connection.close()
  })

  test('INVARIANT: a letter for a group that the broker does not have stays, and can be replayed once it has', async () => {
    const { connection } = await connectTo(memory())
    const deadLetters = connection.deadLetters!
    const { bound: declining } = refusing(new Set([1]))
    const first = await testedBus({ deadLetters, handlers: [declining] })
    await first.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    await first[Symbol.asyncDispose]()
    const transport = memory()
    await using tool = await testedBus({ transport, deadLetters })
    expect(await tool.bus.deadLetters.replay({})).toMatchObject({
      replayed: 0,
      failed: [{ error: { code: 'UNKNOWN_GROUP', message: expect.stringContaining('"shop.billing"') } }],
    })
    const { bound: accepting, handled } = refusing(new Set())
    await using _later = await testedBus({ transport, deadLetters, clock: tool.clock, handlers: [accepting] })
    expect(await tool.bus.deadLetters.replay({})).toMatchObject({ replayed: 1 })
    await quiet()
    expect(handled).toEqual(['1Book'])
    expect(await tool.bus.deadLetters.count()).toBe(0)
    await connection.close()
  })

  test('what has expired stays, unless it is replayed without its expiry', async () => {
    const broken = new Set([1])
    const { bound: declining, handled } = refusing(broken)
    await using tested = await testedBus({ handlers: [declining] })
    await tested.bus.publish(OrderPlaced, { order: 1 }, { expires: '1m' })
    await tested.pass(120_000)
    broken.clear()
    const { deadLetters } = tested.bus
    expect(await deadLetters.replay({})).toMatchObject({ replayed: 0, failed: [{ error: { code: 'EVENT_EXPIRED' } }] })
    expect(await deadLetters.count()).toBe(1)
    expect(await deadLetters.replay({}, { expired: true })).toMatchObject({ replayed: 1, failed: [] })
    await quiet()
    expect(handled).toEqual(['1Book'])
    expect(tested.hooks('expired')).toEqual([])
    expect(await deadLetters.count()).toBe(0)
  })

  test('an edit of what is no JSON fails without a word of its body', async () => {
    const { bound: declining } = refusing(new Set())
    const transport = memory()
    await using tested = await testedBus({ transport, handlers: [declining] })
    const { connection } = await connectTo(transport, tested.clock)
    await connection.publish({ message: message('1', { type: OrderPlaced.type, body: 'password=hunter2' }) })
    await quiet()
    const { failed } = await tested.bus.deadLetters.replay({}, { edit: (data) => data })
    expect(failed).toMatchObject([{ error: { code: 'INVALID_ARGUMENT' } }])
    expect(String(failed[0]!.error)).not.toMatch(/hunter2|password/)
    expect((failed[0]!.error as Error).cause).toBeUndefined()
    await connection.close()
  })

  test('an edit is checked by the definition of the handler, not by another one of the type', async () => {
    const type = 'shop.shelf.scanned'
    const Newer = defineEvent(type, {
      version: 2,
      schema: z.object({ rack: z.int() }),
      upcast: { 1: ({ shelf }: { shelf: number }) => ({ rack: shelf }) },
    })
    let broken = true
    const handled: number[] = []
    const scanning = handler(Newer, { group: 'g', retry: false }, ({ data }) => {
      if (broken) throw new Error('no')
      handled.push(data.rack)
    })
    await using tested = await testedBus({ definitions: [ShelfScanned], handlers: [scanning] })
    await tested.bus.publish(Newer, { rack: 1 })
    await quiet()
    broken = false
    const { failed } = await tested.bus.deadLetters.replay({}, { edit: () => ({ rack: 2 }) })
    await quiet()
    expect(failed).toEqual([])
    expect(handled).toEqual([2])
  })

  test.each([
    [{ before: 'yesterday' }, '`before` must be a time, received "yesterday"'],
    [{ group: 5 }, '`group` must be a text, received 5'],
    [{ ids: 'one' }, '`ids` must be an array, received "one"'],
  ])('the filter %j is refused, as it would find nothing', async (filter, text) => {
    await using tested = await testedBus()
    await expect(tested.bus.deadLetters.discard(filter as never)).rejects.toThrow(text)
    await expect(tested.bus.deadLetters.replay(filter as never)).rejects.toThrow(text)
  })

  test.each([
    [{ again: 'soon' }, '`again` must be a duration'],
    [{ expired: 'yes' }, '`expired` must be true or false'],
    [{ rat: 1 }, '`rat` is no option of replay'],
  ])('%j is refused by name', async (options, text) => {
    await using tested = await testedBus()
    await expect((async () => tested.bus.deadLetters.replay({}, options as never))()).rejects.toThrow(text)
  })
})

describe('parking a key', () => {
  async function parked() {
    const broken = new Set(['1b'])
    const handled: string[] = []
    const tested = await testedBus({
      handlers: [
        handler(OrderPlaced, { group: 'g', retry: false, deadLetter: 'park-key' }, ({ data }) => {
          const name = `${data.order}${data.item}`
          if (broken.has(name)) throw new Error(`${name} is poison`)
          handled.push(name)
        }),
      ],
    })
    const place = async (...names: string[]): Promise<void> => {
      for (const name of names) await tested.bus.publish(OrderPlaced, { order: Number(name[0]), item: name[1] })
      await quiet()
    }
    await place('1a', '1b', '1c', '2a', '1d', '2b')
    return { tested, broken, handled, place }
  }

  test('INVARIANT: behind a parked event the later ones of its key are parked too, and other keys go on', async () => {
    const { tested, handled } = await parked()
    expect(handled).toEqual(['1a', '2a', '2b'])
    expect((await all(tested.bus.deadLetters.list())).map(({ reason, attempts }) => `${reason} ${attempts}`)).toEqual([
      'attempts-exhausted 1',
      'key-parked 0',
      'key-parked 0',
    ])
    await tested[Symbol.asyncDispose]()
  })

  test('INVARIANT: replayed, the events of the key are handled in their order, those included that came meanwhile', async () => {
    const { tested, handled, broken, place } = await parked()
    broken.clear()
    const replayed = tested.bus.deadLetters.replay({ key: 'order-1' }, { rate: 10 })
    await tested.pass(50)
    await place('1e')
    await tested.pass(5_000)
    // What comes meanwhile waits for them, and is not parked.
    expect(await replayed).toMatchObject({ replayed: 3, failed: [] })
    await tested.pass(200)
    expect(handled).toEqual(['1a', '2a', '2b', '1b', '1c', '1d', '1e'])
    expect(tested.hooks('deadLettered')).toHaveLength(3)
    await place('1f')
    expect(handled.at(-1)).toBe('1f')
    expect(await tested.bus.deadLetters.count()).toBe(0)
    await tested[Symbol.asyncDispose]()
  })

  test('when the first one fails again, those behind it stay parked', async () => {
    const { tested, handled } = await parked()
    const replayed = tested.bus.deadLetters.replay({ key: 'order-1' }, { rate: Infinity })
    await tested.pass(60_000)
    await replayed
    expect(handled).toEqual(['1a', '2a', '2b'])
    expect(await tested.bus.deadLetters.count()).toBe(3)
    await tested[Symbol.asyncDispose]()
  })

  test('what was behind one that failed again is replayed with it the next time, without waiting', async () => {
    const { tested, handled, broken } = await parked()
    const again = tested.bus.deadLetters.replay({ key: 'order-1' }, { rate: Infinity })
    await tested.pass(1_000)
    await again
    broken.clear()
    const replayed = tested.bus.deadLetters.replay({ key: 'order-1' }, { rate: Infinity })
    await tested.pass(1_000)
    expect(await replayed).toMatchObject({ replayed: 3, failed: [] })
    expect(handled).toEqual(['1a', '2a', '2b', '1b', '1c', '1d'])
    expect(await tested.bus.deadLetters.count()).toBe(0)
    await tested[Symbol.asyncDispose]()
  })

  test('two replays of a key at once send each letter once', async () => {
    const { tested, handled, broken } = await parked()
    broken.clear()
    const replays = [1, 2].map(() => tested.bus.deadLetters.replay({ key: 'order-1' }, { rate: 10 }))
    await tested.pass(5_000)
    const results = await Promise.all(replays)
    expect(results.map(({ replayed, failed }) => [replayed, failed.length])).toEqual([
      [3, 0],
      [0, 0],
    ])
    expect(handled).toEqual(['1a', '2a', '2b', '1b', '1c', '1d'])
    await tested[Symbol.asyncDispose]()
  })

  test.each([0, 1, 2, 3])(
    'two replays of a key send each letter once, also when its first is given up again %i turns before the second',
    async (turns) => {
      let failures = 2
      const handled: string[] = []
      await using tested = await testedBus({
        handlers: [
          handler(OrderPlaced, { group: 'g', retry: false, deadLetter: 'park-key' }, ({ data }) => {
            if (data.item === 'a' && failures-- > 0) throw new Error('poison')
            handled.push(data.item)
          }),
        ],
      })
      const place = (item: string) => tested.bus.publish(OrderPlaced, { order: 1, item })
      const replay = () => tested.bus.deadLetters.replay({}, { rate: Infinity })
      await place('a')
      await quiet()
      const first = replay()
      await place('b')
      await quiet(turns)
      const second = replay()
      await tested.pass(5_000)
      await Promise.all([first, second])
      const third = replay()
      await tested.pass(5_000)
      await third
      expect(handled).toEqual(['a', 'b'])
    },
  )

  test('two replays at once send each letter once, however long the store takes to answer', async () => {
    const transport = altered(memory(), ({ deadLetters }) => ({ deadLetters: slowly(deadLetters!) }))
    const broken = new Set([1, 2, 3])
    const { bound, handled } = refusing(broken)
    await using tested = await testedBus({ transport, handlers: [bound] })
    for (const order of [1, 2, 3]) await tested.bus.publish(OrderPlaced, { order })
    await quiet(40)
    broken.clear()
    const replays = [1, 2, 3].map(() => tested.bus.deadLetters.replay({}, { rate: Infinity }))
    await tested.pass(1_000)
    const results = await Promise.all(replays)
    expect(results.reduce((sum, { replayed }) => sum + replayed, 0)).toBe(3)
    expect(handled.toSorted()).toEqual(['1Book', '2Book', '3Book'])
  })

  test('INVARIANT: a copy whose letter is gone before its turn is handled all the same', async () => {
    const broken = new Set([1])
    const handled: number[] = []
    let end: (() => void) | undefined
    await using tested = await testedBus({
      handlers: [
        handler(
          OrderPlaced,
          { group: 'g', retry: false, deadLetter: 'park-key', concurrency: 1 },
          async ({ data: { order } }) => {
            if (broken.has(order)) throw new Error('no')
            if (order === 9) await new Promise<void>((resolve) => (end = resolve))
            handled.push(order)
          },
        ),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    broken.clear()
    await tested.bus.publish(OrderPlaced, { order: 9 })
    await quiet()
    const replayed = tested.bus.deadLetters.replay({ key: 'order-1' })
    await quiet()
    await tested.bus.deadLetters.discard({ key: 'order-1' })
    end!()
    await tested.pass(1_000)
    await replayed
    expect(handled).toEqual([9, 1])
  })

  test('a later letter of the key is not replayed before the first', async () => {
    const { tested } = await parked()
    const letters = await all(tested.bus.deadLetters.list())
    const result = await tested.bus.deadLetters.replay({ ids: [letters[1]!.id] })
    expect(result).toMatchObject({ replayed: 0, failed: [{ error: { code: 'KEY_PARKED' } }] })
    await tested[Symbol.asyncDispose]()
  })

  test('discarding the parked events lets the key go on', async () => {
    const { tested, handled, place } = await parked()
    await tested.bus.deadLetters.discard({ key: 'order-1' })
    await place('1e')
    expect(handled).toEqual(['1a', '2a', '2b', '1e'])
    await tested[Symbol.asyncDispose]()
  })

  test('another member of the group keeps the key parked too', async () => {
    const broken = new Set([1])
    const transport = memory()
    const bound = () => {
      const { handled } = refusing(broken)
      return {
        handled,
        bound: handler(OrderPlaced, { group: 'g', retry: false, deadLetter: 'park-key' }, ({ data }) => {
          if (data.item === 'poison') throw new Error('poison')
          handled.push(data.item)
        }),
      }
    }
    const [one, two] = [bound(), bound()]
    await using tested = await testedBus({ transport, handlers: [one.bound] })
    await tested.bus.publish(OrderPlaced, { order: 1, item: 'poison' })
    await quiet()
    const other = await createBus({
      source: '/shop',
      transport,
      clock: tested.clock,
      log: tested.log,
      handlers: [two.bound],
    })
    for (const item of ['a', 'b', 'c']) await tested.bus.publish(OrderPlaced, { order: 1, item })
    await quiet()
    expect([...one.handled, ...two.handled]).toEqual([])
    expect(await other.deadLetters.count({ group: 'g' })).toBe(4)
    await other.close()
  })
})
