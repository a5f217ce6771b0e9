import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { PermanentError, systemClock } from '../src/index.ts'
import { type ReconnectingOptions, ReconnectingSession } from '../src/transport/index.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A link to a broker of the tests. */
interface Link {
  readonly number: number
  readonly joined: string[]
  readonly lost: (error: unknown) => void
}

/** A broker that is `up` or not, and a session with it. */
function world(changed: Partial<ReconnectingOptions<Link>> = {}) {
  const told: string[] = []
  const links: Link[] = []
  const dropped: number[] = []
  const broker = { error: new Error('away'), attempts: 0, up: true }
  const session = new ReconnectingSession<Link>({
    clock: systemClock,
    backoff: { delay: 100, max: 1000 },
    timeout: 5000,
    open: async (signal, lost) => {
      signal.throwIfAborted()
      broker.attempts++
      if (!broker.up) throw broker.error
      links.push({ number: links.length + 1, joined: [], lost })
      return links.at(-1)!
    },
    leave: async ({ number }) => void told.push(`left ${number}`),
    drop: ({ number }) => void dropped.push(number),
    onUp: ({ number }) => void told.push(`up ${number}`),
    onDown: () => void told.push('down'),
    onState: (state, error) => void told.push(error === undefined ? state : `${state}: ${(error as Error).message}`),
    ...changed,
  })
  const cut = (error: unknown = new Error('cut')): void => links.at(-1)!.lost(error)
  return { session, broker, told, links, dropped, cut }
}

const pass = (time: number): Promise<unknown> => vi.advanceTimersByTimeAsync(time)
const longer = 60_000

test('a link that is lost is opened again, at once when it has stood for a while', async () => {
  const { session, told, cut } = world()
  await session.start()
  await pass(longer)
  cut()
  expect(session.link).toBe(undefined)
  await pass(0)
  expect(told).toEqual(['connected', 'up 1', 'down', 'reconnecting: cut', 'connected', 'up 2'])
  expect(session.link?.number).toBe(2)
})

test('while the broker is away the waits grow up to their longest', async () => {
  const { session, broker, cut } = world()
  await session.start()
  await pass(longer)
  broker.up = false
  cut()
  const attempts: number[] = []
  for (const wait of [0, 100, 200, 400, 800, 1000, 1000]) {
    if (wait > 0) {
      await pass(wait - 1)
      expect(broker.attempts).toBe(attempts.at(-1))
    }
    await pass(wait > 0 ? 1 : 0)
    attempts.push(broker.attempts)
  }
  expect(attempts).toEqual([2, 3, 4, 5, 6, 7, 8])
})

test('a broker that takes everybody in and throws them out is not asked without a wait', async () => {
  const { session, broker, links } = world({ onUp: () => queueMicrotask(() => links.at(-1)!.lost(new Error('out'))) })
  await session.start()
  await pass(1500)
  // At 0, 100, 300, 700 and 1500.
  expect(broker.attempts).toBe(5)
  await session.close()
})

test('a first link that cannot be opened rejects with the reason, and nothing is told', async () => {
  const { session, broker, told } = world()
  broker.up = false
  await expect(session.start()).rejects.toThrow('away')
  await pass(longer)
  expect([told, broker.attempts]).toEqual([[], 1])
  await expect(session.ask(async () => {})).rejects.toThrow('away')
})

test('a first link that breaks at once is none', async () => {
  const { session, told } = world({
    open: async (_signal, lost) => {
      lost(new Error('broken'))
      return { number: 1, joined: [], lost }
    },
  })
  await expect(session.start()).rejects.toThrow('broken')
  expect(told).toEqual([])
})

