import { type ConformanceCase, defineCase } from '../case.ts'
import { bodyFor, bytesOf, type Draft, essence, idOf } from '../message.ts'
import type { Member } from '../member.ts'
import type { Scene } from '../scene.ts'
import { isTidingsError } from '@tidings/core'

/** What goes in comes out. */
export const roundTripCases: readonly ConformanceCase[] = [
  defineCase('C01', 'a message arrives once, with every attribute, header and byte', {}, async (scene) => {
    const text = { contentType: 'text/plain; charset=utf-8', body: 'three\nlines\n' }
    const drafts: Draft[] = [
      {},
      { subject: 'order-1' },
      { subject: 'order-2', attributes: everyAttribute, headers: { 'x-tidings-attempt': '2', 'x-tenant': 'acme' } },
      { contentType: undefined, body: undefined },
      text,
    ]
    const connection = await scene.connect()
    const member = await scene.join(connection)
    const messages = drafts.map((draft) => scene.message(draft))
    await scene.publish(connection, messages)
    await arrived(scene, member, messages.length)
    await scene.expect.never(
      () => member.ids.length > messages.length,
      'each arrives once',
      () => member.ids,
    )
    for (const message of messages) {
      const delivery = member.deliveries.find((delivery) => idOf(delivery.message) === idOf(message))
      scene.expect.equal(delivery && essence(delivery.message), essence(message), 'it is the same message')
      const { redeliveries } = scene.kit.about.capabilities
      scene.expect.equal(delivery?.redeliveries, redeliveries ? 0 : undefined, 'redeliveries of a first delivery')
    }
  }),

  defineCase(
    'C02',
    'attributes and headers keep any character, or are refused before they are sent',
    {},
    async (scene) => {
      const values = [
        'a space, a "quote", a \\ and 100%',
        'ünïcödé, 日本語, 🚀',
        '%20%0A is no escape',
        ' leading and trailing ',
        '=?UTF-8?Q?no?=',
        'x'.repeat(8192),
        'line\r\nfeed: injected',
      ]
      const connection = await scene.connect()
      const member = await scene.join(connection)
      const sent = []
      for (const value of values) {
        const message = scene.message({ subject: value, attributes: { tenantid: value }, headers: { 'x-note': value } })
        try {
          await connection.publish({ message })
          sent.push(message)
        } catch (error) {
          scene.expect.that(isTidingsError(error), 'what is refused is refused with a TidingsError', error)
        }
      }
      const [first] = sent
      scene.expect.that(
        first !== undefined && sent.length >= 5,
        'spaces, quotes, percent signs and emoji are not refused',
        sent.length,
      )
      await arrived(scene, member, sent.length)
      for (const message of sent) {
        const delivery = member.deliveries.find((delivery) => idOf(delivery.message) === idOf(message))
        scene.expect.equal(delivery && essence(delivery.message), essence(message), 'it is the same message')
      }
    },
  ),

  defineCase(
    'C03',
    'bodies of any size up to the limit arrive; a larger one is refused and disturbs nothing',
    {},
    async (scene) => {
      const { maxMessageSize } = scene.kit.about.capabilities
      const limited = Number.isFinite(maxMessageSize)
      const binary = 'application/octet-stream'
      const bodies: Uint8Array[] = [new Uint8Array(), new Uint8Array([0]), new Uint8Array(65_536).fill(7)]
      // A limit of gigabytes is not worth its memory.
      if (limited && maxMessageSize <= 2 ** 27) bodies.push(bodyFor(maxMessageSize))
      const connection = await scene.connect()
      const member = await scene.join(connection)
      if (limited && maxMessageSize <= 2 ** 27) {
        const tooLarge = scene.message({ contentType: binary, body: bodyFor(maxMessageSize + 1, 0) })
        const publish = Promise.resolve().then(() => connection.publish({ message: tooLarge }))
        const error = await scene.expect.rejection(publish, 'a message beyond maxMessageSize is refused')
        scene.expect.that(isTidingsError(error, 'MESSAGE_TOO_LARGE'), 'it is refused with MESSAGE_TOO_LARGE', error)
      }
      const messages = bodies.map((body) => scene.message({ contentType: binary, body }))
      await scene.publish(connection, messages)
      await arrived(scene, member, messages.length)
      for (const [index, message] of messages.entries()) {
        const body = member.deliveries.find((delivery) => idOf(delivery.message) === idOf(message))?.message.body
        scene.expect.that(
          same(bytesOf(body), bodies[index]!),
          `a body of ${bodies[index]!.length} bytes is unchanged`,
          bytesOf(body).length,
        )
      }
    },
  ),

  defineCase('C04', 'bytes, numbers as text, and content types are not interpreted', {}, async (scene) => {
    const bytes = Uint8Array.from({ length: 512 }, (_, index) => index % 256)
    const numbers = '{"large":"9007199254740993","exact":1.10,"spaced" : [1,  2]}'
    const messages = [
      scene.message({ contentType: 'application/octet-stream', body: bytes }),
      scene.message({ contentType: 'application/json', body: numbers }),
      scene.message({ contentType: 'application/vnd.acme+json; charset=utf-8', body: numbers }),
      scene.message({ contentType: 'text/plain; charset=utf-8', body: '\u0000 and \ufeff' }),
    ]
    const connection = await scene.connect()
    const member = await scene.join(connection)
    await scene.publish(connection, messages)
    await arrived(scene, member, messages.length)
    for (const message of messages) {
      const delivery = member.deliveries.find((delivery) => idOf(delivery.message) === idOf(message))
      scene.expect.equal(delivery && essence(delivery.message), essence(message), 'it is the same message')
    }
  }),
]

const everyAttribute = {
  dataschema: 'https://example.com/schemas/order/2',
  dataversion: 2,
  sequence: '00000000000000000042',
  correlationid: 'correlation-1',
  causationid: 'causation-1',
  causationdepth: 3,
  partitionkey: 'customer-7',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  tracestate: 'vendor=a,other=b',
  expirytime: '2099-01-01T00:00:00Z',
  acmeflag: true,
} as const

function arrived(scene: Scene, member: Member, count: number): Promise<void> {
  return scene.expect.eventually(
    () => new Set(member.ids).size >= count,
    `${count} messages arrive`,
    () => member.ids,
  )
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}
