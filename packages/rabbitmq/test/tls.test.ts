import { startRabbitmq } from '@tidings/services'
import { afterAll, describe, expect, test } from 'vitest'
import { rabbitmq } from '../src/index.ts'
import { connectTo, group, joined } from './fixtures/connect.ts'
import { privateServer } from './fixtures/server.ts'

const any = await privateServer()
await any?.stop()
const server = any && (await startRabbitmq({ tls: true }))
afterAll(() => server?.stop())

describe.runIf(server !== undefined)('on a broker that listens for TLS', () => {
  const { url, ca } = server!.tls!

  test('events go over TLS by the options of the driver', async () => {
    const line = await connectTo(rabbitmq({ url, socket: { ca } }))
    const ids = await joined(line, group('tls'))
    const message = line.message()
    await line.publish({ message })
    await expect.poll(() => ids).toEqual([message.attributes['id']])
    await line.close()
  })

  test('a certificate that nobody trusts is refused', async () => {
    const refused = connectTo(rabbitmq({ url }))
    await expect(refused).rejects.toMatchObject({ code: 'RABBITMQ_UNREACHABLE' })
    await expect(refused).rejects.toThrow('self-signed certificate')
  })

  test('credentials may be given apart from the address', async () => {
    const { credentials } = await import('amqplib')
    const bare = url.replace('guest:guest@', '')
    const wrong = rabbitmq({ url: bare, socket: { ca, credentials: credentials.plain('guest', 'wrong') } })
    await expect(connectTo(wrong)).rejects.toMatchObject({ code: 'RABBITMQ_REFUSED' })
    const line = await connectTo(
      rabbitmq({ url: bare, socket: { ca, credentials: credentials.plain('guest', 'guest') } }),
    )
    await line.close()
  })
})
