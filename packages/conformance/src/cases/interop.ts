import { handler } from '@tidings/bus'
import { TidingsError } from '@tidings/core'
import { encodeEvent } from '@tidings/events'
import { type ConformanceCase, defineCase } from '../case.ts'
import { bytesOf } from '../message.ts'
import { counted } from './bus-tools.ts'

/** How a transport gets along with what others made. */
export const interopCases: readonly ConformanceCase[] = [
  defineCase(
    'C43',
    'a group that exists with other settings is one clear error, and not tried again and again',
    { needs: ['a conflict'] },
    async (scene) => {
      const group = scene.group()
      await scene.kit.declareConflict!(group)
      const connection = await scene.connect()
      const error = await scene.expect.rejection(scene.join(connection), 'subscribe() rejects')
      scene.expect.that(
        error instanceof TidingsError && error.message.includes(group),
        'a TidingsError that names the group',
        error,
      )
      const states = connection.states.length
      await scene.expect.never(
        () => connection.states.length > states,
        'the connection does not break over it',
        () => connection.states,
      )
      const member = await scene.join(connection, { group: scene.group('another') })
      await scene.publish(connection, scene.messages(1))
      await scene.expect.eventually(
        () => member.ids.length > 0,
        'another group works',
        () => member.ids,
      )
    },
  ),

  defineCase(
    'C44',
    'what a plain client writes is read, in binary and in structured mode, and it reads what we write',
    { needs: ['a plain client'] },
    async (scene) => {
      const Happened = counted(scene.type())
      const { plain } = scene.kit
      const handled: { id: string; number: number; tenant: unknown }[] = []
      const reading = handler(Happened, { group: 'one' }, ({ id, data, extensions }) => {
        handled.push({ id, number: data.number, tenant: extensions['tenantid'] })
      })
      const bus = await scene.bus({ handlers: [reading] })
      const extensions = { tenantid: 'acme ünïcödé' }
      for (const [index, mode] of (['binary', 'structured'] as const).entries()) {
        const event = Happened.create({ number: index }, { extensions })
        await plain!.publish(encodeEvent(event), mode)
        await scene.expect.eventually(
          () => handled.length > index,
          `an event in ${mode} mode is handled`,
          () => handled,
        )
        scene.expect.equal(
          handled[index],
          { id: event.id, number: index, tenant: extensions.tenantid },
          `the event in ${mode} mode`,
        )
      }
      const receiver = await plain!.receive(Happened.type)
      try {
        const event = await bus.publish(Happened, { number: 3 }, { extensions })
        const got = await scene.expect.inTime(receiver.next(), 'the plain client receives')
        const wanted = encodeEvent(event)
        const texts = ({ attributes }: typeof got): unknown =>
          Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, String(value)]))
        scene.expect.equal(
          { attributes: texts(got), contentType: got.contentType, body: bytesOf(got.body) },
          { attributes: texts(wanted), contentType: wanted.contentType, body: bytesOf(wanted.body) },
          'what the plain client read',
        )
      } finally {
        await receiver.close()
      }
    },
  ),
]