test('a signal gives up the first link, with its reason', async () => {
  const { session } = world({
    open: (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped')))),
  })
  const stop = new AbortController()
  const started = session.start(stop.signal)
  stop.abort(new Error('too late'))
  await expect(started).rejects.toThrow('too late')
})

test('INVARIANT: all who have joined have joined again before anything else is sent', async () => {
  const { session, told, links, cut } = world()
  await session.start()
  for (const name of ['a', 'b']) {
    await session.join(async (link) => {
      await Promise.resolve()
      link.joined.push(name)
      told.push(`${name} on ${link.number}`)
    })
  }
  told.length = 0
  await pass(longer)
  cut()
  const asked = session.ask(async ({ joined, number }) => `${joined.join(' ')} on ${number}`)
  await pass(0)
  expect(await asked).toBe('a b on 2')
  expect(told).toEqual(['down', 'reconnecting: cut', 'a on 2', 'b on 2', 'connected', 'up 2'])
  expect(links).toHaveLength(2)
})

test('who has left is not joined again', async () => {
  const { session, links, cut } = world()
  await session.start()
  const place = await session.join(async ({ joined }) => joined.push('a'))
  place.leave()
  await pass(longer)
  cut()
  await pass(0)
  expect(links.map(({ joined }) => joined)).toEqual([['a'], []])
})

test('a join that the link takes along when it breaks is left to the next', async () => {
  const { session, cut } = world()
  await session.start()
  await pass(longer)
  const on: number[] = []
  const joining = session.join(async (link) => {
    on.push(link.number)
    if (link.number > 1) return
    cut()
    throw new Error('no answer')
  })
  await pass(0)
  await joining
  expect(on).toEqual([1, 2])
})

test('a join that is refused on a link that stands is refused to its caller alone', async () => {
  const { session, told, links, cut, broker } = world()
  await session.start()
  const no = async (): Promise<void> => {
    throw new PermanentError('other settings')
  }
  await expect(session.join(no)).rejects.toThrow('other settings')
  expect(told).toEqual(['connected', 'up 1'])
  await pass(longer)
  broker.up = false
  cut()
  await pass(0)
  const refused = expect(session.join(no)).rejects.toThrow('other settings')
  const late = session.join(async ({ joined }) => joined.push('late'))
  broker.up = true
  await pass(longer)
  await refused
  await late
  expect(links.map(({ joined }) => joined)).toEqual([[], ['late']])
  expect(told.slice(2)).toEqual(['down', 'reconnecting: cut', 'connected', 'up 2'])
})

test('a place that cannot be taken anew is tried with the next link', async () => {
  const { session, links, dropped, cut } = world()
  await session.start()
  await session.join(async (link) => {
    if (link.number === 2) throw new Error('the queue is not there yet')
    link.joined.push('a')
  })
  await pass(longer)
  cut()
  await pass(100)
  expect(links.map(({ joined }) => joined)).toEqual([['a'], [], ['a']])
  expect(dropped).toEqual([2])
  expect(session.link?.number).toBe(3)
})

test('a signal takes back a join that waits', async () => {
  const { session, broker, links, cut } = world()
  await session.start()
  broker.up = false
  cut()
  const stop = new AbortController()
  const joining = session.join(async ({ joined }) => joined.push('a'), stop.signal)
  stop.abort(new Error('too late'))
  await expect(joining).rejects.toThrow('too late')
  broker.up = true
  await pass(longer)
  expect(links.map(({ joined }) => joined)).toEqual([[], []])
  await expect(session.join(async () => {}, stop.signal)).rejects.toThrow('too late')
})

test('what is asked is asked again when the link breaks, and an answer that is an error is the answer', async () => {
  const { session, cut } = world()
  await session.start()
  await pass(longer)
  const on: number[] = []
  const asked = session.ask(async ({ number }) => {
    on.push(number)
    if (number > 1) return 'yes'
    cut()
    throw new Error('no answer')
  })
  await pass(0)
  expect(await asked).toBe('yes')
  expect(on).toEqual([1, 2])
  await expect(session.ask(() => Promise.reject(new Error('unknown group')))).rejects.toThrow('unknown group')
})

test.each(['a loss', 'opening', 'a join'])('%s by an error that no retry mends ends it for good', async (when) => {
  const { session, broker, told, cut } = world()
  const final = new PermanentError('no such user')
  await session.start()
  await session.join(async ({ number }) => {
    if (when === 'a join' && number > 1) throw final
  })
  await pass(longer)
  if (when === 'opening') Object.assign(broker, { up: false, error: final })
  cut(when === 'a loss' ? final : undefined)
  const asked = expect(session.ask(async () => {})).rejects.toBe(final)
  await pass(longer)
  await asked
  expect(told.at(-1)).toBe('closed: no such user')
  expect(broker.attempts).toBe(when === 'a loss' ? 1 : 2)
  await expect(session.join(async () => {})).rejects.toBe(final)
  const before = told.length
  await session.close()
  expect(told).toHaveLength(before)
})

test('which errors are final can be said', async () => {
  const { session, told, cut } = world({ isFinal: (error) => (error as Error).message === 'denied' })
  await session.start()
  await pass(longer)
  cut(new PermanentError('not for us'))
  await pass(0)
  cut(new Error('denied'))
  expect(told.at(-1)).toBe('closed: denied')
})

test('close drains, takes leave, ends the link, and says so once', async () => {
  const { session, told, dropped } = world()
  await session.start()
  told.length = 0
  const drain = async (): Promise<void> => void told.push(`drained on ${session.link?.number}`)
  await Promise.all([session.close(drain), session.close(drain)])
  expect(told).toEqual(['drained on 1', 'left 1', 'down', 'closed'])
  expect(dropped).toEqual([1])
  await expect(session.ask(async () => {})).rejects.toMatchObject({ code: 'BUS_CLOSED' })
  await expect(session.join(async () => {})).rejects.toMatchObject({ code: 'BUS_CLOSED' })
  expect(vi.getTimerCount()).toBe(0)
})

test('INVARIANT: close ends in time, whatever does not answer', async () => {
  const never = (): Promise<never> => new Promise(() => {})
  const { session, told } = world({ leave: never })
  await session.start()
  const closing = session.close(never)
  await pass(9999)
  expect(told).not.toContain('closed')
  await pass(1)
  await closing
  expect(told.at(-1)).toBe('closed')
})

test('close while the broker is away makes no further attempt, and refuses those who wait', async () => {
  const { session, broker, told, cut } = world()
  await session.start()
  broker.up = false
  cut()
  const refused = [session.ask(async () => {}), session.join(async () => {})].map((waiting) =>
    expect(waiting).rejects.toMatchObject({ code: 'BUS_CLOSED' }),
  )
  await session.close()
  await Promise.all(refused)
  broker.up = true
  await pass(longer)
  expect(broker.attempts).toBe(1)
  expect(told.at(-1)).toBe('closed')
  expect(vi.getTimerCount()).toBe(0)
})

test('a link that opens behind the end is dropped', async () => {
  let opened!: (link: Link) => void
  const first: Link = { number: 1, joined: [], lost: () => {} }
  const lost: ((error: unknown) => void)[] = []
  const opening = [Promise.resolve(first), new Promise<Link>((resolve) => (opened = resolve))]
  const { session, told, dropped } = world({
    open: (_signal, onLost) => {
      lost.push(onLost)
      return opening[lost.length - 1]!
    },
  })
  await session.start()
  await pass(longer)
  lost[0]!(new Error('cut'))
  await session.close()
  opened({ ...first, number: 2 })
  await pass(0)
  expect(dropped).toEqual([2])
  expect(told.at(-1)).toBe('closed')
})

test('a link that is joined still behind the end is dropped', async () => {
  const { session, told, dropped, cut } = world()
  await session.start()
  let joined!: () => void
  await session.join(({ number }) => (number === 1 ? Promise.resolve() : new Promise<void>((done) => (joined = done))))
  await pass(longer)
  cut()
  await pass(0)
  await session.close()
  joined()
  await pass(0)
  expect(dropped).toEqual([2])
  expect(told.at(-1)).toBe('closed')
})

test('a link that breaks while it is closed is not replaced', async () => {
  const { session, broker, told, cut } = world()
  await session.start()
  await session.close(async () => cut())
  await pass(longer)
  expect(broker.attempts).toBe(1)
  expect(told).toEqual(['connected', 'up 1', 'down', 'closed'])
})
