import * as fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { limit, OverloadedError, type SignalContext } from '../src/index.ts'
import { deferred, outcome, settle } from './helpers.ts'

/** A limited handler whose calls end when told. */
function gate(concurrency: number, maxWaiting?: number) {
  const started: number[] = []
  const ends = new Map<number, ReturnType<typeof deferred<void>>>()
  const wrapped = limit(
    concurrency,
    maxWaiting === undefined ? {} : { maxWaiting },
  )(async function print(n: number) {
    started.push(n)
    const end = deferred()
    ends.set(n, end)
    await end.promise
    return n
  })
  return { started, ends, wrapped }
}

test('calls beyond the limit wait, and start in the order in which they came', async () => {
  const { started, ends, wrapped } = gate(2)
  const results = [1, 2, 3, 4].map((n) => wrapped(n))
  expect(started).toEqual([1, 2])
  ends.get(2)?.resolve()
  await settle()
  expect(started).toEqual([1, 2, 3])
  ends.get(1)?.reject(new Error('failed'))
  await expect(results[0]).rejects.toThrow('failed')
  await settle()
  expect(started).toEqual([1, 2, 3, 4])
  for (const n of [3, 4]) ends.get(n)?.resolve()
  expect(await Promise.all(results.slice(1))).toEqual([2, 3, 4])
})

test('INVARIANT: never more than n run, each runs once, and none overtakes another', async () => {
  const kinds = fc.array(fc.record({ ticks: fc.nat(6), fails: fc.boolean(), gap: fc.nat(3) }), { maxLength: 50 })
  await fc.assert(
    fc.asyncProperty(kinds, fc.integer({ min: 1, max: 5 }), async (calls, concurrency) => {
      let [running, most] = [0, 0]
      const started: number[] = []
      const wrapped = limit(concurrency)(async (index: number) => {
        started.push(index)
        most = Math.max(most, ++running)
        for (let tick = 0; tick < (calls[index]?.ticks ?? 0); tick++) await Promise.resolve()
        running--
        if (calls[index]?.fails) throw new Error(String(index))
        return index
      })
      const results: Promise<unknown>[] = []
      for (const [index, { gap }] of calls.entries()) {
        results.push(outcome(wrapped(index)))
        for (let tick = 0; tick < gap; tick++) await Promise.resolve()
      }
      const settled = await Promise.all(results)
      expect(most).toBeLessThanOrEqual(concurrency)
      expect(started).toEqual(calls.map((_, index) => index))
      expect(settled).toEqual(
        calls.map(({ fails }, index) => (fails ? { error: new Error(String(index)) } : { value: index })),
      )
    }),
  )
})

test('a call that comes as another ends does not overtake those that wait', async () => {
  const { started, ends, wrapped } = gate(1)
  const first = wrapped(1)
  void wrapped(2)
  ends.get(1)?.resolve()
  await first
  void wrapped(3)
  for (let tick = 0; tick < 5; tick++) {
    await Promise.resolve()
    void wrapped(4 + tick)
  }
  await settle()
  for (const n of [2, 3, 4]) {
    ends.get(n)?.resolve()
    await settle()
  }
  expect(started).toEqual([1, 2, 3, 4, 5])
})

test('INVARIANT: what waits is bounded', async () => {
  const { started, wrapped, ends } = gate(1, 2)
  const results = [1, 2, 3].map((n) => wrapped(n))
  const error = await wrapped(4).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(OverloadedError)
  expect(error).toHaveProperty('code', 'HANDLER_OVERLOADED')
  expect(String(error)).toContain('handler `print` was not called: 1 calls run and 2 wait\n')
  for (const n of [1, 2, 3]) {
    ends.get(n)?.resolve()
    await settle()
  }
  expect(await Promise.all(results)).toEqual([1, 2, 3])
  expect(started).toEqual([1, 2, 3])
})

test('INVARIANT: whoever has awaited a call finds its place free', async () => {
  const wrapped = limit(1, { maxWaiting: 0 })(async (n: number) => n)
  for (const n of [1, 2, 3]) expect(await wrapped(n)).toBe(n)
  const failing = limit(1, { maxWaiting: 0 })(() => Promise.reject(new Error('failed')))
  for (let n = 0; n < 3; n++) await expect(failing()).rejects.toThrow('failed')
})

test('with maxWaiting 0 nothing waits', async () => {
  const { wrapped } = gate(1, 0)
  void wrapped(1)
  await expect(wrapped(2)).rejects.toBeInstanceOf(OverloadedError)
})

test('1,000 wait by default, and one more is refused', async () => {
  const { wrapped } = gate(1)
  const results = Array.from({ length: 1002 }, async (_, n) => outcome(wrapped(n)))
  expect(await results.at(-1)).toHaveProperty('error.code', 'HANDLER_OVERLOADED')
  wrapped.cancel()
  expect(await Promise.all(results.slice(1, -1))).toEqual(
    expect.arrayContaining([{ error: expect.objectContaining({ code: 'HANDLER_CANCELLED' }) }]),
  )
})

describe('a call that waits', () => {
  test('is given up by cancel; those that run go on', async () => {
    const { ends, started, wrapped } = gate(1)
    const [running, waiting] = [wrapped(1), outcome(wrapped(2))]
    wrapped.cancel()
    expect(await waiting).toHaveProperty('error.code', 'HANDLER_CANCELLED')
    ends.get(1)?.resolve()
    expect(await running).toBe(1)
    expect(started).toEqual([1])
    void wrapped(3)
    expect(started).toEqual([1, 3])
  })

  test('leaves when the signal of its context aborts, and stops listening when it starts', async () => {
    const { signal } = new AbortController()
    const controller = new AbortController()
    const remove = vi.spyOn(signal, 'removeEventListener')
    const started: number[] = []
    const first = deferred()
    const wrapped = limit(1)(async (n: number, _context: SignalContext) => {
      started.push(n)
      if (n === 1) await first.promise
    })
    void wrapped(1, { signal })
    const aborted = outcome(wrapped(2, { signal: controller.signal }))
    const last = wrapped(3, { signal })
    const reason = new Error('too late')
    controller.abort(reason)
    expect(await aborted).toEqual({ error: reason })
    expect(await outcome(wrapped(4, { signal: AbortSignal.abort(reason) }))).toEqual({ error: reason })
    first.resolve()
    await last
    expect(started).toEqual([1, 3])
    expect(remove).toHaveBeenCalledTimes(1)
  })
})

test('an unlimited concurrency lets all run', () => {
  const { started, wrapped } = gate(Infinity)
  for (const n of [1, 2, 3]) void wrapped(n)
  expect(started).toEqual([1, 2, 3])
})

test('options are refused by name', () => {
  for (const wrong of [0, -1, 1.5, Number.NaN, '2' as never]) {
    expect(() => limit(wrong)).toThrow('`concurrency` must be a whole number from 1 on')
  }
  expect(() => limit(1, { maxWaiting: -1 })).toThrow('`maxWaiting` must be a whole number from 0 on, received -1')
})
