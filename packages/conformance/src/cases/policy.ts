import { handler } from '@tidings/bus'
import { type ConformanceCase, defineCase } from '../case.ts'
import { pause } from '../expect.ts'
import { bytesOf } from '../message.ts'
import { counted, letterCount, lettersOf } from './bus-tools.ts'

/** What a policy means, the same on every transport. */
export const policyCases: readonly ConformanceCase[] = [
  defineCase(
    'C18',
    'an event waits while an earlier one of its key is tried again; other keys do not',
    { needs: ['ordering'] },
    async (scene) => {
      const Happened = counted(scene.type())
      const calls: string[] = []
      const retry = { attempts: 5, delay: '400ms', factor: 1, jitter: false } as const
      const failing = handler(Happened, { group: 'one', concurrency: 4, retry }, ({ data }, { attempt }) => {
        calls.push(`${data.key}${data.number}`)
        if (data.key === 'K' && data.number === 1 && attempt < 3) throw new Error('not yet')
      })
      const bus = await scene.bus({ handlers: [failing] })
      for (const [key, number] of [
        ['K', 1],
        ['K', 2],
        ['L', 1],
        ['K', 3],
        ['L', 2],
      ] as const) {
        await bus.publish(Happened, { key, number })
      }
      await scene.expect.eventually(
        () => calls.length >= 7,
        'all are handled',
        () => calls,
      )
      scene.expect.equal(
        calls.filter((call) => call.startsWith('K')),
        ['K1', 'K1', 'K1', 'K2', 'K3'],
        'the key that failed',
      )
      scene.expect.sameItems(calls.slice(0, 3), ['K1', 'L1', 'L2'], 'what ran before the second attempt')
      scene.expect.equal(calls.length, 7, 'calls')
    },
  ),

  defineCase(
    'C54',
    'no two handlers work on one key at a time, in however many processes, and several keys are worked on at once',
    { needs: ['ordering'] },
    async (scene) => {
      const Happened = counted(scene.type())
      const running = new Set<string>()
      const overlaps: string[] = []
      const order = new Map<string, number[]>()
      let most = 0
      const working = handler(Happened, { group: 'one', concurrency: 4 }, async ({ data: { key = '', number } }) => {
        if (running.has(key)) overlaps.push(key)
        running.add(key)
        most = Math.max(most, running.size)
        await pause(3)
        // However slow the broker is with the next one: it comes while this one is worked on, or never does.
        for (let waits = 0; number === 0 && most < 2 && waits < 100; waits++) await pause(scene.kit.within / 200)
        running.delete(key)
        order.set(key, [...(order.get(key) ?? []), number])
      })
      const buses = [await scene.bus({ handlers: [working] }), await scene.bus({ handlers: [working] })]
      const count = scene.size(80, 800)
      for (let number = 0; number < count; number++)
        await buses[number % 2]!.publish(Happened, { key: `key-${number % 7}`, number })
      const done = (): number => [...order.values()].flat().length
      await scene.expect.eventually(() => done() >= count, `${count} events are handled`, done)
      scene.expect.equal(overlaps, [], 'keys with two handlers at once')
      scene.expect.that(most > 1, 'several keys are worked on at once', most)
      scene.expect.equal(done(), count, 'events handled')
    },
  ),

  defineCase(
    'C59',
    'the waits between attempts grow up to their longest, chance may only shorten them',
    {},
    async (scene) => {
      const Happened = counted(scene.type())
      const begun: number[] = []
      const retry = { attempts: 5, delay: '40ms', factor: 100, max: '120ms', jitter: 0.5 } as const
      const failing = handler(Happened, { group: 'one', retry }, () => {
        begun.push(Date.now())
        if (begun.length < 5) throw new Error('not yet')
      })
      const bus = await scene.bus({ handlers: [failing] })
      await bus.publish(Happened, { number: 1, key: 'one' })
      await scene.expect.eventually(
        () => begun.length >= 5,
        'there are five attempts',
        () => begun.length,
      )
      const waits = begun.slice(1).map((time, index) => time - begun[index]!)
      const least = [20, 60, 60, 60]
      // A timer may fire a millisecond before its time, as the clock shows it.
      scene.expect.that(
        waits.every((wait, index) => wait >= least[index]! - 1),
        'no wait is shorter than chance can make it',
        waits,
      )
      // Delays at a broker may be coarse; those in the process are not, and even a busy machine is no second late.
      const most = scene.kit.about.capabilities.ordering === 'none' ? Infinity : 1120
      scene.expect.that(
        waits.every((wait) => wait <= most),
        'no wait is longer than the longest',
        waits,
      )
    },
  ),

  defineCase('C55', 'the attempt is counted on in another process', { needs: ['delay'] }, async (scene) => {
    const Happened = counted(scene.type())
    const attempts: number[] = []
    const policy = { group: 'one', ordering: 'none', retry: { attempts: 9, delay: '300ms', jitter: false } } as const
    const failing = handler(Happened, policy, (_event, { attempt }) => {
      attempts.push(attempt)
      throw new Error('not here')
    })
    const first = await scene.bus({ handlers: [failing] })
    const event = await first.publish(Happened, { number: 1 })
    await scene.expect.eventually(
      () => attempts.length > 0,
      'the first attempt',
      () => attempts,
    )
    // Once the copy for the second attempt is with the broker, the first process is not needed any more.
    await scene.expect.eventually(
      async () => (await first.health()).groups.every(({ running, held }) => running + held === 0),
      'it is settled',
      () => attempts,
    )
    await scene.expect.inTime(first.close(), 'close() resolves')
    const handled: { id: string; attempt: number }[] = []
    await scene.bus({
      handlers: [handler(Happened, policy, ({ id }, { attempt }) => void handled.push({ id, attempt }))],
    })
    await scene.expect.eventually(
      () => handled.length > 0,
      'another process makes the next attempt',
      () => handled,
    )
    const [next] = handled
    scene.expect.equal(next?.id, event.id, 'the event')
    scene.expect.equal(next?.attempt, attempts.length + 1, 'the attempt')
  }),

  defineCase('C56', 'an attempt that is over its time is told so, and made again', {}, async (scene) => {
    const Happened = counted(scene.type())
    const seen: string[] = []
    const policy = { group: 'one', timeout: '100ms', retry: { attempts: 3, delay: '20ms' } } as const
    const slow = handler(Happened, policy, async (_event, { attempt, signal }) => {
      seen.push(`began ${attempt}`)
      if (attempt > 1) return
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    })
    const bus = await scene.bus({ handlers: [slow] })
    await bus.publish(Happened, { number: 1 })
    await scene.expect.eventually(
      () => seen.length >= 2,
      'there is a second attempt',
      () => seen,
    )
    await scene.expect.never(
      () => seen.length > 2,
      'and no third',
      () => seen,
    )
    scene.expect.equal(seen, ['began 1', 'began 2'], 'what happened')
  }),

  defineCase('C39', 'a bad item of a batch fails alone', { needs: ['a store of dead letters'] }, async (scene) => {
    const Happened = counted(scene.type())
    const handled = new Set<number>()
    const sizes: number[] = []
    const batch = { size: 5, wait: '50ms' } as const
    const policy = { group: 'one', batch, retry: { attempts: 2, delay: '10ms' } } as const
    const gathering = handler(Happened, policy, (events) => {
      sizes.push(events.length)
      if (events.some(({ data }) => data.number === 3)) throw new Error('three is bad')
      for (const { data } of events) handled.add(data.number)
    })
    const bus = await scene.bus({ handlers: [gathering] })
    for (let number = 0; number < 10; number++) await bus.publish(Happened, { number })
    const seen = (): unknown => ({ handled: [...handled], sizes })
    await scene.expect.eventually(
      async () => handled.size >= 9 && (await letterCount(bus)) > 0,
      'nine are handled and one is parked',
      seen,
    )
    scene.expect.that(
      sizes.some((size) => size > 1),
      'there are batches',
      sizes,
    )
    scene.expect.equal(
      [...handled].toSorted((a, b) => a - b),
      [0, 1, 2, 4, 5, 6, 7, 8, 9],
      'what was handled',
    )
    const letters = await lettersOf(bus)
    scene.expect.equal(
      letters.map(({ message }) => JSON.parse(new TextDecoder().decode(bytesOf(message.body))) as unknown),
      [{ number: 3 }],
      'what was parked',
    )
  }),
]
