import { handler } from '@tidings/bus'
import { type ConformanceCase, defineCase } from '../case.ts'
import { counted } from './bus-tools.ts'

/** How a bus ends, and what it says of itself while it runs. */
export const lifetimeCases: readonly ConformanceCase[] = [
  defineCase(
    'C34',
    'close() lets running handlers end, takes nothing new, and gives back the rest',
    {},
    async (scene) => {
      const Happened = counted(scene.type())
      const begun: number[] = []
      const done: number[] = []
      const aborted: number[] = []
      let release = (): void => {}
      const released = new Promise<void>((resolve) => (release = resolve))
      const waiting = handler(Happened, { group: 'one', concurrency: 2 }, async ({ data }, { signal }) => {
        begun.push(data.number)
        signal.addEventListener('abort', () => aborted.push(data.number))
        await released
        done.push(data.number)
      })
      const bus = await scene.bus({ handlers: [waiting] })
      for (let number = 0; number < 6; number++) await bus.publish(Happened, { number })
      await scene.expect.eventually(
        () => begun.length === 2,
        'two handlers run',
        () => begun,
      )
      let closed = false
      const closing = bus.close({ timeout: scene.kit.within }).then(() => (closed = true))
      await scene.expect.never(
        () => closed || begun.length > 2,
        'close() waits for them and begins nothing',
        () => ({ closed, begun }),
      )
      release()
      await scene.expect.inTime(closing, 'close() resolves when they have ended')
      scene.expect.equal([done.length, aborted], [2, []], 'handlers that ended, and those that were told to stop')
      const rest: number[] = []
      await scene.bus({ handlers: [handler(Happened, { group: 'one' }, ({ data }) => void rest.push(data.number))] })
      await scene.expect.eventually(
        () => rest.length >= 4,
        'the next member gets the rest',
        () => rest,
      )
      await scene.expect.never(
        () => rest.length > 4,
        'what was handled does not come again',
        () => rest,
      )
      scene.expect.sameItems(rest, [2, 3, 4, 5], 'what the next member got')
    },
  ),

  defineCase(
    'C57',
    'a handler that does not end in time is told to stop, and its event goes back',
    {},
    async (scene) => {
      const Happened = counted(scene.type())
      let signal: AbortSignal | undefined
      const stuck = handler(
        Happened,
        { group: 'one', timeout: Infinity, retry: { attempts: 1 } },
        (_event, context) => {
          signal = context.signal
          return new Promise(() => {})
        },
      )
      const bus = await scene.bus({ handlers: [stuck] })
      const event = await bus.publish(Happened, { number: 1 })
      await scene.expect.eventually(
        () => signal !== undefined,
        'the handler runs',
        () => signal,
      )
      await scene.expect.inTime(bus.close({ timeout: 100 }), 'close() resolves after its timeout')
      scene.expect.equal(signal?.aborted, true, 'whether the handler was told to stop')
      const next: string[] = []
      await scene.bus({ handlers: [handler(Happened, { group: 'one' }, ({ id }) => void next.push(id))] })
      await scene.expect.eventually(
        () => next.length > 0,
        'the event comes to the next member',
        () => next,
      )
      scene.expect.equal(next, [event.id], 'what came')
    },
  ),

  defineCase('C42', 'health tells a group that makes no progress from one that does', {}, async (scene) => {
    const Happened = counted(scene.type())
    let release = (): void => {}
    let running = 0
    const slow = handler(Happened, { group: 'one', concurrency: 1 }, async () => {
      running++
      await new Promise<void>((resolve) => (release = resolve))
    })
    const bus = await scene.bus({ handlers: [slow], stalledAfter: '500ms' })
    const status = async (): Promise<string> => {
      const { status, connection, groups } = await bus.health()
      return [status, connection, ...groups.map(({ status }) => status)].join(' ')
    }
    let seen = await status()
    scene.expect.equal(seen, 'ok connected ok', 'health of a bus that has nothing to do')
    await bus.publish(Happened, { number: 1 })
    await scene.expect.eventually(
      () => running > 0,
      'the handler runs',
      () => running,
    )
    scene.expect.equal(await status(), 'ok connected ok', 'health of a bus whose handler has just begun')
    await scene.expect.eventually(
      async () => (seen = await status()) === 'stalled connected stalled',
      'a handler that hangs is found out',
      () => seen,
    )
    release()
    await scene.expect.eventually(
      async () => (seen = await status()) === 'ok connected ok',
      'all is well when it has ended',
      () => seen,
    )
    const { groups } = await bus.health()
    scene.expect.equal([groups[0]?.settled, groups[0]?.lastProgress !== undefined], [1, true], 'what was settled')
    if (scene.kit.network !== undefined) {
      await scene.kit.network.cut()
      try {
        await scene.expect.eventually(
          async () => (seen = await status()).startsWith('reconnecting'),
          'a lost connection is told',
          () => seen,
        )
      } finally {
        await scene.kit.network.restore()
      }
      await scene.expect.eventually(
        async () => (seen = await status()) === 'ok connected ok',
        'all is well when it is back',
        () => seen,
      )
    }
    await bus.close()
    scene.expect.that((await status()).startsWith('closed closed'), 'a closed bus says so', await status())
  }),

  defineCase('C61', 'an event that is pulled counts as handled when the next one is asked for', {}, async (scene) => {
    const Happened = counted(scene.type())
    const bus = await scene.bus()
    const events = bus.events(Happened, { group: 'pulling' })
    const first = events.next()
    let health = await bus.health()
    await scene.expect.eventually(
      async () => (health = await bus.health()).groups.length > 0 && health.status === 'ok',
      'the group is joined',
      () => health,
    )
    for (let number = 1; number <= 5; number++) await bus.publish(Happened, { number, key: 'one' })
    const pulled = [await scene.expect.inTime(first, 'the first event is pulled')]
    for (let number = 2; number <= 3; number++)
      pulled.push(await scene.expect.inTime(events.next(), 'the next event is pulled'))
    const numbers = pulled.map(({ value }) => value?.data.number)
    if (scene.kit.about.capabilities.ordering !== 'none') scene.expect.equal(numbers, [1, 2, 3], 'what was pulled')
    // Nobody has asked for the fourth, so nobody has said that the third is done.
    await events.return?.()
    await scene.expect.inTime(bus.close(), 'close() resolves')
    const rest: number[] = []
    await scene.bus({ handlers: [handler(Happened, { group: 'pulling' }, ({ data }) => void rest.push(data.number))] })
    await scene.expect.eventually(
      () => rest.length >= 3,
      'the next member gets the rest',
      () => rest,
    )
    await scene.expect.never(
      () => rest.length > 3,
      'what was answered does not come again',
      () => rest,
    )
    const done = new Set(numbers.slice(0, 2))
    const left = [1, 2, 3, 4, 5].filter((number) => !done.has(number))
    scene.expect.sameItems(rest, left, 'the rest')
  }),
]
