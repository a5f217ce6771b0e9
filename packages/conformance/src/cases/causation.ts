import { type Bus, handler } from '@tidings/bus'
import { encodeEvent } from '@tidings/events'
import { type ConformanceCase, defineCase } from '../case.ts'
import { counted, lettersOf } from './bus-tools.ts'

/** What an event leads to: effects, answers, or nothing any more. */
export const causationCases: readonly ConformanceCase[] = [
  defineCase('C40', 'an effect names its cause, and the trace context goes through', {}, async (scene) => {
    const Happened = counted(scene.type())
    const Followed = counted(scene.type('followed'))
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const tracestate = 'vendor=a,other=b'
    const effects: { correlationId: string | undefined; causationId: string | undefined }[] = []
    const traces: unknown[] = []
    const bus = await scene.bus({
      handlers: [
        handler(Happened, { group: 'causing' }, async ({ data, extensions }, context) => {
          traces.push([extensions['traceparent'], extensions['tracestate']])
          await context.publish(Followed, { number: data.number + 1 })
        }),
        handler(
          Followed,
          { group: 'following' },
          ({ correlationId, causationId }) => void effects.push({ correlationId, causationId }),
        ),
      ],
    })
    const extensions = { traceparent, tracestate }
    const cause = await bus.publish(Happened, { number: 1 }, { correlationId: 'order-42', extensions })
    await scene.expect.eventually(
      () => effects.length > 0,
      'the effect arrives',
      () => effects,
    )
    scene.expect.equal(
      effects,
      [{ correlationId: 'order-42', causationId: cause.id }],
      'what the effect says of its cause',
    )
    scene.expect.equal(traces, [[traceparent, tracestate]], 'the trace context')
  }),

  defineCase('C41', 'an event that has expired is left out and told, and does not come again', {}, async (scene) => {
    const Happened = counted(scene.type())
    const handled: number[] = []
    let expired = 0
    const options = {
      handlers: [handler(Happened, { group: 'one' }, ({ data }) => void handled.push(data.number))],
      observer: { expired: () => void expired++ },
    }
    const bus = await scene.bus(options)
    const connection = await scene.connect()
    const old = Happened.create(
      { number: 1 },
      { extensions: { expirytime: new Date(Date.now() - 1000).toISOString() } },
    )
    await connection.publish({ message: { ...encodeEvent(old), headers: {} } })
    await bus.publish(Happened, { number: 2 }, { expires: '1h' })
    await scene.expect.eventually(
      () => expired > 0 && handled.length > 0,
      'one is handled and one has expired',
      () => ({ handled, expired }),
    )
    await scene.expect.inTime(bus.close(), 'close() resolves')
    await scene.bus(options)
    await scene.expect.never(
      () => expired > 1 || handled.length > 1,
      'neither comes again',
      () => ({ handled, expired }),
    )
    scene.expect.equal(handled, [2], 'what was handled')
  }),

  defineCase(
    'C47',
    'a request gets its answer, and nobody else does',
    { needs: ['temporaryGroups'] },
    async (scene) => {
      const Asked = counted(scene.type('asked'))
      const Answered = counted(scene.type('answered'))
      const overheard: number[] = []
      const answering = handler(Asked, { group: 'answering' }, async ({ data }, context) => {
        if (data.number < 0) throw new Error('no such price')
        await context.reply(Answered, { number: data.number * 2 })
      })
      const listening = handler(Answered, { group: 'listening' }, ({ data }) => void overheard.push(data.number))
      await scene.bus({ source: scene.source('server'), handlers: [answering, listening] })
      const client = await scene.bus({ source: scene.source('client'), definitions: [Answered] })
      const numbers = [1, 2, 3, 4, 5]
      const answers = await scene.expect.inTime(
        Promise.all(
          numbers.map((number) =>
            client.request(Asked, { number }, { reply: Answered, timeout: 2 * scene.kit.within }),
          ),
        ),
        'every request is answered',
      )
      scene.expect.equal(
        answers.map(({ data }) => data.number),
        [2, 4, 6, 8, 10],
        'the answers',
      )
      await scene.expect.never(
        () => overheard.length > 0,
        'no group overhears an answer',
        () => overheard,
      )
    },
  ),

  defineCase(
    'C48',
    'a circle of events over two buses ends, and is reported',
    { needs: ['a store of dead letters'] },
    async (scene) => {
      const Ping = counted(scene.type('ping'))
      const Pong = counted(scene.type('pong'))
      let calls = 0
      const bounce = (from: typeof Ping, to: typeof Ping, group: string): Promise<Bus> => {
        const bouncing = handler(from, { group, retry: false }, async ({ data }, context) => {
          calls++
          await context.publish(to, { number: data.number + 1 })
        })
        return scene.bus({ source: scene.source(group), handlers: [bouncing], maxDepth: 10 })
      }
      const buses = [await bounce(Ping, Pong, 'left'), await bounce(Pong, Ping, 'right')]
      await buses[0]!.publish(Ping, { number: 0 })
      const letters = async (): Promise<unknown[]> => (await Promise.all(buses.map(lettersOf))).flat()
      await scene.expect.eventually(
        async () => (await letters()).length > 0,
        'the circle ends in a dead letter',
        () => calls,
      )
      await scene.expect.never(
        () => calls > 12,
        'it goes round ten times at most',
        () => calls,
      )
      const [letter] = (await Promise.all(buses.map(lettersOf))).flat()
      scene.expect.equal(
        letter?.reason === 'event-storm' ? 'EVENT_STORM' : letter?.error?.code,
        'EVENT_STORM',
        'the code in the letter',
      )
    },
  ),
]
