import { afterAll, describe, expect, test } from 'vitest'
import { kafka } from '../src/index.ts'
import { connectTo, group, joined } from './fixtures/connect.ts'
import { privateServer } from './fixtures/server.ts'

const server = await privateServer({ tls: true })
afterAll(() => server?.stop())

describe.runIf(server !== undefined)('on a broker that asks for TLS and a password', () => {
  const { brokers, ca, username, password } = server!.secure!
  const sasl = { mechanism: 'PLAIN', username, password } as const

  // With the times that a user has who sets none.
  test('events go over TLS by the options of Node, and the user is let in', { timeout: 90_000 }, async () => {
    const line = await connectTo(kafka({ brokers, tls: { ca }, sasl }))
    const ids = await joined(line, group('tls'))
    const message = line.message()
    await line.publish({ message })
    await line.publish({ message: line.message(), group: 'tls', notBefore: Date.now() + 300 })
    await expect.poll(() => ids.length, { timeout: 30_000 }).toBe(2)
    expect(ids[0]).toBe(message.attributes['id'])
    await line.close()
  })

  test('a certificate that nobody trusts is refused', async () => {
    const refused = connectTo(kafka({ brokers, tls: {}, sasl, timeout: '5s' }))
    await expect(refused).rejects.toMatchObject({ name: 'KafkaError', code: 'KAFKA_UNREACHABLE' })
    await expect(refused).rejects.toThrow('is not trusted')
  })

  test('a wrong password is refused, and is in no message', async () => {
    const wrong = connectTo(kafka({ brokers, tls: { ca }, sasl: { ...sasl, password: 'not-the-one' }, timeout: '5s' }))
    await expect(wrong).rejects.toMatchObject({ code: 'KAFKA_REFUSED' })
    await expect(wrong).rejects.not.toThrow('not-the-one')
  })
})
