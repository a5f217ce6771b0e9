import { isTidingsError } from '@tidings/core'
import { type ConformanceCase, defineCase } from '../case.ts'
import { idOf } from '../message.ts'

/** Where `publish` brings a message, and in which order. */
export const publishingCases: readonly ConformanceCase[] = [
  defineCase('C06', 'a message that reaches no group is reported', { needs: ['unroutable'] }, async (scene) => {
    const connection = await scene.connect()
    const member = await scene.join(connection)
    const [lost, found] = [scene.message({ type: scene.type('unwanted') }), scene.message()]
    await scene.publish(connection, [lost, found])
    await scene.expect.eventually(
      () => connection.unroutable.length > 0,
      'onUnroutable is called',
      () => connection.unroutable.map(idOf),
    )
    await scene.expect.eventually(
      () => member.ids.length > 0,
      'the other one arrives',
      () => member.ids,
    )
    scene.expect.equal(connection.unroutable.map(idOf), [idOf(lost)], 'what was reported')
  }),

  defineCase(
    'C52',
    'many publishers on several connections: each message arrives, in the order of its publisher for each key',
    {},
    async (scene) => {
      const each = scene.size(40, 400)
      const lines = await Promise.all([scene.connect(), scene.connect()])
      const ordered = scene.kit.about.capabilities.ordering !== 'none'
      const member = await scene.join(await scene.connect(), { prefetch: 50, ordered })
      const publishers = Array.from({ length: 10 }, (_, index) =>
        scene.messages(each, () => ({ subject: `key-${index}` })),
      )
      // Not one after the other: one caller may publish without waiting, and the order of its calls counts.
      await scene.expect.inTime(
        Promise.all(
          publishers.flatMap((messages, index) =>
            messages.map(async (message) => lines[index % 2]!.publish({ message })),
          ),
        ),
        'every publish() resolves',
      )
      const total = each * publishers.length
      await scene.expect.eventually(
        () => member.ids.length >= total,
        `${total} messages arrive`,
        () => member.ids.length,
      )
      await scene.expect.never(
        () => member.ids.length > total,
        'none arrives twice',
        () => member.ids.length,
      )
      const wanted = new Map(publishers.flatMap((messages) => messages.map((message, index) => [idOf(message), index])))
      scene.expect.that(
        member.ids.every((id) => wanted.has(id)) && new Set(member.ids).size === total,
        'each of them arrives',
        member.ids.length,
      )
      if (!ordered) return
      for (const [index, messages] of publishers.entries()) {
        const mine = new Set(messages.map(idOf))
        const places = member.ids.filter((id) => mine.has(id)).map((id) => wanted.get(id))
        scene.expect.equal(
          places,
          messages.map((_, index) => index),
          `the order of publisher ${index}`,
        )
      }
    },
  ),

  defineCase(
    'C62',
    'a message for one group that does not exist is refused, and the connection goes on',
    {},
    async (scene) => {
      const connection = await scene.connect()
      const member = await scene.join(connection)
      const nobody = { message: scene.message(), group: scene.group('nobody') }
      const published = Promise.resolve(connection.publish(nobody))
      const error = await scene.expect.rejection(published, 'publish() for a group that does not exist rejects')
      scene.expect.that(isTidingsError(error, 'UNKNOWN_GROUP'), 'it rejects with UNKNOWN_GROUP', error)
      const message = scene.message()
      await scene.publish(connection, [message])
      await scene.expect.eventually(
        () => member.ids.length > 0,
        'the next message arrives',
        () => member.ids,
      )
      scene.expect.equal(member.ids, [idOf(message)], 'what arrived')
      scene.expect.equal(connection.unroutable.length, 0, 'messages reported by onUnroutable')
    },
  ),
]
