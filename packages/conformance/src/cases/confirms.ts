import type { Message } from '@tidings/bus'
import type { Outgoing } from '@tidings/bus/transport'
import { isTidingsError } from '@tidings/core'
import { type ConformanceCase, defineCase } from '../case.ts'
import { pause } from '../expect.ts'
import { idOf } from '../message.ts'
import type { Line } from '../scene.ts'
import { counted } from './bus-tools.ts'

/** What `publish` says became of a message, and that it is so. */
export const confirmCases: readonly ConformanceCase[] = [
  defineCase(
    'C05',
    'what was confirmed survives a broker that is killed right after',
    { needs: ['durable', 'broker'] },
    async (scene) => {
      const connection = await scene.connect()
      // The group exists, and nobody takes anything out.
      const member = await scene.join(connection)
      member.membership.pause()
      const messages = scene.messages(scene.size(50, 500))
      await scene.publish(connection, messages)
      await scene.kit.broker!.kill()
      await scene.kit.broker!.start()
      const other = await scene.join(await scene.connect())
      member.membership.resume()
      const got = (): string[] => [...member.ids, ...other.ids]
      const missing = (): string[] => messages.map(idOf).filter((id) => !got().includes(id))
      await scene.expect.eventually(() => missing().length === 0, 'every confirmed message is there', missing)
    },
  ),

  defineCase(
    'C07',
    'a publish() that gets no answer ends with its signal, and says that nobody knows',
    { needs: ['network'] },
    async (scene) => {
      const connection = await scene.connect()
      const member = await scene.join(connection)
      const message = scene.message()
      await scene.kit.network!.blackHole()
      let error: unknown
      try {
        const publish = Promise.resolve(connection.publish({ message }, { signal: AbortSignal.timeout(500) }))
        error = await scene.expect.rejection(
          publish,
          'publish() into a black hole rejects when its signal aborts',
          3000,
        )
      } finally {
        await scene.kit.network!.restore()
      }
      const unsent = error instanceof Error && error.name === 'TimeoutError'
      scene.expect.that(
        isTidingsError(error, 'OUTCOME_UNKNOWN') || unsent,
        'it rejects with OUTCOME_UNKNOWN, or with the reason of the signal',
        error,
      )
      // The id makes the repetition safe for whoever remembers ids.
      await scene.publish(connection, [message])
      await scene.expect.eventually(
        () => member.ids.length > 0,
        'the repetition arrives',
        () => member.ids,
      )
      scene.expect.equal([...new Set(member.ids)], [idOf(message)], 'what arrived')
    },
  ),

  defineCase(
    'C30',
    'what is published while the network is away is confirmed or rejected, and no rejected message is queued in secret',
    { needs: ['network'] },
    async (scene) => {
      const connection = await scene.connect()
      const member = await scene.join(connection)
      await scene.kit.network!.cut()
      const messages = scene.messages(20)
      const gaveUp = new AbortController()
      const send = (message: Message, index: number): Promise<Outcome> =>
        outcome(connection, { message }, index % 2 === 0 ? gaveUp.signal : undefined)
      // Some before it knows, and some when it does.
      const outcomes = messages.slice(0, 10).map(send)
      await scene.expect.eventually(
        () => connection.states.at(-1) === 'reconnecting',
        'it says that it reconnects',
        () => connection.states,
      )
      outcomes.push(...messages.slice(10).map(send))
      await pause(200)
      gaveUp.abort()
      await pause(200)
      await scene.kit.network!.restore()
      const ended = await scene.expect.inTime(Promise.all(outcomes), 'every publish() ends', 3 * scene.kit.within)
      const confirmed = ids(messages, ended, 'confirmed')
      const unsent = ids(messages, ended, 'unsent')
      await scene.expect.eventually(
        () => confirmed.every((id) => member.ids.includes(id)),
        'what was confirmed arrives',
        () => member.ids,
      )
      await scene.expect.never(
        () => unsent.some((id) => member.ids.includes(id)),
        'what was rejected as not sent does not arrive',
        () => member.ids,
      )
    },
  ),

  defineCase(
    'C31',
    'with 100 publishers and two restarts of the broker, everything confirmed arrives',
    { needs: ['durable', 'broker'] },
    async (scene) => {
      const lines = await Promise.all(Array.from({ length: 4 }, () => scene.connect()))
      const member = await scene.join(await scene.connect(), { prefetch: 100 })
      const confirmed: string[] = []
      const done = new AbortController()
      const publisher = async (index: number): Promise<void> => {
        while (!done.signal.aborted) {
          const message = scene.message({ subject: `key-${index}` })
          if ((await outcome(lines[index % 4]!, { message }, AbortSignal.timeout(5000))) === 'confirmed')
            confirmed.push(idOf(message))
          await pause(10)
        }
      }
      const publishers = Array.from({ length: 100 }, (_, index) => publisher(index))
      for (let restart = 0; restart < 2; restart++) {
        await pause(scene.size(500, 3000))
        await scene.kit.broker!.kill()
        await scene.kit.broker!.start()
      }
      await pause(scene.size(500, 3000))
      done.abort()
      await scene.expect.inTime(Promise.all(publishers), 'every publish() ends', 6 * scene.kit.within)
      const missing = (): string[] => {
        const got = new Set(member.ids)
        return confirmed.filter((id) => !got.has(id))
      }
      scene.expect.that(confirmed.length > 0, 'something was confirmed', confirmed.length)
      await scene.expect.eventually(
        () => missing().length === 0,
        'everything confirmed arrives',
        () => `${missing().length} of ${confirmed.length} missing`,
      )
    },
  ),

  defineCase(
    'C37',
    'close() with publishes under way: each is confirmed or rejected, and what is confirmed arrives',
    {},
    async (scene) => {
      const count = scene.size(500, 10_000)
      const consumer = await scene.connect()
      const member = await scene.join(consumer, { prefetch: 100 })
      const connection = await scene.connect()
      const messages = scene.messages(count)
      const outcomes = messages.map((message) => outcome(connection, { message }))
      await scene.expect.inTime(connection.close(), 'close() resolves')
      const ended = await scene.expect.inTime(Promise.all(outcomes), 'every publish() ends')
      const confirmed = ids(messages, ended, 'confirmed')
      await scene.expect.eventually(
        () => new Set(member.ids).size >= confirmed.length,
        'what was confirmed arrives',
        () => `${new Set(member.ids).size} of ${confirmed.length}`,
      )
      const unsent = new Set(ids(messages, ended, 'unsent'))
      await scene.expect.never(
        () => member.ids.some((id) => unsent.has(id)),
        'what was rejected as not sent does not arrive',
        () => member.ids.filter((id) => unsent.has(id)),
      )
      const late = await outcome(connection, { message: scene.message() })
      scene.expect.that(late !== 'confirmed', 'a closed connection confirms nothing', late)
    },
  ),

  defineCase(
    'C53',
    'a publish() that was given up beforehand sends nothing, and never does both',
    {},
    async (scene) => {
      const Happened = counted(scene.type())
      const connection = await scene.connect()
      const member = await scene.join(connection)
      const bus = await scene.bus()
      const reason = new Error('changed my mind')
      const signal = AbortSignal.abort(reason)
      const event = Happened.create({ number: 1 })
      const error = await scene.expect.rejection(bus.publish(event, { signal }), 'publish() of a bus rejects')
      scene.expect.that(error === reason, 'it rejects with the reason of the signal', error)
      // A connection that confirms at once need not look at the signal; but then the message is sent.
      const message = scene.message()
      const sent = await outcome(connection, { message }, signal)
      scene.expect.that(sent !== 'unknown', 'the connection knows what became of it', sent)
      const last = await bus.publish(Happened, { number: 2 })
      const wanted = sent === 'confirmed' ? [idOf(message), last.id] : [last.id]
      await scene.expect.eventually(
        () => member.ids.length >= wanted.length,
        'what was sent arrives',
        () => member.ids,
      )
      await scene.expect.never(
        () => member.ids.length > wanted.length,
        'nothing else does',
        () => member.ids,
      )
      scene.expect.sameItems(member.ids, wanted, 'what arrived')
    },
  ),
]

type Outcome = 'confirmed' | 'unknown' | 'unsent'

async function outcome(line: Line, outgoing: Outgoing, signal?: AbortSignal): Promise<Outcome> {
  try {
    await line.publish(outgoing, { signal })
    return 'confirmed'
  } catch (error) {
    return isTidingsError(error, 'OUTCOME_UNKNOWN') ? 'unknown' : 'unsent'
  }
}

function ids(messages: readonly Message[], outcomes: readonly Outcome[], wanted: Outcome): string[] {
  return messages.filter((_, index) => outcomes[index] === wanted).map(idOf)
}
